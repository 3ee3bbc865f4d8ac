package slack

import (
	"context"
	"encoding/json"
	"sort"
	"strings"

	api "github.com/slack-go/slack"

	"dogwatch/bot"
	"dogwatch/internal/text"
)

// formCallback names our modals.
const formCallback = "dogwatch_form"

// fieldBlock is the block id of a field; Slack reports faults by it.
const (
	fieldBlock  = "field."
	fieldAction = "value"
)

// remembered is what a modal carries for its submission. The person does not see it; Slack gives it back as it was.
type remembered struct {
	Value   string `json:"v"`
	Channel string `json:"c,omitempty"`
	Message string `json:"m,omitempty"`
	Thread  string `json:"t,omitempty"`
}

// view is a submitted modal.
type view struct {
	ID              string `json:"id"`
	CallbackID      string `json:"callback_id"`
	PrivateMetadata string `json:"private_metadata"`
	State           struct {
		Values map[string]map[string]input `json:"values"`
	} `json:"state"`
	Blocks []struct {
		Type    string `json:"type"`
		BlockID string `json:"block_id"`
	} `json:"blocks"`
}

type input struct {
	Value          *string `json:"value"`
	SelectedOption *struct {
		Value string `json:"value"`
	} `json:"selected_option"`
}

// openForm opens the modal with the trigger of the press; false if Slack would not.
func (s *Slack) openForm(ctx context.Context, at place, f bot.Form) bool {
	if at.trigger == "" {
		return false
	}
	v, ok := modal(f, remembered{Value: f.Value, Channel: at.channel, Message: at.message, Thread: at.thread})
	if !ok {
		s.env.Log.ErrorContext(ctx, "slack form too large", "title", f.Title)
		return false
	}
	if _, err := s.api.OpenViewContext(ctx, at.trigger, v); err != nil {
		s.env.Log.WarnContext(ctx, "slack form not opened", "error", withoutAddress(err))
		return false
	}
	return true
}

// modal is a form as a modal; false if what it has to carry is too long for Slack.
func modal(f bot.Form, keep remembered) (api.ModalViewRequest, bool) {
	meta, err := json.Marshal(keep)
	if err != nil || units(string(meta)) > modalMetadata {
		return api.ModalViewRequest{}, false
	}
	p := &page{}
	if intro := cut(f.Intro, sectionText, ""); intro != "" {
		p.section("intro", plain(intro))
	}
	for _, field := range f.Fields {
		p.add(inputBlock(field))
	}
	if len(p.blocks) == 0 {
		p.section("title", plain(cut(orElse(f.Title, "-"), sectionText, "")))
	}
	return api.ModalViewRequest{
		Type: api.VTModal, CallbackID: formCallback, PrivateMetadata: string(meta), Blocks: api.Blocks{BlockSet: p.blocks},
		Title:  plain(short(orElse(f.Title, f.Submit), modalTitle)),
		Submit: plain(short(orElse(f.Submit, text.Say(text.English, "slack.send")), modalLabel)),
		Close:  plain(short(orElse(f.Cancel, text.Say(text.English, "slack.cancel")), modalLabel)),
	}, true
}

// short cuts where there is no room for a count.
func short(s string, limit int) string {
	if s = line(s); units(s) <= limit {
		return s
	}
	return prefix(s, limit-1, func(r rune) int { return units(string(r)) }) + "…"
}

func orElse(s, other string) string {
	if strings.TrimSpace(s) == "" {
		return other
	}
	return s
}

func inputBlock(f bot.Field) *api.InputBlock {
	var element api.BlockElement
	if len(f.Options) > 0 {
		element = choice(f)
	} else {
		t := api.NewPlainTextInputBlockElement(nil, fieldAction)
		t.Multiline, t.InitialValue, t.MaxLength = f.Long, cut(f.Default, sectionText, ""), sectionText
		element = t
	}
	var hint *api.TextBlockObject
	if h := cut(f.Hint, inputHint, ""); h != "" {
		hint = plain(h)
	}
	b := api.NewInputBlock(fieldBlock+f.Name, plain(cut(orElse(f.Label, f.Name), inputLabel, "")), hint, element)
	b.Optional = !f.Required
	return b
}

// choice is a field with options; those Slack has no room for are left out, and the hint's place is not enough to say so,
// so callers keep lists short.
func choice(f bot.Field) *api.SelectBlockElement {
	e := api.NewOptionsSelectBlockElement(api.OptTypeStatic, nil, fieldAction)
	for _, o := range f.Options {
		if o.Value == "" || units(o.Value) > optionValue || len(e.Options) == selectOptions {
			continue
		}
		opt := api.NewOptionBlockObject(o.Value, plain(short(orElse(o.Label, o.Value), optionText)), nil)
		e.Options = append(e.Options, opt)
		if o.Value == f.Default {
			e.InitialOption = opt
		}
	}
	return e
}

// submission is a sent form. Faults are shown at their fields; a refusal and a next form replace the modal; all else
// closes it and is said where the form was asked for.
func (s *Slack) submission(ctx context.Context, inbox bot.Inbox, in interaction) outcome {
	var keep remembered
	if in.View.CallbackID != formCallback || json.Unmarshal([]byte(in.View.PrivateMetadata), &keep) != nil {
		return outcome{}
	}
	who := s.member(ctx, in.User.ID)
	p := bot.Press{
		Account: s.account(in.User.ID, in.User.TeamID, who),
		ID:      digest("form", in.User.ID, in.View.ID, in.TriggerID),
		Value:   keep.Value,
		Fields:  in.View.fields(),
		At:      bot.Ref{Platform: Name, Channel: keep.Channel, ID: keep.Message},
	}
	answer, err := inbox.Press(ctx, p)
	if err != nil {
		s.env.Log.ErrorContext(ctx, "slack form failed", "id", p.ID, "error", err)
		answer = failed(answer, who.lang)
	}
	at := place{channel: keep.Channel, thread: keep.Thread, message: keep.Message, user: in.User.ID}
	late := func(ctx context.Context) { s.tell(ctx, at, withFaults(answer)) }
	if action := in.View.action(answer, keep, who.lang); action != nil {
		body, err := json.Marshal(action)
		if err == nil {
			return outcome{body: body, late: late}
		}
	}
	return outcome{after: late}
}

// fields are the values by field name. A field left empty is "".
func (v view) fields() map[string]string {
	out := map[string]string{}
	for id, actions := range v.State.Values {
		name, ours := strings.CutPrefix(id, fieldBlock)
		if !ours {
			continue
		}
		got := actions[fieldAction]
		switch {
		case got.SelectedOption != nil:
			out[name] = got.SelectedOption.Value
		case got.Value != nil:
			out[name] = *got.Value
		default:
			out[name] = ""
		}
	}
	return out
}

// response is the acknowledgement of a submission that keeps the modal open.
type response struct {
	Action string                `json:"response_action"`
	Errors map[string]string     `json:"errors,omitempty"`
	View   *api.ModalViewRequest `json:"view,omitempty"`
}

// action is nil when the modal should close.
func (v view) action(a bot.Answer, keep remembered, lang string) *response {
	if faults := v.faults(a); len(faults) > 0 {
		return &response{Action: "errors", Errors: faults}
	}
	if a.Form != nil {
		keep.Value = a.Form.Value
		if next, ok := modal(*a.Form, keep); ok {
			return &response{Action: "update", View: &next}
		}
	}
	if a.Refused && a.Text != "" {
		l := text.ParseLang(lang)
		return &response{Action: "update", View: &api.ModalViewRequest{
			Type: api.VTModal, CallbackID: formCallback, Title: plain("dogwatch"),
			Close: plain(text.Say(l, "slack.close")), Blocks: api.Blocks{BlockSet: answerBlocks(bot.Answer{Text: a.Text, Code: a.Code})},
		}}
	}
	return nil
}

// faults are the answer's errors by block id. Slack shows only those at blocks of the modal; a fault of no field stands at
// the first one rather than nowhere.
func (v view) faults(a bot.Answer) map[string]string {
	inputs := map[string]bool{}
	first := ""
	for _, b := range v.Blocks {
		if b.Type == "input" {
			inputs[b.BlockID] = true
			if first == "" {
				first = b.BlockID
			}
		}
	}
	out := map[string]string{}
	for _, name := range sortedNames(a.Errors) {
		id := fieldBlock + name
		if !inputs[id] {
			id = first
		}
		if id != "" {
			out[id] = strings.TrimSpace(out[id] + " " + cut(a.Errors[name], 500, ""))
		}
	}
	return out
}

// withFaults is an answer whose faults are words, for when the modal is gone.
func withFaults(a bot.Answer) bot.Answer {
	for _, name := range sortedNames(a.Errors) {
		a.Text = strings.TrimSpace(a.Text + "\n" + name + ": " + a.Errors[name])
	}
	return a
}

func sortedNames(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
