package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"dogwatch/actions"
	"dogwatch/incidents"
)

// Say does what a line of words asks for, if whoever said it is known and may.
func (b *Bot) Say(ctx context.Context, u Utterance) (Answer, error) {
	b.Counters.Words.Add(1)
	d, refusal := b.who(u.Account, "say", u.ID, u.Lang)
	if refusal != nil {
		return *refusal, nil
	}
	c, err := parser{b.words, b.people(), u.Account.Platform}.parse(u.Text)
	var misread *WordsError
	if errors.As(err, &misread) {
		return b.misread(d, misread), nil
	}
	if err != nil {
		return b.failure(d, err)
	}
	if !may(b.people(), d.person.ID, c.Verb) {
		b.Counters.Denied.Add(1)
		return d.refuse(d.reader.say("denied_role")), nil
	}
	answer, err := b.do(ctx, d, c, u)
	if errors.As(err, &misread) {
		return b.misread(d, misread), nil
	}
	if err != nil {
		return b.failure(d, err)
	}
	return answer, nil
}

// misread says what was not understood, and what could have been said.
func (b *Bot) misread(d doer, e *WordsError) Answer {
	r := d.reader
	if e.Key != "unknown_word" {
		return d.refuse(r.say(e.Key, "word", e.Word, "usage", r.say(e.Usage)))
	}
	a := d.refuse(r.say("unknown_word", "word", e.Word))
	if e.Nearest != "" {
		a.Text = r.say("unknown_word_nearest", "word", e.Word, "nearest", e.Nearest)
	}
	a.Code = b.help(r)
	return a
}

// help lists what can be said here.
func (b *Bot) help(r reader) string {
	var lines []string
	for _, rule := range b.words.rules {
		if b.available(rule.verb) {
			lines = append(lines, r.say("help_"+rule.help))
		}
	}
	return strings.Join(lines, "\n")
}

// available says whether a verb has anything behind it in this dogwatch.
func (b *Bot) available(verb string) bool {
	switch verb {
	case "run", "approve", "reject":
		return b.cfg.Actions != nil
	case "page", "who":
		return b.cfg.Escalation != nil
	case "override":
		return b.cfg.Override != nil
	}
	return true
}

// do carries out a command of a person who may.
func (b *Bot) do(ctx context.Context, d doer, c Command, u Utterance) (Answer, error) {
	if !b.available(c.Verb) {
		return Answer{}, errNotHere
	}
	switch c.Verb {
	case "help":
		return Answer{Text: d.reader.say("help_title"), Code: b.help(d.reader)}, nil
	case "who":
		return b.sayWho(ctx, d, c.Word)
	case "list":
		return b.sayList(ctx, d)
	case "declare":
		return b.declare(ctx, d, c, u)
	case "page":
		return b.pageByHand(ctx, d, c, u)
	case "run":
		return b.sayRun(ctx, d, c)
	case "approve":
		return b.approve(ctx, d, c.Word, "")
	case "reject":
		return b.reject(ctx, d, c.Word, c.Text)
	case "override":
		return b.sayOverride(ctx, d, c)
	}
	id, err := b.cfg.Incidents.Find(ctx, c.Incident)
	if err != nil {
		return Answer{}, err
	}
	switch c.Verb {
	case "show":
		return b.sayShow(ctx, d, id)
	case "snooze":
		return b.snooze(ctx, d, id, c.Duration)
	case "assign":
		if err := b.cfg.Incidents.Assign(ctx, id, d.by, c.Person); err != nil {
			return Answer{}, err
		}
		return b.said(ctx, d, "done_assign", id, "who", name(b.people(), c.Person))
	case "note":
		if err := b.cfg.Incidents.Note(ctx, id, d.by, c.Text); err != nil {
			return Answer{}, err
		}
		return b.said(ctx, d, "done_note", id)
	}
	return b.act(ctx, d, c.Verb, id, c.Text)
}

// declare begins an incident; its card stands where it was said.
func (b *Bot) declare(ctx context.Context, d doer, c Command, u Utterance) (Answer, error) {
	id, err := b.cfg.Incidents.Declare(ctx, d.by, incidents.Declaration{Title: c.Text, Severity: c.Severity,
		Policy: b.cfg.DeclarePolicy, Channels: b.declareChannels(u)})
	if err != nil {
		return Answer{}, err
	}
	return b.said(ctx, d, "done_declare", id)
}

func (b *Bot) declareChannels(u Utterance) []string {
	list := slices.Clone(b.cfg.DeclareChannels)
	if u.Channel != "" {
		here := Address{u.Account.Platform, u.Channel}.String()
		if !slices.Contains(list, here) {
			list = append(list, here)
		}
	}
	return list
}

// pageByHand begins an incident for what is said and pages one person about it, whatever the schedules say.
func (b *Bot) pageByHand(ctx context.Context, d doer, c Command, u Utterance) (Answer, error) {
	id, err := b.cfg.Incidents.Declare(ctx, d.by, incidents.Declaration{Title: c.Text, Severity: incidents.SafeSeverity, Channels: b.declareChannels(u)})
	if err != nil {
		return Answer{}, err
	}
	i, err := b.cfg.Incidents.Get(ctx, id)
	if err != nil {
		return Answer{}, err
	}
	by := d.by
	by.Request += "/page"
	if err := b.cfg.Escalation.Summon(ctx, &i, c.Person, by); err != nil {
		return Answer{}, err
	}
	return b.said(ctx, d, "done_page", id, "who", name(b.people(), c.Person))
}

// sayRun asks for an action.
func (b *Bot) sayRun(ctx context.Context, d doer, c Command) (Answer, error) {
	ask := actions.Ask{Action: c.Word, Params: map[string]any{}}
	for k, v := range c.Params {
		ask.Params[k] = v
	}
	if c.Incident != "" {
		id, err := b.cfg.Incidents.Find(ctx, c.Incident)
		if err != nil {
			return Answer{}, err
		}
		ask.Incident = id
	}
	return b.ask(ctx, d, ask)
}

// listed is how many incidents a list names.
const listed = 20

func (b *Bot) sayList(ctx context.Context, d doer) (Answer, error) {
	open := incidents.Filter{States: []incidents.State{incidents.Triggered, incidents.Acknowledged}, Limit: listed}
	list, more, err := b.cfg.Incidents.List(ctx, open)
	if err != nil {
		return Answer{}, err
	}
	if len(list) == 0 {
		return Answer{Text: d.reader.say("list_none")}, nil
	}
	count, err := b.cfg.Incidents.OpenCount(ctx)
	if err != nil {
		return Answer{}, err
	}
	slices.SortStableFunc(list, func(a, b incidents.Incident) int { return strings.Compare(a.Severity, b.Severity) })
	var lines []string
	for i := range list {
		s := scene{incident: &list[i], people: b.people(), reader: d.reader}
		lines = append(lines, headline(&list[i])+" · "+s.status())
	}
	if more != "" {
		lines = append(lines, d.reader.say("list_more"))
	}
	return Answer{Text: d.reader.say("list_title", "n", count), Code: strings.Join(lines, "\n")}, nil
}

// sayShow is an incident's card in words, with the buttons that belong to it.
func (b *Bot) sayShow(ctx context.Context, d doer, id incidents.ID) (Answer, error) {
	v := view{now: time.Now()}
	var err error
	if v.incident, v.lines, err = b.cfg.Incidents.Look(ctx, id, tail); err != nil {
		return Answer{}, err
	}
	if v.requests, err = b.requestsOf(ctx, id); err != nil {
		return Answer{}, err
	}
	s := scene{incident: &v.incident, lines: v.lines, people: b.people(), reader: d.reader, requests: v.requests,
		sign: b.signers[d.platform].sign, actions: b.hasActions()}
	c := s.render()
	lines := []string{c.Status}
	for _, f := range c.Facts {
		lines = append(lines, d.reader.say("fact", "name", f.Name, "value", f.Value))
	}
	lines = append(lines, c.Body...)
	for _, q := range c.Requests {
		lines = append(lines, q.Status, q.Code)
	}
	return Answer{Text: c.Headline, Code: strings.Join(lines, "\n"), Choices: c.Buttons}, nil
}

// sayWho says who is on call, in one message for all schedules.
func (b *Bot) sayWho(ctx context.Context, d doer, only string) (Answer, error) {
	now, err := b.cfg.Store.Now(ctx, 0)
	if err != nil {
		return Answer{}, err
	}
	all := b.cfg.Escalation.Roster().Schedules
	var lines, known []string
	for title, schedule := range all {
		known = append(known, title)
		if only != "" && only != title {
			continue
		}
		var duty []string
		for _, on := range schedule.At(now) {
			who := b.name(on.Person)
			if !on.End.IsZero() {
				who = d.reader.say("who_until", "who", who, "at", d.reader.clock(on.End))
			}
			duty = append(duty, who)
		}
		if len(duty) == 0 {
			duty = []string{d.reader.say("who_nobody")}
		}
		lines = append(lines, title+": "+strings.Join(duty, "; "))
	}
	switch {
	case len(all) == 0:
		return d.refuse(d.reader.say("who_none")), nil
	case len(lines) == 0:
		return d.refuse(d.reader.say("error_schedule", "word", only, "list", joinWords(known))), nil
	}
	slices.Sort(lines)
	return Answer{Text: d.reader.say("who_title"), Code: strings.Join(lines, "\n")}, nil
}

// name is how people call a person.
func (b *Bot) name(id string) string { return name(b.people(), id) }

// headlineNumber is how people write an incident's number in a line of words.
func headlineNumber(i *incidents.Incident) string { return fmt.Sprint(i.Number) }
