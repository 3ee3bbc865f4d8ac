package incidents

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ID names an incident for ever. It begins with its shard, so that no look-up is needed to find it. "" is no incident.
type ID string

var idText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewID makes an id for an incident in a shard.
func NewID(shard int) ID {
	var b [10]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic("incidents: no randomness: " + err.Error())
	}
	return ID(fmt.Sprintf("%02x%s", shard, idText.EncodeToString(b[:])))
}

// ParseID reads an id and checks its form; it does not look whether it exists.
func ParseID(s string) (ID, bool) {
	if len(s) != 18 {
		return "", false
	}
	if _, err := strconv.ParseUint(s[:2], 16, 8); err != nil {
		return "", false
	}
	for _, c := range s[2:] {
		if (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return "", false
		}
	}
	return ID(s), true
}

// Shard is where the incident lies. A malformed id lies in shard 0, where nothing of it is found.
func (id ID) Shard() int {
	if len(id) < 2 {
		return 0
	}
	n, err := strconv.ParseUint(string(id[:2]), 16, 8)
	if err != nil {
		return 0
	}
	return int(n)
}

// State is where an incident stands: triggered, acknowledged or resolved. Snoozed is a field, not a state.
type State string

// The states.
const (
	Triggered    State = "triggered"
	Acknowledged State = "acknowledged"
	Closed       State = "resolved"
)

// Counts are the alerts of an incident.
type Counts struct {
	Firing   int64 `json:"firing"`
	Total    int64 `json:"total"`    // distinct alerts
	Received int64 `json:"received"` // every report taken in
}

// Incident is what is wrong, as it stands now. Times are UTC with milliseconds; nil means not (yet).
type Incident struct {
	ID             ID         `json:"id"`
	Number         int64      `json:"number"` // for people; unique, never reused, gaps allowed
	State          State      `json:"state"`
	Severity       string     `json:"severity"` // "P0" to "P5"
	Title          string     `json:"title"`
	Source         string     `json:"source"`
	Route          string     `json:"route"`
	Policy         string     `json:"policy"`
	GroupKey       string     `json:"group_key"`
	CreatedAt      time.Time  `json:"created_at"`
	AcknowledgedAt *time.Time `json:"acknowledged_at"`
	AcknowledgedBy *string    `json:"acknowledged_by"`
	ResolvedAt     *time.Time `json:"resolved_at"`
	ResolvedBy     *string    `json:"resolved_by"`
	Assignees      []string   `json:"assignees"`
	Alerts         Counts     `json:"alerts"`
	SnoozedUntil   *time.Time `json:"snoozed_until"`
	Flaps          int64      `json:"flaps"` // how often it was reopened by its own alerts

	// Channels and Show are the route's, as they were when the incident began.
	Channels []string          `json:"channels"`
	Show     []string          `json:"show"`
	Summary  map[string]string `json:"summary"` // the annotations in Show, of the first alert
	Labels   map[string]string `json:"labels"`  // of the first alert

	// Version grows with every change that a card shows.
	Version int64 `json:"version"`
	// Step and Round are where the ladder stands: the step that runs next, from 0; -1: it has not begun, or has ended.
	// Reached says whether this round paged anybody.
	Step    int  `json:"step"`
	Round   int  `json:"round"`
	Reached bool `json:"-"`
}

// Open says that somebody must still do something.
func (i *Incident) Open() bool { return i.State == Triggered || i.State == Acknowledged }

// Actor is who did something, and through what.
type Actor struct {
	Person string `json:"person"` // "" for the system
	Via    string `json:"via"`    // slack, wecom, web, api, cli, system
}

// System acts when alerts and timers do.
var System = Actor{Via: "system"}

// Line is one line of an incident's history.
type Line struct {
	Seq   int             `json:"seq"` // from 1
	At    time.Time       `json:"at"`
	Kind  string          `json:"kind"`
	Actor Actor           `json:"actor"`
	Data  json.RawMessage `json:"data"`
}

// AlertView is an alert of an incident as it stands.
type AlertView struct {
	Fingerprint string            `json:"fingerprint"`
	Status      Status            `json:"status"`
	StartsAt    time.Time         `json:"starts_at"`
	EndsAt      *time.Time        `json:"ends_at"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Generator   string            `json:"generator_url,omitempty"`
	Received    int64             `json:"received"`
	LastAt      time.Time         `json:"last_received_at"`
	// TextDropped marks alerts beyond those whose labels are kept (500 an incident): identity and state only.
	TextDropped bool `json:"text_dropped,omitempty"`
}

// parseIncident reads an incident's hash. Fields that cannot be read are zero: a hand-edited value must not stop anything.
func parseIncident(h map[string]string) (Incident, bool) {
	if h["state"] == "" || h["id"] == "" {
		return Incident{}, false
	}
	i := Incident{
		ID: ID(h["id"]), Number: num(h["number"]), State: State(h["state"]), Severity: h["severity"], Title: h["title"],
		Source: h["source"], Route: h["route"], Policy: h["policy"], GroupKey: h["group_key"], CreatedAt: ms(h["created_at"]),
		AcknowledgedAt: optional(h["acknowledged_at"]), ResolvedAt: optional(h["resolved_at"]), SnoozedUntil: optional(h["snoozed_until"]),
		Assignees: words(h["assignees"]), Channels: words(h["channels"]), Show: words(h["show"]),
		Alerts:  parseCounts(h["n"]).Counts,
		Version: num(h["ver"]), Step: int(num(h["step"])), Round: int(num(h["round"])), Flaps: num(h["flaps"]), Reached: h["reached"] == "1",
	}
	if i.AcknowledgedAt != nil {
		by := h["acknowledged_by"]
		i.AcknowledgedBy = &by
	}
	if i.ResolvedAt != nil {
		by := h["resolved_by"]
		i.ResolvedBy = &by
	}
	if h["summary"] != "" {
		_ = json.Unmarshal([]byte(h["summary"]), &i.Summary)
	}
	if h["labels"] != "" {
		_ = json.Unmarshal([]byte(h["labels"]), &i.Labels)
	}
	return i, true
}

// counters are the field that ingest.lua keeps: counts, and the open line of firing alerts.
type counters struct {
	Counts
	lineCount int64
	lineSeq   int // 0: there is none
}

func parseCounts(s string) counters {
	f := strings.Split(s, ",")
	for len(f) < 6 {
		f = append(f, "")
	}
	return counters{Counts{num(f[0]), num(f[1]), num(f[2])}, num(f[4]), int(num(f[5]))}
}

func parseLine(seq int, s string) Line {
	f := strings.SplitN(s, "\x1f", 5)
	for len(f) < 5 {
		f = append(f, "")
	}
	l := Line{Seq: seq, At: ms(f[0]), Kind: f[1], Actor: Actor{f[2], f[3]}, Data: json.RawMessage(f[4])}
	if !json.Valid(l.Data) {
		l.Data = json.RawMessage("{}")
	}
	return l
}

func parseAlert(fp, s, packed string) AlertView {
	v := AlertView{Fingerprint: fp, Status: Firing, Labels: map[string]string{}, Annotations: map[string]string{}}
	if strings.HasPrefix(s, "R") {
		v.Status = Resolved
	}
	if s != "" {
		f := strings.Split(s[1:], ",")
		for len(f) < 4 {
			f = append(f, "")
		}
		v.StartsAt, v.EndsAt, v.Received, v.LastAt = ms(f[0]), optional(f[1]), num(f[2]), ms(f[3])
	}
	if packed == "" {
		v.TextDropped = true
		return v
	}
	v.Labels, v.Annotations, v.Generator = unpack(packed)
	return v
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

func words(s string) []string {
	out := strings.Split(s, "\n")
	if s == "" {
		out = []string{}
	}
	return out
}
