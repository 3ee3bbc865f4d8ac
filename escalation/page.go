package escalation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"dogwatch/incidents"
	"dogwatch/internal/state"
)

// Page is one message to one person at one address, or to a channel, that a ladder's step decided.
type Page struct {
	// Key names the page for ever; a repeat carries the same.
	Key      string       `json:"key"`
	Incident incidents.ID `json:"incident"`
	Person   string       `json:"person"` // "" when a channel is told
	Address  string       `json:"address"`
	Severity string       `json:"severity"`
	Step     int          `json:"step"` // from 0
	Round    int          `json:"round"`
	// Nobody: a whole round reached nobody, and this tells a channel so.
	Nobody bool `json:"nobody,omitempty"`

	QueuedAt time.Time `json:"-"`
	Attempt  int       `json:"-"` // from 1
	Epoch    int64     `json:"-"` // of the claim; a later claim voids this one
}

// queued are the four arguments with which step.lua and summon.lua queue a page.
func (e *Engine) queued(p Page) []any {
	record, err := json.Marshal(p)
	if err != nil {
		return nil
	}
	e.Counters.Pages.Add(1)
	head := object("person", p.Person, "channel", p.Address, "step", p.Step+1, "round", p.Round+1, "key", p.Key)
	return []any{p.Key, head[:len(head)-1] + `,"state":`, "}", string(record)}
}

// ErrUnreachable: the person has no address at which to be paged.
var ErrUnreachable = errors.New("this person cannot be reached on any platform")

// Summon pages a person about an incident because somebody asks for it, beside any ladder. A repeat with the same request
// id pages once.
func (e *Engine) Summon(ctx context.Context, in *incidents.Incident, person string, by incidents.By) error {
	if err := e.incidents.Allowed("page about", by); err != nil {
		return err
	}
	roster := e.Roster()
	p, ok := roster.Directory.Person(person)
	addresses := roster.Reach(p)
	if !ok || len(addresses) == 0 {
		return fmt.Errorf("page %s: %w", person, ErrUnreachable)
	}
	n := in.ID.Shard()
	args := []any{string(in.ID), by.Person, by.Via}
	for _, a := range addresses {
		args = append(args, e.queued(Page{Incident: in.ID, Person: person, Address: a, Severity: in.Severity, Step: -1, Round: -1,
			Key: "s-" + string(in.ID) + "-" + short(by.Request+"/"+by.Person) + "-" + short(a)})...)
	}
	entry := object("by", by.Person, "do", "incident.page", "incident", string(in.ID), "person", person, "via", by.Via)
	v, err := e.store.Run(ctx, state.Call{Script: summonScript, Shard: n, Request: by.Request, Audit: []byte(entry), Args: args,
		Keys: []string{incidents.Key(e.store, in.ID), incidents.HistoryKey(e.store, in.ID), incidents.Dirty(e.store, n), e.store.Key(n, "pages"), e.store.Key(n, "page")}})
	if err != nil {
		return fmt.Errorf("page %s: %w", person, err)
	}
	if v != "ok" {
		return fmt.Errorf("page %s about incident %s: %w", person, in.ID, incidents.ErrUnknown)
	}
	return nil
}

// Claim takes due pages of a shard for the time of a lease. next is when another becomes due; zero: none is known.
func (e *Engine) Claim(ctx context.Context, shard, limit int, lease time.Duration) (pages []Page, next time.Time, err error) {
	v, err := e.store.Run(ctx, state.Call{Script: claimScript, Shard: shard, Keys: []string{e.store.Key(shard, "pages"), e.store.Key(shard, "page")},
		Args: []any{limit, lease.Milliseconds()}})
	if err != nil {
		return nil, next, fmt.Errorf("claim pages of shard %d: %w", shard, err)
	}
	f := texts(v)
	if len(f) < 2 {
		return nil, next, fmt.Errorf("claim pages of shard %d: %d fields", shard, len(f))
	}
	next = millis(f[1])
	for i := 2; i+4 < len(f); i += 5 {
		var p Page
		if err := json.Unmarshal([]byte(f[i+4]), &p); err != nil {
			continue
		}
		p.Key = f[i]
		p.Epoch, _ = strconv.ParseInt(f[i+1], 10, 64)
		p.Attempt, _ = strconv.Atoi(f[i+2])
		p.QueuedAt = millis(f[i+3])
		pages = append(pages, p)
	}
	return pages, next, nil
}

// ErrStale: another holder has claimed the page meanwhile; what this one says does not count.
var ErrStale = errors.New("the page is held by another")

// Sent ends a page that its platform took.
func (e *Engine) Sent(ctx context.Context, p Page) error {
	return e.settle(ctx, p, ending{outcome: "sent"})
}

// Later gives a page back, to be tried again after a while.
func (e *Engine) Later(ctx context.Context, p Page, after time.Duration, _ string) error {
	return e.settle(ctx, p, ending{outcome: "later", after: after})
}

// Failed ends a page that no platform will take; the history says why.
func (e *Engine) Failed(ctx context.Context, p Page, reason string) error {
	return e.settle(ctx, p, ending{outcome: "failed", kind: "page_failed", data: e.what(p, reason)})
}

// Drop ends a page that is not needed any more (the incident was answered before it was sent).
func (e *Engine) Drop(ctx context.Context, p Page, reason string) error {
	return e.settle(ctx, p, ending{outcome: "dropped", kind: "page_skipped", data: e.what(p, reason)})
}

func (e *Engine) what(p Page, reason string) string {
	return object("person", p.Person, "channel", p.Address, "step", p.Step+1, "round", p.Round+1, "key", p.Key, "reason", reason)
}

// ending is what became of a claimed page, and the line that the history gets of it, if kind is not "".
type ending struct {
	outcome    string
	after      time.Duration // of "later": when it is due again
	kind, data string
}

func (e *Engine) settle(ctx context.Context, p Page, end ending) error {
	n := p.Incident.Shard()
	v, err := e.store.Run(ctx, state.Call{Script: settleScript, Shard: n,
		Keys: []string{e.store.Key(n, "pages"), e.store.Key(n, "page"), incidents.Key(e.store, p.Incident), incidents.HistoryKey(e.store, p.Incident), incidents.Dirty(e.store, n)},
		Args: []any{p.Key, p.Epoch, end.outcome, string(p.Incident), end.after.Milliseconds(), end.kind, end.data}})
	if err != nil {
		return fmt.Errorf("settle page %s: %w", p.Key, err)
	}
	if v != "ok" {
		return fmt.Errorf("settle page %s: %w", p.Key, ErrStale)
	}
	return nil
}
