package bot

import (
	"context"
	"errors"
	"strings"
	"time"

	"dogwatch/actions"
	"dogwatch/incidents"
	"dogwatch/internal/failpoint"
	"dogwatch/internal/text"
	"dogwatch/schedules"
)

// doer is a known person who does something through a platform.
type doer struct {
	person   schedules.Person
	reader   reader
	platform string
	by       incidents.By
}

// who turns an account into a person with at least one role. It refuses guests, other workspaces and accounts of nobody alike:
// with a sentence for them alone and no effect.
func (b *Bot) who(a Account, kind, id string, lang string) (doer, *Answer) {
	guest := reader{text.ParseLang(lang), b.cfg.ChannelZone}
	if lang == "" {
		guest.lang = b.cfg.ChannelLanguage
	}
	team := b.cfg.Teams[a.Platform]
	p, known := b.people().PersonByAccount(a.Platform, a.User)
	if a.External || team != "" && a.Team != team || !known {
		b.Counters.Denied.Add(1)
		b.cfg.Log.Warn("stranger refused", "platform", a.Platform, "team", a.Team, "user", a.User, "external", a.External)
		return doer{}, &Answer{Text: guest.say("stranger"), Refused: true}
	}
	return doer{p, b.readerOf(p), a.Platform,
		incidents.By{Actor: incidents.Actor{Person: p.ID, Via: a.Platform}, Request: kind + "/" + a.Platform + "/" + id}}, nil
}

// Press does what a button stands for, if it is ours and the person may.
func (b *Bot) Press(ctx context.Context, p Press) (Answer, error) {
	b.Counters.Presses.Add(1)
	d, refusal := b.who(p.Account, "press", p.ID, "")
	if refusal != nil {
		return *refusal, nil
	}
	verb, subject, err := b.signers[p.Account.Platform].open(p.Value)
	if err != nil {
		b.Counters.Denied.Add(1)
		b.cfg.Log.Warn("forged button refused", "platform", p.Account.Platform, "person", d.person.ID)
		return d.refuse(d.reader.say("error_forged")), nil
	}
	if !may(b.people(), d.person.ID, verb) {
		b.Counters.Denied.Add(1)
		return d.refuse(d.reader.say("denied_role")), nil
	}
	failpoint.Hit("press_verified")
	b.freshCode(ctx, p, subject)
	answer, err := b.press(ctx, d, verb, subject, p.Fields)
	if err != nil {
		return b.failure(d, err)
	}
	return answer, nil
}

// failure is an error as an answer. What may pass by itself is an error to the platform too where nothing was kept, so that it
// delivers again; the person hears it as a sentence in any case.
func (b *Bot) failure(d doer, err error) (Answer, error) {
	sentence, known := d.reader.explain(err, b.people())
	if !known {
		b.cfg.Log.Error("not done", "person", d.person.ID, "via", d.platform, "error", err)
	}
	answer := d.refuse(sentence)
	var params *actions.ParamsError
	if errors.As(err, &params) {
		answer.Errors = map[string]string{}
		for _, f := range params.Faults {
			answer.Errors[f.Name] = f.Say(d.reader.lang)
		}
	}
	return answer, nil
}

func (d doer) refuse(sentence string) Answer { return Answer{Text: sentence, Refused: true} }

// freshCode keeps the one-time code that a press brought, for the next change of that message.
func (b *Bot) freshCode(ctx context.Context, p Press, subject string) {
	id, _, _ := strings.Cut(subject, "~")
	incident, ok := incidents.ParseID(id)
	if p.At.Code == "" || p.At.Task == "" || !ok {
		return
	}
	if r, err := b.request(ctx, id); err == nil {
		incident = r.Incident
	}
	if incident == "" {
		return
	}
	if err := b.stand(ctx, incident, "k:"+p.At.Task, p.At.Code, true); err != nil {
		b.cfg.Log.Warn("code not kept", "incident", incident, "error", err)
	}
}

func (b *Bot) request(ctx context.Context, id string) (actions.Request, error) {
	rid, ok := actions.ParseRequestID(id)
	if b.cfg.Actions == nil || !ok {
		return actions.Request{}, actions.ErrUnknown
	}
	return b.cfg.Actions.Get(ctx, rid)
}

// press carries out a verified verb of a person who may.
func (b *Bot) press(ctx context.Context, d doer, verb, subject string, fields map[string]string) (Answer, error) {
	head, rest, _ := strings.Cut(subject, "~")
	switch verb {
	case "approve":
		return b.approve(ctx, d, head, rest)
	case "reject":
		return b.reject(ctx, d, head, "")
	}
	id, ok := incidents.ParseID(head)
	if !ok {
		return Answer{}, incidents.ErrUnknown
	}
	switch verb {
	case "acknowledge", "resolve", "escalate":
		return b.act(ctx, d, verb, id, "")
	case "snooze":
		return b.pressSnooze(ctx, d, id, rest)
	case "run":
		return b.chooseAction(ctx, d, id)
	case "choose":
		return b.actionForm(ctx, d, id, rest)
	case "request":
		return b.sentForm(ctx, d, id, rest, fields)
	}
	return Answer{}, errForged
}

// snoozes are what the button offers.
var snoozes = []string{"15m", "30m", "1h", "4h", "8h", "1d"}

func (b *Bot) pressSnooze(ctx context.Context, d doer, id incidents.ID, span string) (Answer, error) {
	if span != "" {
		return b.snooze(ctx, d, id, span)
	}
	i, err := b.cfg.Incidents.Get(ctx, id)
	if err != nil {
		return Answer{}, err
	}
	if !i.Open() {
		return Answer{}, lateBecauseClosed("snooze", &i)
	}
	a := Answer{Text: d.reader.say("snooze_how_long", "title", headline(&i))}
	for _, s := range snoozes {
		a.Choices = append(a.Choices, Button{Verb: "choose", Label: s, Value: b.signers[d.platform].sign("snooze", string(id)+"~"+s)})
	}
	return a, nil
}

func lateBecauseClosed(verb string, i *incidents.Incident) error {
	e := &incidents.LateError{Verb: verb, State: i.State, By: deref(i.ResolvedBy)}
	if i.ResolvedAt != nil {
		e.At = *i.ResolvedAt
	}
	return e
}

// act is one of the plain changes of an incident, with a sentence that says it is done.
func (b *Bot) act(ctx context.Context, d doer, verb string, id incidents.ID, reason string) (Answer, error) {
	s := b.cfg.Incidents
	var err error
	switch verb {
	case "acknowledge":
		err = s.Acknowledge(ctx, id, d.by, reason)
	case "resolve":
		err = s.Resolve(ctx, id, d.by, reason)
	case "reopen":
		err = s.Reopen(ctx, id, d.by, reason)
	case "escalate":
		err = s.Escalate(ctx, id, d.by)
	default:
		err = errForged
	}
	if err != nil {
		return Answer{}, err
	}
	return b.said(ctx, d, "done_"+verb, id)
}

// said is the sentence of something done to one incident.
func (b *Bot) said(ctx context.Context, d doer, key string, id incidents.ID, pairs ...any) (Answer, error) {
	number := any(string(id))
	if i, err := b.cfg.Incidents.Get(ctx, id); err == nil {
		number = i.Number
	}
	return Answer{Text: d.reader.say(key, append(pairs, "number", number)...)}, nil
}

func (b *Bot) snooze(ctx context.Context, d doer, id incidents.ID, span string) (Answer, error) {
	for_, err := text.ParseDuration(span)
	if err != nil || for_ < time.Minute || for_ > 30*24*time.Hour {
		return d.refuse(d.reader.say("error_snooze", "word", span)), nil
	}
	now, err := b.cfg.Store.Now(ctx, id.Shard())
	if err != nil {
		return Answer{}, err
	}
	until := now.Add(for_)
	if err := b.cfg.Incidents.Snooze(ctx, id, d.by, until); err != nil {
		return Answer{}, err
	}
	return b.said(ctx, d, "done_snooze", id, "at", d.reader.clock(until))
}
