package slack

import "dogwatch/bot"

// Budgets is what the configuration allows for any channel: none for private gateways.
func (s *Slack) Budgets(string) []bot.Budget {
	if s.budget.None {
		return nil
	}
	return []bot.Budget{{N: s.budget.Count, Per: s.budget.Per, Burst: s.budget.Burst}}
}

// Threads says that a card's history goes into its thread.
func (s *Slack) Threads() bool { return true }
