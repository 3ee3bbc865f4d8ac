package web

import (
	"context"
	"net/url"
	"strings"

	"dogwatch/bot"
	"dogwatch/internal/text"
)

// feedPage is a feed or an inbox.
type feedPage struct {
	Name  string
	Inbox bool
	Cards []feedCard
}

type feedCard struct {
	kept
	Link string // to the subject; "" if it has no page
}

// shownCards is how many messages a page shows.
const shownCards = 50

func showInbox(ctx context.Context, v *visit) (shown, error) {
	s, err := v.feed(ctx, "@"+v.who.ID)
	s.Title = text.Say(v.who.Lang, "console.nav_inbox")
	return s, err
}

func showFeed(ctx context.Context, v *visit) (shown, error) {
	name := v.r.PathValue("name")
	if strings.HasPrefix(name, "@") {
		return shown{}, errNoPage // an inbox is its person's own
	}
	s, err := v.feed(ctx, name)
	s.Title = plain(name)
	return s, err
}

func (v *visit) feed(ctx context.Context, to string) (shown, error) {
	list, err := v.store.newest(ctx, to, shownCards)
	if err != nil {
		return shown{}, err
	}
	f := feedPage{Name: to, Inbox: strings.HasPrefix(to, "@")}
	for _, m := range list {
		c := feedCard{kept: m}
		c.At, c.Changed = m.At.In(v.who.Zone), m.Changed.In(v.who.Zone)
		if m.Card != nil {
			c.Card, c.Link = v.card(ctx, m.Card)
		}
		f.Cards = append(f.Cards, c)
	}
	return shown{Data: f, Subjects: []string{"web:" + to}}, nil
}

// card is a card as this visitor reads it: drawn anew in their language and zone where its incident is known, else as it was
// sent. link is its incident's page.
func (v *visit) card(ctx context.Context, sent *bot.Card) (c *bot.Card, link string) {
	c = v.console.Offered(v.who, sent)
	if sent.Kind == bot.IncidentCard || sent.Kind == bot.PageCard {
		link = "/incidents/" + url.PathEscape(sent.Subject)
		if now, err := v.console.Card(ctx, v.who, sent.Subject); err == nil {
			c = now
		}
	}
	c.Headline = strings.TrimPrefix(c.Headline, c.Severity+" · ") // it stands beside as a badge
	return c, link
}

func listFeeds(ctx context.Context, v *visit) (shown, error) {
	names, err := v.store.names(ctx)
	return shown{Title: text.Say(v.who.Lang, "console.nav_feeds"), Data: names}, err
}
