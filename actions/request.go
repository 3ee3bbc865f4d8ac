package actions

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"dogwatch/incidents"
)

// RequestID names a request for ever. It begins with its shard. "" is no request.
type RequestID string

// ParseRequestID reads an id and checks its form; it does not look whether it exists.
func ParseRequestID(s string) (RequestID, bool) {
	id, ok := incidents.ParseID(s)
	return RequestID(id), ok
}

// Shard is where the request lies.
func (id RequestID) Shard() int { return incidents.ID(id).Shard() }

// State is where a request stands (contract, section 4).
type State string

// The states. From Succeeded on they are final and never change.
const (
	Pending   State = "pending"
	Approved  State = "approved"
	Running   State = "running"
	Succeeded State = "succeeded"
	Failed    State = "failed"
	Rejected  State = "rejected"
	Expired   State = "expired"
	Cancelled State = "cancelled"
	Unknown   State = "unknown" // the effect may have happened
)

// Final says that the state never changes again.
func (s State) Final() bool {
	switch s {
	case Pending, Approved, Running:
		return false
	}
	return true
}

// Consent is one person's approval.
type Consent struct {
	Person string    `json:"person"`
	Via    string    `json:"via"`
	At     time.Time `json:"at"`
	seal   string
}

// Request is what somebody asked for, everything that will run, and how it stands. Times are UTC with milliseconds; nil means
// not (yet).
type Request struct {
	ID        RequestID      `json:"id"`
	State     State          `json:"state"`
	Action    string         `json:"action"`
	Title     string         `json:"title"`
	Params    map[string]any `json:"params"`
	Runner    string         `json:"runner"`
	Target    string         `json:"target"`
	Argv      []string       `json:"argv"`
	Dir       string         `json:"dir,omitempty"`
	Env       []string       `json:"env"` // names only
	TimeoutMS int64          `json:"timeout_ms"`
	Version   string         `json:"action_version"`
	Incident  incidents.ID   `json:"incident,omitempty"`
	Requester string         `json:"requester"`
	Reason    string         `json:"reason,omitempty"` // the requester's
	RetryOf   RequestID      `json:"retry_of,omitempty"`

	// Digest is the SHA-256 over all of the above that decides what runs, and over ExpiresAt. An approval is for exactly it.
	Digest    string    `json:"digest"`
	ExpiresAt time.Time `json:"expires_at"`
	CreatedAt time.Time `json:"created_at"`

	Quorum      int        `json:"quorum"` // 0: no consent needed
	FourEyes    bool       `json:"four_eyes"`
	Approvals   []Consent  `json:"approvals"`
	DecidedBy   string     `json:"decided_by,omitempty"` // who brought it to its present state; "" for the system
	DecidedAt   *time.Time `json:"decided_at"`
	CancelAsked string     `json:"cancel_asked_by,omitempty"`

	RunID     string     `json:"run_id,omitempty"`
	StartedAt *time.Time `json:"started_at"`
	EndedAt   *time.Time `json:"ended_at"`
	ExitCode  *int       `json:"exit_code"` // nil while it is not known
	Signal    string     `json:"signal,omitempty"`
	Bytes     int64      `json:"output_bytes"`
	Survivors int        `json:"survivors,omitempty"`
	// Outcome says why it ended as it did: a key of the catalogue ("why_timeout"); "" where the state says it all.
	Outcome Why `json:"outcome,omitempty"`
	// Detail is the runner's own word about it, English, for the curious.
	Detail string `json:"detail,omitempty"`

	// Changes grows with every change that a card shows.
	Changes int64 `json:"version"`

	worker, ledger string
	epoch          int64
}

// Why is a reason that is not a person's; it is also the key of its sentence in the catalogue.
type Why string

// The reasons.
const (
	WhyTimeout     Why = "why_timeout"     // ended at its deadline
	WhySignal      Why = "why_signal"      // ended by a signal that was not ours
	WhyExit        Why = "why_exit"        // ended with an exit code other than 0
	WhyNotStarted  Why = "why_not_started" // nothing ran, for certain
	WhyInterrupted Why = "why_interrupted" // dogwatch ended while it ran
	WhyLost        Why = "why_lost"        // its worker went silent
	WhyOutcome     Why = "why_outcome"     // the runner could not tell how it ended
	WhyAlreadyRan  Why = "why_already_ran" // the ledger knows an earlier start of this run
	WhyResolved    Why = "why_resolved"    // withdrawn with its incident
	WhyChanged     Why = "why_changed"     // the action's definition changed after the request was made
	WhyRights      Why = "why_rights"      // an approval lost its right before the start
	WhyDigest      Why = "why_digest"      // what is stored is not what was approved
)

// canonical is JSON with sorted keys and without spaces; the same value is always the same bytes.
func canonical(v map[string]any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("actions: " + err.Error()) // only texts, numbers, booleans and lists of them are put in
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// digest is what approvals are bound to.
func (r *Request) digest() string {
	sum := sha256.Sum256(canonical(map[string]any{
		"action": r.Action, "version": r.Version, "runner": r.Runner, "argv": r.Argv, "dir": r.Dir, "env": r.Env, "target": r.Target,
		"timeout_ms": r.TimeoutMS, "incident": r.Incident, "requester": r.Requester, "expires_at": r.ExpiresAt.UnixMilli(),
	}))
	return hex.EncodeToString(sum[:])
}

// fields are what request.lua keeps of a new request: names and values in turn.
func (r *Request) fields() []any {
	list := func(v any) string {
		out, err := json.Marshal(v)
		if err != nil {
			panic("actions: " + err.Error()) // texts, numbers and booleans only
		}
		return string(out)
	}
	four := "1"
	if !r.FourEyes {
		four = "0"
	}
	return []any{"action", r.Action, "title", r.Title, "params", list(r.Params), "runner", r.Runner, "target", r.Target,
		"argv", list(r.Argv), "dir", r.Dir, "env", list(r.Env), "timeout_ms", strconv.FormatInt(r.TimeoutMS, 10), "version", r.Version,
		"requester", r.Requester, "reason", r.Reason, "retry_of", string(r.RetryOf), "digest", r.Digest,
		"quorum", strconv.Itoa(r.Quorum), "four_eyes", four}
}

// parseRequest reads a request's hash. Fields that cannot be read are zero: a hand-edited value must not stop anything, and fails the
// digest before it can run.
func parseRequest(h map[string]string) (Request, bool) {
	if h["id"] == "" || h["state"] == "" {
		return Request{}, false
	}
	r := Request{
		ID: RequestID(h["id"]), State: State(h["state"]), Action: h["action"], Title: h["title"], Runner: h["runner"], Target: h["target"],
		Dir: h["dir"], TimeoutMS: num(h["timeout_ms"]), Version: h["version"], Incident: incidents.ID(h["incident"]),
		Requester: h["requester"], Reason: h["reason"], RetryOf: RequestID(h["retry_of"]), Digest: h["digest"],
		ExpiresAt: ms(h["expires_at"]), CreatedAt: ms(h["created_at"]), Quorum: int(num(h["quorum"])), FourEyes: h["four_eyes"] != "0",
		Approvals: parseConsents(h["approvals"]), DecidedBy: h["decided_by"], DecidedAt: optional(h["decided_at"]), CancelAsked: h["cancel_by"],
		RunID: h["run_id"], StartedAt: optional(h["started_at"]), EndedAt: optional(h["ended_at"]), Signal: h["signal"],
		Bytes: num(h["bytes"]), Survivors: int(num(h["survivors"])), Outcome: Why(h["why"]), Detail: h["detail"],
		Changes: num(h["ver"]), worker: h["worker"], ledger: h["ledger"], epoch: num(h["epoch"]),
		Params: map[string]any{}, Argv: []string{}, Env: []string{},
	}
	_ = json.Unmarshal([]byte(h["params"]), &r.Params)
	_ = json.Unmarshal([]byte(h["argv"]), &r.Argv)
	_ = json.Unmarshal([]byte(h["env"]), &r.Env)
	if h["exit_code"] != "" {
		code := int(num(h["exit_code"]))
		r.ExitCode = &code
	}
	return r, true
}

// parseConsents reads lines of person, via, time (ms) and seal, by \x1e.
func parseConsents(s string) []Consent {
	all := []Consent{}
	for l := range strings.SplitSeq(s, "\n") {
		f := strings.Split(l, "\x1e")
		if len(f) == 4 {
			all = append(all, Consent{f[0], f[1], ms(f[2]), f[3]})
		}
	}
	return all
}

func num(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

func ms(s string) time.Time { return time.UnixMilli(num(s)).UTC() }

func optional(s string) *time.Time {
	if s == "" || s == "0" {
		return nil
	}
	t := ms(s)
	return &t
}

// LateError: the state does not allow it (any more).
type LateError struct {
	Verb  string
	State State     // where the request stands
	By    string    // who brought it there; "" for the system
	At    time.Time // when; zero if that is not known
}

func (e *LateError) Error() string {
	return fmt.Sprintf("%s request: it is %s already", e.Verb, e.State)
}

// DeniedError: this person may not.
type DeniedError struct {
	Verb string
	Why  Denial
}

func (e *DeniedError) Error() string {
	return fmt.Sprintf("%s: %s", e.Verb, strings.ReplaceAll(string(e.Why), "_", " "))
}
