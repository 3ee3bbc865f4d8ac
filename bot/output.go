package bot

import (
	"context"
	"time"

	"dogwatch/actions"
)

// output is what a reply in a card's thread shows: a run, below the card.
type output struct {
	run    *RequestView
	thread *Ref
}

// recent is how long after its end a run that nobody showed yet is still shown: one that was over before the next drawing, or ended
// while the platform was away. Older ones are history.
const recent = 10 * time.Minute

// runs says that a request runs, or ran a moment ago.
func (q *RequestView) runs(now time.Time) bool {
	return q.State == actions.Running || q.StartedAt != nil && q.EndedAt != nil && now.Sub(*q.EndedAt) < recent
}

// watched are the requests that a card has room for, and whichever else run.
func watched(list []RequestView, now time.Time) []RequestView {
	var out []RequestView
	for i, q := range order(list) {
		if i < shownRequests || q.runs(now) {
			out = append(out, q)
		}
	}
	return out
}

// all brings the card up to date, and then the replies in its thread that show outputs.
func (d *drawing) all(ctx context.Context) []*drawing {
	d.run(ctx)
	out := []*drawing{d}
	replies := d.outputs()
	if change := d.change(); len(replies) > 0 && change != nil {
		// What was done is written down before more is: whoever comes after a crash need not look for it.
		if err := d.bot.keep(ctx, d.lease, change...); err != nil {
			d.later(idle)
			return out
		}
		d.before, d.usedUp = d.card.encode(), false
	}
	for _, reply := range replies {
		reply.run(ctx)
		out = append(out, reply)
	}
	return out
}

// outputs are the replies that belong into a card's thread: one a run from its first output on, for ever the same. A page's card
// has none: it shows the output itself, and its thread would cost the person's budget. A run without output is told in two lines.
func (d *drawing) outputs() []*drawing {
	c := d.card
	g := d.bot.gates[c.to.Platform]
	if g == nil || c.Ref == nil || c.Page || d.fixed() {
		return nil
	}
	if p, ok := g.platform.(Threaded); !ok || !p.Threads() {
		return nil
	}
	var out []*drawing
	for i := range d.view.requests {
		q := &d.view.requests[i]
		reply, known := d.lease.outputs[outputField(q.ID, c.field)]
		if known && q.State.Final() && reply.Digest != "" && reply.Loud == string(q.State) {
			continue // it shows how the run ended
		}
		if !known {
			if q.Tail == "" || !q.runs(d.view.now) {
				continue
			}
			reply = card{field: outputField(q.ID, c.field), to: c.to, standing: standing{Gen: 1}}
		}
		out = append(out, &drawing{bot: d.bot, lease: d.lease, view: d.view, card: &reply, before: reply.encode(),
			output: &output{run: q, thread: c.Ref}})
	}
	return out
}

// outputMessage shows how a run stands and the end of its output. What it wrote is data: Code, which adapters show as it is.
func (d *drawing) outputMessage() Message {
	c, q := d.card, d.output.run
	s := scene{incident: &d.view.incident, people: d.bot.people(), reader: d.bot.reader(c.to)}
	status := s.requestStatus(q)
	return Message{To: c.to, Thread: d.output.thread, Text: status, Card: &Card{Kind: RequestCard, Subject: string(q.ID), Version: q.Changes,
		State: string(q.State), Status: status, Code: tailOf(q.Tail, shownCode), Lang: string(s.reader.lang)}}
}
