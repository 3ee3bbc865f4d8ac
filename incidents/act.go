package incidents

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"dogwatch/internal/state"
	"dogwatch/schedules"
)

//go:embed act.lua
var actSource string

//go:embed declare.lua
var declareSource string

var (
	actScript     = state.NewScript("act", actSource)
	declareScript = state.NewScript("declare", declareSource)
)

// LateError: the state does not allow it (any more).
type LateError struct {
	Verb  string
	State State     // where the incident stands
	By    string    // who brought it there; "" for the system or nobody
	At    time.Time // when; zero if that is not known
}

func (e *LateError) Error() string {
	return fmt.Sprintf("%s incident: it is %s already", e.Verb, e.State)
}

// DeniedError: the person has no right to do it.
type DeniedError struct{ Verb, Person string }

func (e *DeniedError) Error() string {
	return fmt.Sprintf("%s incident: %q has no right to (role responder)", e.Verb, e.Person)
}

// Use takes the people of a configuration. Until it was called nobody may do anything.
func (s *Service) Use(d *schedules.Directory) { s.people.Store(d) }

// Allowed is the one place where the right to change an incident is checked, whichever way the wish came.
func (s *Service) Allowed(verb string, by By) error {
	if d := s.people.Load(); d == nil || !d.Allows(by.Person, schedules.Responder) {
		return &DeniedError{verb, by.Person}
	}
	return nil
}

// Errors of what people ask for.
var (
	// ErrPast: a snooze must end in the future.
	ErrPast = errors.New("the time lies in the past")
	// ErrNoPolicy: there is nobody to escalate to.
	ErrNoPolicy = errors.New("the incident has no policy")
	// ErrEmpty: a note or a title without text.
	ErrEmpty = errors.New("the text is empty")
)

// By is who asks for a change, and the request id under which a repeat returns the first result.
type By struct {
	Actor
	Request string // "" never matches another request
}

// Acknowledge makes the person responsible and stops the ladder. The same person again: no effect and no error.
func (s *Service) Acknowledge(ctx context.Context, id ID, by By, reason string) error {
	return s.act(ctx, id, by, change{verb: "acknowledge", data: data("reason", reason)})
}

// Resolve closes an incident by hand.
func (s *Service) Resolve(ctx context.Context, id ID, by By, reason string) error {
	return s.act(ctx, id, by, change{verb: "resolve", data: data("reason", reason)})
}

// Reopen triggers a resolved incident again; its ladder starts anew.
func (s *Service) Reopen(ctx context.Context, id ID, by By, reason string) error {
	return s.act(ctx, id, by, change{verb: "reopen", data: data("reason", reason)})
}

// Snooze holds the ladder until a time; then the incident is triggered again and the ladder starts anew.
func (s *Service) Snooze(ctx context.Context, id ID, by By, until time.Time) error {
	return s.act(ctx, id, by, change{verb: "snooze", data: data("until", until.UTC().Format(time.RFC3339)), arg: strconv.FormatInt(until.UnixMilli(), 10)})
}

// Assign adds a person to the assignees, as the last one. Whether that person exists is the caller's to check.
func (s *Service) Assign(ctx context.Context, id ID, by By, person string) error {
	return s.act(ctx, id, by, change{verb: "assign", data: data("person", person), arg: person})
}

// Escalate runs the ladder's next step now, also of an acknowledged incident, which is triggered again.
func (s *Service) Escalate(ctx context.Context, id ID, by By) error {
	return s.act(ctx, id, by, change{verb: "escalate", data: data()})
}

// Note puts a text into the history.
func (s *Service) Note(ctx context.Context, id ID, by By, text string) error {
	text = strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD"))
	if text == "" {
		return fmt.Errorf("note on incident %s: %w", id, ErrEmpty)
	}
	if len(text) > 8000 {
		text = clean(text, 8000)
	}
	return s.act(ctx, id, by, change{verb: "note", data: data("text", text)})
}

// data is a line's data: the pairs whose value is not empty.
func data(pairs ...string) string {
	m := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			m[pairs[i]] = pairs[i+1]
		}
	}
	out, err := json.Marshal(m)
	if err != nil {
		return "{}"
	}
	return string(out)
}

// change is what act.lua makes of an incident: the verb, the history line's data, and what the verb needs besides.
type change struct{ verb, data, arg string }

func (s *Service) act(ctx context.Context, id ID, by By, c change) error {
	verb := c.verb
	if err := s.Allowed(verb, by); err != nil {
		return err
	}
	n := id.Shard()
	ik := s.keys.incident(id)
	entry := auditEntry("incident."+verb, id, by.Actor, c.data)
	f, err := s.store.Do(ctx, state.Call{Script: actScript, Shard: n, Request: by.Request, Audit: entry,
		Keys: []string{ik[0], ik[3], s.keys.shard(n, "open"), s.keys.shard(n, "timers"), s.keys.shard(n, "dirty")},
		Args: []any{verb, by.Person, by.Via, c.data, c.arg}})
	if err != nil {
		return fmt.Errorf("%s incident %s: %w", verb, id, err)
	}
	switch f[0] {
	case "ok", "same":
		return nil
	case "missing":
		return fmt.Errorf("%s incident %s: %w", verb, id, ErrUnknown)
	case "past":
		return fmt.Errorf("%s incident %s: %w", verb, id, ErrPast)
	case "nopolicy":
		return fmt.Errorf("%s incident %s: %w", verb, id, ErrNoPolicy)
	}
	e := &LateError{Verb: verb, State: State(f[1]), By: f[2]}
	if f[3] != "" {
		e.At = ms(f[3])
	}
	return e
}

// auditEntry is the canonical JSON of a decision: keys in alphabetical order, no spaces.
func auditEntry(do string, id ID, by Actor, data string) []byte {
	out, err := json.Marshal(map[string]any{"do": do, "incident": string(id), "by": by.Person, "via": by.Via, "data": json.RawMessage(data)})
	if err != nil {
		return []byte(`{"do":"` + do + `"}`)
	}
	return out
}

// Declaration is an incident that a person begins.
type Declaration struct {
	Title    string
	Severity string // "P0" to "P5"
	Policy   string // "" pages nobody
	Labels   map[string]string
	Channels []string
}

// Declare begins an incident by hand and returns its id.
func (s *Service) Declare(ctx context.Context, by By, d Declaration) (ID, error) {
	if err := s.Allowed("declare", by); err != nil {
		return "", err
	}
	title := clean(strings.ToValidUTF8(d.Title, "\uFFFD"), 200)
	if title == "" || !utf8.ValidString(title) {
		return "", fmt.Errorf("declare incident: %w", ErrEmpty)
	}
	number, err := s.blocks.take(ctx)
	if err != nil {
		return "", fmt.Errorf("declare incident: %w", err)
	}
	subject := by.Request
	if subject == "" {
		subject = strconv.FormatInt(number, 10)
	}
	id := NewID(s.store.ShardOf("declared/" + subject))
	n := id.Shard()
	fields := ""
	for _, v := range []string{"title", title, "severity", d.Severity, "source", "", "route", "", "policy", d.Policy, "group_key", "",
		"channels", strings.Join(d.Channels, "\n"), "show", "", "summary", "", "labels", jsonOf(d.Labels), "ver", "1", "step", "-1", "round", "0"} {
		fields += strings.ReplaceAll(v, "\x1f", "") + "\x1f"
	}
	line := data("title", title, "severity", d.Severity)
	ik := s.keys.incident(id)
	f, err := s.store.Do(ctx, state.Call{Script: declareScript, Shard: n, Request: by.Request, Audit: auditEntry("incident.declare", id, by.Actor, line),
		Keys: []string{ik[0], ik[3], s.keys.shard(n, "open"), s.keys.shard(n, "timers"), s.keys.shard(n, "dirty"), s.keys.shard(n, "created"), s.keys.shard(n, "numbers")},
		Args: []any{string(id), number, by.Person, by.Via, line, d.Policy, fields}})
	if err != nil {
		return "", fmt.Errorf("declare incident: %w", err)
	}
	return ID(f[1]), nil
}
