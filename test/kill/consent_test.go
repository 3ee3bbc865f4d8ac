package kill

import (
	"math/rand/v2"
	"sync"

	"dogwatch/bot/slack/slacktest"
)

// consent approves a request in one of several ways, or leaves it.
func (s *storm) consent(pick *rand.Rand, q request) {
	var all sync.WaitGroup
	yes := func() {
		mine := rand.New(rand.NewPCG(pick.Uint64(), 0))
		all.Go(func() {
			s.persist(mine, asked{person: "bob", method: "POST", path: "requests/" + q.ID + "/approve", body: map[string]any{"digest": q.Digest}})
		})
	}
	switch pick.IntN(6) {
	case 0: // nobody answers, or somebody in the channel
	case 1, 2: // twice at once
		yes()
		yes()
	case 3: // at the API and in the channel at once
		yes()
		all.Go(func() { s.tap("U0BOB", "Approve", "") })
	default:
		yes()
	}
	all.Wait()
	s.tap("U0BOB", "Approve", "")
}

// tap presses a button if it is there. That it is not, and that nobody answers, is a person's bad luck; what came of it is in
// the records.
func (s *storm) tap(user, label, ts string) {
	_, _ = s.slack.Click(s.Context(), slacktest.Click{User: user, Channel: ops, Label: label, TS: ts})
}
