package bot

import (
	"context"
	"slices"
	"sync"
	"time"

	"dogwatch/incidents"
	"dogwatch/internal/state"
	"dogwatch/internal/text"
	"dogwatch/schedules"
)

// Console is what the console in the browser sees of the house: read models, in one person's language and zone, with the same
// signed buttons as that person's cards in chat. It changes nothing; what people do goes through the Inbox. A person without a
// role sees nothing: Visitor refuses them, and nothing else makes a Visitor.
type Console struct {
	bot *Bot

	mu       sync.Mutex
	watchers map[*Watch]bool
}

// NewConsole is the console of a bot. Run must run for watches to wake.
func NewConsole(b *Bot) *Console { return &Console{bot: b, watchers: map[*Watch]bool{}} }

// Visitor is a person who looks at the console. The zero value may see nothing.
type Visitor struct {
	ID, Name string
	Lang     text.Lang
	Zone     *time.Location
	// ReadOnly visitors get no buttons (a token of scope read).
	ReadOnly bool
}

// Visitor is the person with this id as the configuration in use has them; false: nobody, or a person without any role.
func (c *Console) Visitor(person string) (Visitor, bool) {
	p, ok := c.bot.people().Person(person)
	if !ok || !c.bot.people().Allows(p.ID, schedules.Viewer) {
		return Visitor{}, false
	}
	r := c.bot.readerOf(p)
	return Visitor{ID: p.ID, Name: p.Name, Lang: r.lang, Zone: r.zone}, true
}

// May says whether a visitor has the role that a verb takes: for deciding what to offer. The rooms judge again.
func (c *Console) May(who Visitor, verb string) bool {
	return !who.ReadOnly && c.bot.available(verb) && may(c.bot.people(), who.ID, verb)
}

// Person is somebody who can be chosen.
type Person struct{ ID, Name string }

// People are all persons with a role, by id: to whom an incident can be assigned.
func (c *Console) People() []Person {
	var out []Person
	for _, p := range c.bot.people().People() {
		if c.bot.people().Allows(p.ID, schedules.Viewer) {
			out = append(out, Person{p.ID, p.Name})
		}
	}
	return out
}

func (v Visitor) reader() reader { return reader{v.Lang, v.Zone} }

// offered are the buttons that a visitor has the role for.
func (c *Console) offered(who Visitor, list []Button) []Button {
	return slices.DeleteFunc(slices.Clone(list), func(b Button) bool { return !c.May(who, b.Verb) })
}

// Offered is a card as a visitor sees it: without the buttons that they have no right to press. The card itself stays as it is.
func (c *Console) Offered(who Visitor, card *Card) *Card {
	out := *card
	out.Buttons = c.offered(who, card.Buttons)
	out.Requests = slices.Clone(card.Requests)
	for i := range out.Requests {
		out.Requests[i].Buttons = c.offered(who, out.Requests[i].Buttons)
	}
	return &out
}

// Watch wakes whoever shows something when it may have changed.
type Watch struct {
	// C holds one when something changed.
	C       chan struct{}
	console *Console

	mu   sync.Mutex
	want map[string]bool // subjects; nil: everything
}

// Watch begins to watch; Stop ends it. Until Only is called every change wakes.
func (c *Console) Watch() *Watch {
	w := &Watch{C: make(chan struct{}, 1), console: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watchers[w] = true
	return w
}

// Only names the subjects whose changes wake: ids of incidents and requests, addresses of cards. None: everything.
func (w *Watch) Only(subjects ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.want = nil; len(subjects) > 0 {
		w.want = map[string]bool{}
	}
	for _, s := range subjects {
		w.want[s] = true
	}
}

// Stop ends the watch.
func (w *Watch) Stop() {
	w.console.mu.Lock()
	defer w.console.mu.Unlock()
	delete(w.console.watchers, w)
}

func (w *Watch) wants(list []state.Change) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.want == nil || slices.ContainsFunc(list, func(c state.Change) bool {
		if w.want[c.Subject] {
			return true
		}
		// A request that is new to whoever watches its incident: nobody can have named it yet.
		return c.Kind == "request_created" && len(w.want) > 0
	})
}

// Run follows every shard, once for all who watch, until ctx ends.
func (c *Console) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for n := range c.bot.cfg.Store.Shards() {
		wg.Go(func() {
			c.bot.cfg.Store.Follow(ctx, n, c.wake, func() { c.wake(nil) })
		})
	}
	wg.Wait()
	return nil
}

// wake wakes those who want one of these changes; nil: something may have been missed, so everybody.
func (c *Console) wake(list []state.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for w := range c.watchers {
		if list == nil || w.wants(list) {
			poke(w.C)
		}
	}
}

// Now is the time by the server's clock, in the visitor's zone.
func (c *Console) Now(ctx context.Context, who Visitor) (time.Time, error) {
	now, err := c.bot.cfg.Store.Now(ctx, 0)
	return now.In(who.Zone), err
}

// Explain is an error as a sentence; known=false: it is a fault of ours and belongs into the log.
func (c *Console) Explain(who Visitor, err error) (sentence string, known bool) {
	return who.reader().explain(err, c.bot.people())
}

// Find reads "42", "#42" or an id.
func (c *Console) Find(ctx context.Context, ref string) (incidents.ID, error) {
	return c.bot.cfg.Incidents.Find(ctx, ref)
}
