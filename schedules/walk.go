package schedules

import "iter"

// activity is the stretches in which one layer is active, each within one turn, in order.
type activity struct {
	l     *layer
	turns turns
	mask  *union // nil if the layer has no intervals
	open  stretch
	to    int64
}

func (l *layer) from(from, to int64) *activity {
	a := &activity{l: l, to: min(to, l.end), turns: l.rotation.from(from), open: stretch{-forever, forever}}
	if len(l.during) > 0 {
		a.mask = during(l.during, from, a.to)
		a.open = a.mask.take()
	}
	return a
}

// head is the first stretch that ends after an instant; it starts at forever if there is none before the end.
func (a *activity) head(after int64) stretch {
	for after < a.to {
		s := stretch{max(a.turns.start, a.open.start), min(a.turns.end, a.open.end, a.l.end)}
		switch {
		case s.start >= a.to:
			return stretch{forever, forever}
		case s.start < s.end && s.end > after:
			return s
		case a.turns.end <= a.open.end:
			a.turns.advance()
		default:
			a.open = a.mask.take()
		}
	}
	return stretch{forever, forever}
}

func (a *activity) people() []string { return a.l.turns[a.turns.number%int64(len(a.l.turns))] }

// walk yields who is on call from one instant to another, piece by piece without a hole: pieces with nobody too. Two
// neighbouring pieces may hold the same people. Each piece costs a few steps however long the range is.
func (c *Compiled) walk(from, to int64) iter.Seq[shift] {
	return func(yield func(shift) bool) {
		activities := make([]*activity, len(c.layers))
		for i, l := range c.layers {
			activities[i] = l.from(from, to)
		}
		overrides := c.overrides
		for now := from; now < to; {
			for len(overrides) > 0 && overrides[0].end <= now {
				overrides = overrides[1:]
			}
			piece := shift{stretch: stretch{now, to}}
			if len(overrides) > 0 {
				piece.lay(overrides[0], now)
			}
			for i := len(activities) - 1; i >= 0 && piece.people == nil; i-- {
				a := activities[i]
				if head := a.head(now); head.start < forever {
					piece.lay(shift{head, a.people(), a.l.name}, now)
				}
			}
			if !yield(piece) {
				return
			}
			now = piece.end
		}
	}
}

// lay puts what comes next on a level below what is laid already: if it is active now it decides, and else the piece ends
// at the latest where it begins.
func (s *shift) lay(next shift, now int64) {
	if next.start <= now {
		s.people, s.layer = next.people, next.layer
		s.end = min(s.end, next.end)
		return
	}
	s.end = min(s.end, next.start)
}
