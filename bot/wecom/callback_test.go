package wecom_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dogwatch/bot"
	"dogwatch/bot/wecom"
	"dogwatch/bot/wecom/wecomtest"
)

func (h *house) say(user, words string) wecomtest.Delivery {
	h.Helper()
	d, err := h.fake.Say(h.ctx, user, words)
	if err != nil {
		h.Fatal(err)
	}
	return d
}

func (h *house) click(p wecomtest.Press) wecomtest.Delivery {
	h.Helper()
	d, err := h.fake.Click(h.ctx, p)
	if err != nil {
		h.Fatal(err)
	}
	return d
}

func TestTheConsoleTakesTheAddress(t *testing.T) {
	h := open(t)
	if err := h.fake.Verify(h.ctx); err != nil {
		t.Error(err)
	}
	other := open(t, func(o *wecomtest.Options) { o.Token = "foreign" })
	if err := other.fake.Verify(h.ctx); err == nil {
		t.Error("an address with another token was confirmed")
	}
}

func TestALineIsAnsweredInPlace(t *testing.T) {
	h := open(t)
	d := h.say("Mixed.Case", "／oncall　认领 42 ]]> 好 ✅")
	want := bot.Utterance{Account: bot.Account{Platform: "wecom", Team: corp, User: "Mixed.Case"}, Text: "认领 42 ]]> 好 ✅"}
	_, lines := h.desk.got()
	if len(lines) != 1 || lines[0].ID == "" {
		t.Fatalf("lines %+v", lines)
	}
	if want.ID = lines[0].ID; lines[0] != want {
		t.Errorf("got %+v; want %+v", lines[0], want)
	}
	if d.Reply == nil || *d.Reply != (wecomtest.Reply{Type: "text", Content: "done"}) || len(d.Attempts) != 1 {
		t.Errorf("delivery %+v, reply %+v", d, d.Reply)
	}
	if n := len(h.fake.Messages("")); n != 0 {
		t.Errorf("%d messages were sent beside the reply", n)
	}
}

func TestAnAnswerWithTableFormAndFaults(t *testing.T) {
	h := open(t)
	h.desk.answers(func() (bot.Answer, error) {
		return bot.Answer{
			Text: "Restart needs <a href='x'>a unit</a>", Code: "unit  state\nnginx up", Errors: map[string]string{"unit": "is missing", "a": "b"},
			Form: &bot.Form{Title: "Restart a service", Command: "run restart unit=… for 42", Fields: []bot.Field{
				{Name: "unit", Label: "Unit", Hint: "name.service", Options: []bot.Option{{Value: "nginx"}, {Value: "redis"}}},
			}},
		}, nil
	})
	d := h.say("alice", "run restart")
	want := "Restart needs ＜a href='x'>a unit＜/a>\na: b\nunit: is missing\nRestart a service\n· unit — Unit (name.service): nginx | redis\nrun restart unit=… for 42\nunit  state\nnginx up"
	if d.Reply == nil || d.Reply.Content != want {
		t.Errorf("reply %+v; want %q", d.Reply, want)
	}
}

func TestALongAnswerIsCutToWhatWeComTakes(t *testing.T) {
	h := open(t)
	h.desk.answers(func() (bot.Answer, error) { return bot.Answer{Text: strings.Repeat("值班🔥", 1000)}, nil })
	if d := h.say("alice", "list"); d.Reply == nil || d.Reply.Fault != "" || !strings.HasSuffix(d.Reply.Content, "…") {
		t.Errorf("reply %+v", d.Reply)
	}
}

func TestChoicesAreAPrivateCard(t *testing.T) {
	h := open(t)
	h.desk.answers(func() (bot.Answer, error) {
		a := bot.Answer{Text: "Snooze for how long?"}
		for i := range 8 {
			a.Choices = append(a.Choices, bot.Button{Verb: "choose", Label: fmt.Sprintf("%d minutes", i), Value: fmt.Sprintf("v.%d", i)})
		}
		return a, nil
	})
	d := h.say("alice", "snooze 42")
	h.until("two cards with the choices", func() bool { return len(h.fake.Cards("alice")) == 2 })
	cards := h.fake.Cards("alice")
	if d.Reply != nil || len(cards[0].Buttons) != 6 || len(cards[1].Buttons) != 2 || cards[0].Title != "Snooze for how long?" {
		t.Errorf("reply %+v, cards %+v", d.Reply, cards)
	}
	h.desk.answers(nil)
	h.click(wecomtest.Press{User: "alice", Key: "v.7"})
	if presses, _ := h.desk.got(); len(presses) != 1 || presses[0].Value != "v.7" {
		t.Errorf("presses %+v", presses)
	}
}

func TestAPressIsAnsweredWithAMessage(t *testing.T) {
	h := open(t)
	ref := h.send(page("page/1"))
	d := h.click(wecomtest.Press{User: "alice", Key: "Ack"})
	presses, _ := h.desk.got()
	want := bot.Press{
		Account: bot.Account{Platform: "wecom", Team: corp, User: "alice"}, Value: "v.ack",
		At: bot.Ref{Platform: "wecom", Channel: "@alice", Code: d.ResponseCode, Task: ref.Task},
	}
	if len(presses) != 1 || presses[0].ID == "" {
		t.Fatalf("presses %+v", presses)
	}
	want.ID = presses[0].ID
	if fmt.Sprint(presses[0]) != fmt.Sprint(want) || d.Reply != nil || d.Attempts[0].Body != "" {
		t.Errorf("press %+v, delivery %+v; want %+v and an empty 200", presses[0], d, want)
	}
	h.until("the answer", func() bool { m := h.fake.Messages("@alice"); return len(m) == 2 && m[1].Text == "done" })
}

func TestTwoPressesAreTwoAndOnePressRepeatedIsOne(t *testing.T) {
	h := open(t)
	h.send(page("page/1"))
	h.click(wecomtest.Press{User: "alice", Key: "v.ack", Copies: 4})
	h.click(wecomtest.Press{User: "alice", Key: "v.ack"})
	presses, _ := h.desk.got()
	if len(presses) != 2 || presses[0].ID == presses[1].ID || presses[0].At.Code == presses[1].At.Code {
		t.Errorf("presses %+v; want two", presses)
	}
	h.until("one answer a press", func() bool { return len(h.fake.Messages("@alice")) == 3 })
}

func TestRepeatsGetTheSameReplyAndHaveNoSecondEffect(t *testing.T) {
	h := open(t)
	n := 0
	h.desk.answers(func() (bot.Answer, error) { n++; return bot.Answer{Text: fmt.Sprint("effect ", n)}, nil })
	d, err := h.fake.SayCopies(h.ctx, "alice", "note 42 x", 4)
	if err != nil || len(d.Attempts) != 4 {
		t.Fatalf("%+v, %v", d, err)
	}
	again, err := h.fake.Attack(h.ctx, wecomtest.Replay)
	if err != nil || again.Status != http.StatusOK {
		t.Fatalf("replay %+v, %v", again, err)
	}
	for _, a := range append(d.Attempts, again) {
		if r, err := h.fake.Open(a.Body); err != nil || r.Content != "effect 1" {
			t.Errorf("one of the repeats got %+v, %v", r, err)
		}
	}
	if _, lines := h.desk.got(); len(lines) != 1 {
		t.Errorf("%d effects", len(lines))
	}
}

func TestASlowAnswerFollowsAsAMessage(t *testing.T) {
	h := open(t)
	h.wecom.SetPatience(50 * time.Millisecond)
	goOn := make(chan struct{})
	h.desk.answers(func() (bot.Answer, error) { <-goOn; return bot.Answer{Text: "slow but sure"}, nil })
	d := h.say("alice", "report")
	if d.Reply != nil || len(d.Attempts) != 1 || d.Attempts[0].Status != http.StatusOK || d.Attempts[0].Body != "" {
		t.Errorf("delivery %+v; want an empty 200", d)
	}
	close(goOn)
	h.until("the answer", func() bool { m := h.fake.Messages("@alice"); return len(m) == 1 && m[0].Text == "slow but sure" })
	again, err := h.fake.Attack(h.ctx, wecomtest.Replay)
	if err != nil || again.Status != http.StatusOK || again.Body != "" {
		t.Errorf("a late repeat got %+v, %v; want an empty 200, since the answer was sent", again, err)
	}
}

// WeCom hangs up after its patience and delivers again, in either way of signing; the repeat hears what the first asked.
func TestARepeatJoinsTheFirst(t *testing.T) {
	for _, fresh := range []bool{false, true} {
		h := open(t, func(o *wecomtest.Options) { o.Patience, o.FreshRetries = 100*time.Millisecond, fresh })
		began, goOn := make(chan struct{}, 1), make(chan struct{})
		h.desk.answers(func() (bot.Answer, error) { began <- struct{}{}; <-goOn; return bot.Answer{Text: "once"}, nil })
		done := make(chan wecomtest.Delivery, 1)
		go func() {
			d, err := h.fake.Say(h.ctx, "alice", "note 1 x")
			if err != nil {
				t.Error(err)
			}
			done <- d
		}()
		<-began
		time.AfterFunc(150*time.Millisecond, func() { close(goOn) }) // the second attempt is waiting by then
		d := <-done
		if len(d.Attempts) < 2 || d.Attempts[0].Err == "" || d.Reply == nil || d.Reply.Content != "once" {
			t.Errorf("fresh %v: delivery %+v, reply %+v", fresh, d, d.Reply)
		}
		if _, lines := h.desk.got(); len(lines) != 1 || len(h.fake.Messages("")) != 0 {
			t.Errorf("fresh %v: %d effects, %d messages", fresh, len(lines), len(h.fake.Messages("")))
		}
	}
}

func TestAPressThatFailedIsTakenFromTheRepeat(t *testing.T) {
	h := open(t)
	h.send(page("page/1"))
	n := 0
	h.desk.answers(func() (bot.Answer, error) {
		if n++; n == 1 {
			return bot.Answer{}, errors.New("store is loading")
		}
		return bot.Answer{Text: "acknowledged"}, nil
	})
	d := h.click(wecomtest.Press{User: "alice", Key: "v.ack"})
	if len(d.Attempts) != 2 || d.Attempts[0].Status != http.StatusInternalServerError || d.Attempts[1].Status != http.StatusOK {
		t.Errorf("attempts %+v", d.Attempts)
	}
	h.until("the answer", func() bool { m := h.fake.Messages("@alice"); return len(m) == 2 && m[1].Text == "acknowledged" })
}

func TestALineThatFailedIsSaidSo(t *testing.T) {
	h := open(t)
	h.desk.answers(func() (bot.Answer, error) { return bot.Answer{}, errors.New("store is gone") })
	d := h.say("alice", "ack 1")
	if d.Reply == nil || !strings.Contains(d.Reply.Content, "请稍后再试") || !strings.Contains(d.Reply.Content, "try again") || len(d.Attempts) != 1 {
		t.Errorf("delivery %+v, reply %+v", d, d.Reply)
	}
}

func TestWithoutAMemoryOfCallbacksNothingIsDone(t *testing.T) {
	h := open(t)
	m := newMemory()
	m.fail(errors.New("redis is down"))
	h.start(m.seen)
	h.send(page("page/1"))
	if d := h.click(wecomtest.Press{User: "alice", Key: "v.ack"}); len(d.Attempts) != 4 || d.Attempts[3].Status != http.StatusInternalServerError {
		t.Errorf("attempts %+v", d.Attempts)
	}
	h.say("alice", "ack 1")
	if presses, lines := h.desk.got(); len(presses)+len(lines) != 0 {
		t.Errorf("%v and %v got through", presses, lines)
	}
	m.fail(nil)
	h.click(wecomtest.Press{User: "alice", Key: "v.ack"})
	if presses, _ := h.desk.got(); len(presses) != 1 {
		t.Errorf("presses %+v", presses)
	}
}

func TestADeliveryToTwoReplicasHasOneEffect(t *testing.T) {
	h := open(t)
	shared := newMemory()
	h.start(shared.seen)
	h.say("alice", "note 1 x")
	h.start(shared.seen) // the callbacks now go to the other replica
	a, err := h.fake.Attack(h.ctx, wecomtest.Replay)
	if err != nil || a.Status != http.StatusOK || a.Body != "" {
		t.Errorf("the other replica answers %+v, %v", a, err)
	}
	if _, lines := h.desk.got(); len(lines) != 1 {
		t.Errorf("%d effects", len(lines))
	}
}

func TestAttacksHaveNoEffect(t *testing.T) {
	h := open(t)
	h.say("alice", "who")
	presses, lines := h.desk.got()
	before, sent := len(presses)+len(lines), len(h.fake.Journal(""))
	for _, kind := range wecomtest.Attacks {
		a, err := h.fake.Attack(h.ctx, kind)
		want := http.StatusForbidden
		switch kind {
		case wecomtest.Huge:
			want = http.StatusRequestEntityTooLarge
		case wecomtest.Replay:
			want = http.StatusOK // it is answered as the first was
		}
		if err != nil || a.Status != want || (want != http.StatusOK && a.Body != "") {
			t.Errorf("%s: %+v, %v; want %d and no word", kind, a, err, want)
		}
	}
	h.fake.Advance(6 * time.Minute)
	if a, err := h.fake.Attack(h.ctx, wecomtest.Replay); err != nil || a.Status != http.StatusForbidden {
		t.Errorf("a replay six minutes later: %+v, %v", a, err)
	}
	presses, lines = h.desk.got()
	if len(presses)+len(lines) != before || len(h.fake.Journal("")) != sent {
		t.Errorf("an attack had an effect: %v %v", presses, lines)
	}
	if !strings.Contains(h.log.String(), "wecom callback refused") {
		t.Error("the operator is not told")
	}
	h.noSecretIn(h.log.String())
}

func TestRequestsThatAreNoCallbacks(t *testing.T) {
	h := open(t)
	door := h.wecom.Routes(h.desk)[wecom.CallbackPath]
	for _, c := range []struct {
		method, query, body string
		want                int
	}{
		{"PUT", "", "", 405},
		{"POST", "", "", 403},
		{"POST", "?msg_signature=a&timestamp=b&nonce=c", "<xml><Encrypt>x</Encrypt></xml>", 403},
		{"POST", "?msg_signature=a&msg_signature=b&timestamp=1&nonce=c", "<xml><Encrypt>x</Encrypt></xml>", 403},
		{"POST", "?msg_signature=%zz", "<xml><Encrypt>x</Encrypt></xml>", 403},
		{"POST", "?msg_signature=a&timestamp=1&nonce=" + strings.Repeat("n", 200), "<xml><Encrypt>x</Encrypt></xml>", 403},
		{"GET", "", "", 403},
		{"GET", "?msg_signature=a&timestamp=99999999999999999999&nonce=c&echostr=x", "", 403},
	} {
		rec := httptest.NewRecorder()
		door.ServeHTTP(rec, httptest.NewRequest(c.method, wecom.CallbackPath+c.query, bytes.NewBufferString(c.body)))
		if rec.Code != c.want || rec.Body.Len() != 0 {
			t.Errorf("%s %s: %d %q; want %d", c.method, c.query, rec.Code, rec.Body, c.want)
		}
	}
}

func TestEventsThatAskForNothing(t *testing.T) {
	h := open(t)
	for _, event := range []string{"enter_agent", "subscribe", "LOCATION"} {
		d, err := h.fake.Event(h.ctx, "alice", event, "")
		if err != nil || d.Attempts[0].Status != http.StatusOK || d.Attempts[0].Body != "" {
			t.Errorf("%s: %+v, %v", event, d, err)
		}
	}
	if presses, lines := h.desk.got(); len(presses)+len(lines) != 0 {
		t.Errorf("%v %v", presses, lines)
	}
	d, err := h.fake.Event(h.ctx, "alice", "click", "ONCALL_WHO")
	if _, lines := h.desk.got(); err != nil || d.Reply == nil || len(lines) != 1 || lines[0].Text != "who" {
		t.Errorf("a menu button: %+v, %v, %v", d, err, lines)
	}
}

func TestBeforeRunCallbacksAreToBeRepeated(t *testing.T) {
	h := open(t)
	w, err := wecom.Open(config(h.url), wecom.Deps{Now: h.fake.Now, Seen: newMemory().seen})
	if err != nil {
		t.Fatal(err)
	}
	w.SetPatience(20 * time.Millisecond)
	server := httptest.NewServer(w.Routes(h.desk)[wecom.CallbackPath])
	defer server.Close()
	h.fake.SetTarget(server.URL + wecom.CallbackPath)
	if d := h.say("alice", "ack 1"); d.Attempts[0].Status != http.StatusServiceUnavailable {
		t.Errorf("attempts %+v", d.Attempts)
	}
	if _, lines := h.desk.got(); len(lines) != 0 {
		t.Errorf("lines %+v", lines)
	}
}

func TestRunEndsWhenWhatItBeganHasEnded(t *testing.T) {
	h := open(t)
	w, err := wecom.Open(config(h.url), wecom.Deps{Now: h.fake.Now, Seen: newMemory().seen})
	if err != nil {
		t.Fatal(err)
	}
	w.SetPatience(20 * time.Millisecond)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	server := httptest.NewServer(w.Routes(h.desk)[wecom.CallbackPath])
	defer server.Close()
	h.fake.SetTarget(server.URL + wecom.CallbackPath)
	goOn := make(chan struct{})
	h.desk.answers(func() (bot.Answer, error) { <-goOn; return bot.Answer{Text: "last words"}, nil })
	h.say("alice", "ack 1")
	stop()
	select {
	case <-ended:
		t.Fatal("it left work behind")
	case <-time.After(30 * time.Millisecond):
	}
	close(goOn)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if m := h.fake.Messages("@alice"); len(m) != 1 || m[0].Text != "last words" {
		t.Errorf("messages %+v", m)
	}
}
