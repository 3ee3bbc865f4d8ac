package escalation

import (
	"time"

	"dogwatch/internal/expression"
	"dogwatch/schedules"
)

// Policy is a ladder.
type Policy struct {
	Name  string
	Steps []Step // at least one
	// Repeat is how often the ladder is walked again while nobody acknowledges; 0: once in all.
	Repeat int
	// RepeatAfter separates rounds; 0: the last step's After, at least a minute.
	RepeatAfter time.Duration
}

func (p *Policy) pause() time.Duration {
	if p.RepeatAfter > 0 {
		return p.RepeatAfter
	}
	return max(p.Steps[len(p.Steps)-1].After, time.Minute)
}

// Step is one rung.
type Step struct {
	// After is the wait since the step before; of the first step, since the incident began.
	After  time.Duration
	Notify []Target
	// If, when not nil, must be true for the step to notify; a step whose condition is false passes without paging. A
	// condition that fails counts as true: a mistake in it must not keep people asleep.
	If *expression.Program
}

// Target is whom a step notifies.
type Target struct {
	Kind string // "person", "team", "schedule", "channel"
	Name string // for a channel its address, "slack:C0OPS"
}

// Situation is what a step's condition sees.
type Situation struct {
	Severity string            `expr:"severity"`
	Labels   map[string]string `expr:"labels"` // of the incident's first alert
	Source   string            `expr:"source"`
	Route    string            `expr:"route"`
	Round    int               `expr:"round"` // from 0
	Now      time.Time         `expr:"now"`
}

// Roster answers who hears. It is one configuration's, with the overrides that are kept in Redis, and never changes.
type Roster struct {
	Directory *schedules.Directory
	Schedules map[string]*schedules.Compiled
	// Reach are the addresses at which a person can be paged, best first ("slack:U0ALICE", "web:@alice"); none: not at all.
	Reach func(schedules.Person) []string
}

// OnCall is who is on call in a schedule; nobody if it does not exist.
func (r *Roster) OnCall(schedule string, at time.Time) []string {
	if c := r.Schedules[schedule]; c != nil {
		return c.On(at)
	}
	return nil
}

// Persons are the persons a target stands for at a time. A channel stands for none.
func (r *Roster) Persons(t Target, at time.Time) []string {
	switch t.Kind {
	case "person":
		if _, ok := r.Directory.Person(t.Name); ok {
			return []string{t.Name}
		}
	case "team":
		if team, ok := r.Directory.Team(t.Name); ok {
			return team.Members
		}
	case "schedule":
		return r.OnCall(t.Name, at)
	}
	return nil
}

// Setup is the configured half of the engine, replaced whole by a reload.
type Setup struct {
	Policies map[string]*Policy
	// Fallback walks on for incidents whose policy is gone; nil: their steps reach nobody, which is said.
	Fallback *Policy
	// Channel hears when a whole round reaches nobody; "": the incident's own channels do.
	Channel string
	Roster  *Roster
}

// policy finds the policy that an incident's ladder follows now.
func (s *Setup) policy(name string) *Policy {
	if p := s.Policies[name]; p != nil && len(p.Steps) > 0 {
		return p
	}
	if s.Fallback != nil && len(s.Fallback.Steps) > 0 {
		return s.Fallback
	}
	return nil
}
