package escalation

import (
	"slices"
	"time"
)

// Position is where an incident's ladder stands.
type Position struct {
	Step    int // the step that runs now; -1: the ladder has not begun
	Round   int // from 0
	Reached bool
	// Began is when the ladder began, of one that stands at -1: the first step's wait counts from it.
	Began time.Time
}

// Call is one page that a step makes: a person at an address, or a channel (Person is "").
type Call struct {
	Person  string
	Address string
	Step    int
	Round   int
	// Nobody marks the word to a channel that a whole round reached nobody.
	Nobody bool
}

// Skip is a step that paged nobody, and why: "nobody", "condition", "no policy".
type Skip struct {
	Step, Round int
	Reason      string
}

// Plan is what a due timer does.
type Plan struct {
	Calls []Call
	Skips []Skip
	Next  Position
	Due   time.Time // when the ladder goes on; zero: it has ended
}

// next decides what a due timer does. It is pure: the same ladder, position, time and roster give the same plan.
func next(p *Policy, at Position, sit Situation, roster *Roster) Plan {
	var plan Plan
	if p == nil {
		plan.Skips = []Skip{{max(at.Step, 0), at.Round, "no policy"}}
		plan.Next = Position{Step: -1}
		return plan
	}
	now := sit.Now
	if at.Step < 0 {
		first := now
		if !at.Began.IsZero() {
			first = at.Began
		}
		at = Position{}
		if first = first.Add(p.Steps[0].After); first.After(now) {
			return Plan{Next: at, Due: first}
		}
	}
	for at.Step < len(p.Steps) {
		st := &p.Steps[at.Step]
		calls, allowed := st.calls(at, sit, roster)
		switch {
		case !allowed:
			plan.Skips = append(plan.Skips, Skip{at.Step, at.Round, "condition"})
		case len(calls) == 0:
			plan.Skips = append(plan.Skips, Skip{at.Step, at.Round, "nobody"})
		default:
			plan.Calls, at.Reached = calls, true
		}
		at.Step++
		if at.Step < len(p.Steps) && (len(plan.Calls) > 0 || !allowed) {
			plan.Next, plan.Due = at, now.Add(p.Steps[at.Step].After)
			return plan
		}
		if len(plan.Calls) > 0 {
			break
		}
	}
	if !at.Reached {
		plan.Calls = append(plan.Calls, Call{Step: len(p.Steps) - 1, Round: at.Round, Nobody: true})
	}
	if at.Round >= p.Repeat {
		plan.Next = Position{Step: -1}
		return plan
	}
	plan.Next, plan.Due = Position{Step: 0, Round: at.Round + 1}, now.Add(p.pause())
	return plan
}

// calls are the pages of a step: each person once, at every address; allowed is false if the condition says no.
func (st *Step) calls(at Position, sit Situation, roster *Roster) (calls []Call, allowed bool) {
	sit.Round = at.Round
	if st.If != nil {
		if ok, err := st.If.Bool(&sit); err == nil && !ok {
			return nil, false
		}
	}
	var seen []string
	for _, t := range st.Notify {
		if t.Kind == "channel" {
			calls = append(calls, Call{Address: t.Name, Step: at.Step, Round: at.Round})
			continue
		}
		for _, id := range roster.Persons(t, sit.Now) {
			p, ok := roster.Directory.Person(id)
			if !ok || slices.Contains(seen, id) {
				continue
			}
			seen = append(seen, id)
			for _, a := range roster.Reach(p) {
				calls = append(calls, Call{Person: id, Address: a, Step: at.Step, Round: at.Round})
			}
		}
	}
	return calls, true
}

// Rung is one step of a ladder laid out in time, for a dry run.
type Rung struct {
	At    time.Time
	Calls []Call
	Skips []Skip
	Step  int
	Round int
}

// Preview lays a ladder out from its beginning, as if nobody ever acknowledged, with who would be paged at each time.
func Preview(p *Policy, sit Situation, roster *Roster) []Rung {
	var out []Rung
	at := Position{Step: -1}
	for range 1000 {
		plan := next(p, at, sit, roster)
		if len(plan.Calls)+len(plan.Skips) > 0 {
			out = append(out, Rung{At: sit.Now, Calls: plan.Calls, Skips: plan.Skips, Step: max(at.Step, 0), Round: at.Round})
		}
		if plan.Due.IsZero() {
			return out
		}
		at, sit.Now = plan.Next, plan.Due
	}
	return out
}
