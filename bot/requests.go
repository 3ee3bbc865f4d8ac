package bot

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"dogwatch/actions"
	"dogwatch/incidents"
)

// requestsOf are an incident's requests as its card shows them, and those whose output its thread shows.
func (b *Bot) requestsOf(ctx context.Context, id incidents.ID) ([]RequestView, error) {
	if !b.hasActions() {
		return nil, nil
	}
	list, err := b.cfg.Actions.ListForIncident(ctx, id)
	if err != nil {
		return nil, err
	}
	out := make([]RequestView, len(list))
	for i, r := range list {
		out[i] = RequestView{Request: r}
	}
	out = watched(out, time.Now())
	for i := range out {
		if out[i].StartedAt == nil {
			continue
		}
		if out[i].Tail, err = b.outputTail(ctx, out[i].ID); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// outputTail is the end of a run's output so far. What is kept of one is small (about 64 KiB).
func (b *Bot) outputTail(ctx context.Context, id actions.RequestID) (string, error) {
	var all strings.Builder
	cursor := ""
	for {
		page, err := b.cfg.Actions.Output(ctx, id, cursor)
		if err != nil {
			return "", err
		}
		for _, c := range page.Chunks {
			all.WriteString(c.Text)
		}
		if cursor = page.Cursor; len(page.Chunks) == 0 || page.Ended {
			return tailOf(all.String(), shownCode), nil
		}
	}
}

func (b *Bot) hasActions() bool { return b.cfg.Actions != nil && len(b.cfg.Actions.Actions()) > 0 }

func (b *Bot) action(name string) (*actions.Action, bool) {
	if b.cfg.Actions == nil {
		return nil, false
	}
	for _, a := range b.cfg.Actions.Actions() {
		if a.Name == name {
			return a, true
		}
	}
	return nil, false
}

func (b *Bot) approve(ctx context.Context, d doer, id, digest string) (Answer, error) {
	r, err := b.request(ctx, id)
	if err != nil {
		return Answer{}, err
	}
	if r, err = b.cfg.Actions.Approve(ctx, r.ID, d.by, digest); err != nil {
		return Answer{}, err
	}
	key := "done_approve"
	if r.State == actions.Pending {
		key = "done_approve_more"
	}
	return Answer{Text: d.reader.say(key, "id", r.ID, "title", r.Title, "given", len(r.Approvals), "quorum", r.Quorum)}, nil
}

func (b *Bot) reject(ctx context.Context, d doer, id, reason string) (Answer, error) {
	r, err := b.request(ctx, id)
	if err != nil {
		return Answer{}, err
	}
	if r, err = b.cfg.Actions.Reject(ctx, r.ID, d.by, reason); err != nil {
		return Answer{}, err
	}
	return Answer{Text: d.reader.say("done_reject", "id", r.ID, "title", r.Title)}, nil
}

// chooseAction offers what can be run.
func (b *Bot) chooseAction(ctx context.Context, d doer, id incidents.ID) (Answer, error) {
	i, err := b.cfg.Incidents.Get(ctx, id)
	if err != nil {
		return Answer{}, err
	}
	if !i.Open() {
		return Answer{}, lateBecauseClosed("run", &i)
	}
	if !b.hasActions() {
		return Answer{}, errNotHere
	}
	a := Answer{Text: d.reader.say("choose_action", "title", headline(&i))}
	for _, action := range b.cfg.Actions.Actions() {
		a.Choices = append(a.Choices, Button{Verb: "choose", Label: cut(oneLine(action.Title), 30),
			Value: b.signers[d.platform].sign("choose", string(id)+"~"+action.Name)})
	}
	return a, nil
}

// reasonField is the form's field for why; a parameter cannot have its name, since "_" begins none that is ours.
const reasonField = "_reason"

// actionForm asks for an action's parameters and a reason.
func (b *Bot) actionForm(ctx context.Context, d doer, id incidents.ID, action string) (Answer, error) {
	i, err := b.cfg.Incidents.Get(ctx, id)
	if err != nil {
		return Answer{}, err
	}
	a, ok := b.action(action)
	if !ok {
		return Answer{}, actions.ErrNoAction
	}
	r := d.reader
	f := &Form{Title: cut(oneLine(a.Title), 60), Value: b.signers[d.platform].sign("request", string(id)+"~"+a.Name),
		Intro: r.say("form_intro", "title", headline(&i)), Submit: r.say("form_submit"), Cancel: r.say("form_cancel")}
	line := []string{"run", a.Name}
	for _, name := range slices.Sorted(maps.Keys(a.Params)) {
		f.Fields = append(f.Fields, formField(r, name, a.Params[name]))
		if a.Params[name].Required {
			line = append(line, name+"=…")
		}
	}
	f.Fields = append(f.Fields, Field{Name: reasonField, Label: r.say("form_reason"), Long: true})
	f.Command = strings.Join(line, " ") + " for " + headlineNumber(&i)
	return Answer{Form: f}, nil
}

func formField(r reader, name string, p actions.Param) Field {
	f := Field{Name: name, Label: name, Required: p.Required}
	if p.Title != "" {
		f.Label = oneLine(p.Title)
	}
	if p.Default != nil {
		f.Default = *p.Default
	}
	switch {
	case len(p.Enum) > 0:
		for _, v := range p.Enum {
			f.Options = append(f.Options, Option{v, v})
		}
	case p.Type == "boolean":
		f.Options = []Option{{"true", r.say("yes")}, {"false", r.say("no")}}
	case p.Pattern != "":
		f.Hint = r.say("form_pattern", "pattern", p.Pattern)
	}
	return f
}

// sentForm asks for the action with what the form held.
func (b *Bot) sentForm(ctx context.Context, d doer, id incidents.ID, action string, fields map[string]string) (Answer, error) {
	params := map[string]any{}
	for k, v := range fields {
		if k != reasonField && v != "" {
			params[k] = v
		}
	}
	return b.ask(ctx, d, actions.Ask{Action: action, Params: params, Incident: id, Reason: fields[reasonField]})
}

// ask makes a request.
func (b *Bot) ask(ctx context.Context, d doer, ask actions.Ask) (Answer, error) {
	if b.cfg.Actions == nil {
		return Answer{}, errNotHere
	}
	r, err := b.cfg.Actions.Request(ctx, d.by, ask)
	if err != nil {
		return Answer{}, err
	}
	key := "done_request"
	if r.State != actions.Pending {
		key = "done_request_free"
	}
	return Answer{Text: d.reader.say(key, "id", r.ID, "title", r.Title, "at", d.reader.clock(r.ExpiresAt)), Code: commandLine(r.Argv)}, nil
}
