package wecom

import "dogwatch/bot"

var _ bot.Budgeter = (*WeCom)(nil)

// Budgets are the limits of Budget in the form the bot counts them. They have no burst: WeCom counts what went in any
// minute or hour, however it was spread.
func (w *WeCom) Budgets(to string) []bot.Budget {
	var out []bot.Budget
	for _, l := range w.Budget(to) {
		out = append(out, bot.Budget{N: l.N, Per: l.Per})
	}
	return out
}
