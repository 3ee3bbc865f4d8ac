package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"dogwatch/bot"
	"dogwatch/internal/text"
)

// answered is an answer as it is shown, with what the person had filled in.
type answered struct {
	bot.Answer
	Filled map[string]string // a form's values by field
	// Again is the value of the button that asked for the form, to ask for it anew when what was sent is refused.
	Again string
}

// account is who acts: the session was checked.
func (v *visit) account() bot.Account { return bot.Account{Platform: Name, User: v.who.ID} }

// once names this sending of this form: the same when a browser or a finger sends it twice, another for every form shown.
func (v *visit) once() string {
	return digest("once " + v.session + " " + v.r.PostFormValue("once"))[:32]
}

// press is POST /press: a button, or a form with fields.
func (v *visit) press(rw http.ResponseWriter) {
	p := bot.Press{Account: v.account(), ID: v.once(), Value: v.r.PostFormValue("value")}
	again := p.Value
	if v.r.PostForm.Has("fields") {
		p.Fields, again = map[string]string{}, v.r.PostFormValue("again")
		for name, values := range v.r.PostForm {
			if field, ok := strings.CutPrefix(name, "f."); ok && len(values) > 0 {
				p.Fields[field] = values[0]
			}
		}
	}
	a, err := v.inbox.Press(v.r.Context(), p)
	if err != nil {
		v.failed(rw, err)
		return
	}
	if len(a.Errors) > 0 && p.Fields != nil && again != "" {
		// What was sent is refused: the form again, filled in as it was, with the faults at the fields.
		if form, err := v.inbox.Press(v.r.Context(), bot.Press{Account: p.Account, ID: p.ID + "/form", Value: again}); err == nil {
			a.Form = form.Form
		}
	}
	v.reply(rw, answered{Answer: a, Filled: p.Fields, Again: again})
}

// say is POST /say: a line of words.
func (v *visit) say(rw http.ResponseWriter) {
	v.utter(rw, v.r.PostFormValue("text"))
}

// do is POST /do: what the pages offer and no card's button does, said in the same words as anywhere else.
func (v *visit) do(rw http.ResponseWriter) {
	verb, number := v.r.PostFormValue("verb"), v.r.PostFormValue("number")
	if number == "" || strings.Trim(number, "0123456789") != "" {
		http.Error(rw, "no incident", http.StatusBadRequest)
		return
	}
	switch verb {
	case "note":
		v.utter(rw, "note "+number+" "+v.r.PostFormValue("text"))
	case "assign":
		v.utter(rw, "assign "+number+" @"+v.r.PostFormValue("person"))
	case "reopen":
		v.utter(rw, "reopen "+number+" "+v.r.PostFormValue("text"))
	default:
		http.Error(rw, "unknown verb", http.StatusBadRequest)
	}
}

func (v *visit) utter(rw http.ResponseWriter, words string) {
	a, err := v.inbox.Say(v.r.Context(), bot.Utterance{Account: v.account(), ID: v.once(), Text: words, Lang: string(v.who.Lang)})
	if err != nil {
		v.failed(rw, err)
		return
	}
	v.reply(rw, answered{Answer: a})
}

// failed: nothing is known to have happened; the same form may be sent again and counts once.
func (v *visit) failed(rw http.ResponseWriter, err error) {
	v.log.Error("console press not answered", "person", v.who.ID, "error", err)
	v.answer(rw, bot.Answer{Text: text.Say(v.who.Lang, "console.unavailable"), Refused: true})
}

func (v *visit) answer(rw http.ResponseWriter, a bot.Answer) { v.reply(rw, answered{Answer: a}) }

// reply shows an answer: a piece of the page to the script, the whole page it came from without one.
func (v *visit) reply(rw http.ResponseWriter, a answered) {
	to := back(v.r.PostFormValue("back"))
	if v.r.Header.Get("HX-Request") != "" {
		sc := screen{Name: "answer", Lang: v.who.Lang, Who: v.who, Path: to, Answer: &a}
		v.write(rw, http.StatusOK, sc)
		return
	}
	u, err := url.Parse(to)
	if err != nil {
		u = &url.URL{Path: "/"}
	}
	r := v.r.Clone(context.WithValue(v.r.Context(), answerKey{}, &a))
	r.Method, r.URL, r.RequestURI, r.PostForm, r.Form = http.MethodGet, u, to, nil, nil
	r.Header.Del("Content-Type")
	v.paths.ServeHTTP(rw, r)
}

// answerKey carries an answer to the page on which it is shown.
type answerKey struct{}
