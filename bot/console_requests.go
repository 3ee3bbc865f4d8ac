package bot

import (
	"context"
	"fmt"
	"strings"
	"time"

	"dogwatch/actions"
)

// RequestPage is everything about one request.
type RequestPage struct {
	ID       string
	Title    string
	State    string
	Done     bool   // the state never changes again
	Status   string // a sentence
	Argv     string // what runs, argument by argument
	Target   string
	Asked    string // who asked
	Reason   string
	At       time.Time
	Consents []Consent
	Quorum   int
	Digest   string
	Buttons  []Button // Approve, Reject, if this visitor may
	// Barred says why this visitor cannot approve what waits; "" if they can, or nothing waits.
	Barred string
	// Output is what is kept of the output so far; Clipped says that this is only its end.
	Output  string
	Clipped bool
	// Began says that it runs or has run, so that an empty Output means "nothing yet" or "nothing".
	Began    bool
	ExitCode string // "" while it is not known
	Incident string // its id; "" for none
}

// Consent is one approval.
type Consent struct {
	Who, Via string
	At       time.Time
}

// RequestRow is a request in a list.
type RequestRow struct {
	ID, Title, State, Status, Asked string
	At                              time.Time
}

// shownOutput is how much of an output a page shows: its end.
const shownOutput = 64 << 10

// Request is everything about a request.
func (c *Console) Request(ctx context.Context, who Visitor, id string) (RequestPage, error) {
	r, err := c.bot.request(ctx, id)
	if err != nil {
		return RequestPage{}, err
	}
	return c.requestPage(ctx, who, r)
}

func (c *Console) requestPage(ctx context.Context, who Visitor, r actions.Request) (RequestPage, error) {
	s := scene{people: c.bot.people(), reader: who.reader(), sign: c.bot.signers["web"].sign}
	part := s.request(&RequestView{Request: r})
	p := RequestPage{ID: part.ID, Title: oneLine(r.Title), State: part.State, Done: r.State.Final(), Status: part.Status, Argv: commandLine(r.Argv),
		Target: r.Target, Asked: name(c.bot.people(), r.Requester), Reason: r.Reason, At: r.CreatedAt.In(who.Zone), Quorum: r.Quorum,
		Digest: r.Digest, Buttons: c.offered(who, part.Buttons), Began: r.StartedAt != nil, Incident: string(r.Incident)}
	for _, a := range r.Approvals {
		p.Consents = append(p.Consents, Consent{name(c.bot.people(), a.Person), a.Via, a.At.In(who.Zone)})
	}
	if r.ExitCode != nil {
		p.ExitCode = fmt.Sprint(*r.ExitCode)
	}
	if r.State == actions.Pending && !who.ReadOnly {
		now, err := c.bot.cfg.Store.Now(ctx, r.ID.Shard())
		if err != nil {
			return p, fmt.Errorf("read time: %w", err)
		}
		p.bar(who, c.bot.cfg.Actions.May(r, who.ID, now))
	}
	if r.StartedAt == nil {
		return p, nil
	}
	var err error
	p.Output, err = c.output(ctx, who, r.ID)
	if most := shownOutput; len(p.Output) > most {
		p.Output, p.Clipped = strings.ToValidUTF8(p.Output[len(p.Output)-most:], ""), true
	}
	return p, err
}

// bar takes away what a visitor may not press. Who asked may still withdraw consent to nothing: rejecting stays if they are named.
func (p *RequestPage) bar(who Visitor, v actions.Verdict) {
	if v.Allowed {
		return
	}
	var left []Button
	for _, b := range p.Buttons {
		if b.Verb == "reject" && v.Why == actions.OwnRequest {
			left = append(left, b)
		}
	}
	p.Buttons, p.Barred = left, who.reader().sayFrom("actions", string(v.Why))
}

// output is what is kept of a run's output so far, with a sentence where something was left out.
func (c *Console) output(ctx context.Context, who Visitor, id actions.RequestID) (string, error) {
	var all strings.Builder
	cursor, end := "", int64(0)
	for {
		page, err := c.bot.cfg.Actions.Output(ctx, id, cursor)
		if err != nil {
			return "", fmt.Errorf("read output of %s: %w", id, err)
		}
		for _, chunk := range page.Chunks {
			if gap := chunk.Offset - end; gap > 0 {
				all.WriteString("\n" + who.reader().sayFrom("actions", "left_out", "n", gap) + "\n")
			}
			all.WriteString(chunk.Text)
			end = chunk.End()
		}
		if cursor = page.Cursor; len(page.Chunks) == 0 || page.Ended {
			return all.String(), nil
		}
	}
}

// Requests is a page of all requests, newest first, and the cursor of the next one ("" at the end).
func (c *Console) Requests(ctx context.Context, who Visitor, cursor string) ([]RequestRow, string, error) {
	if c.bot.cfg.Actions == nil {
		return nil, "", nil
	}
	list, next, err := c.bot.cfg.Actions.List(ctx, actions.Filter{Cursor: cursor})
	if err != nil {
		return nil, "", fmt.Errorf("list requests: %w", err)
	}
	s := scene{people: c.bot.people(), reader: who.reader()}
	var out []RequestRow
	for n := range list {
		r := &list[n]
		out = append(out, RequestRow{ID: string(r.ID), Title: oneLine(r.Title), State: string(r.State), Status: s.requestStatus(&RequestView{Request: *r}),
			Asked: name(c.bot.people(), r.Requester), At: r.CreatedAt.In(who.Zone)})
	}
	return out, next, nil
}
