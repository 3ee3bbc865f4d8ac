package wecom_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"dogwatch/bot"
	"dogwatch/bot/wecom"
	"dogwatch/bot/wecom/wecomtest"
)

func TestAPersonGetsACardWithButtons(t *testing.T) {
	h := open(t)
	ref := h.send(page("page/42/1"))
	cards := h.fake.Cards("alice")
	if len(cards) != 1 || ref.Channel != "@alice" || ref.ID != cards[0].Message || ref.Code == "" || ref.Task != cards[0].Task {
		t.Fatalf("ref %+v, cards %+v", ref, cards)
	}
	c := cards[0]
	if c.Title != "P1 · #42 · Disk full" || c.Desc != "Paging Alice" || c.Grey || len(c.Buttons) != 2 ||
		c.Buttons[0] != (wecomtest.Button{Text: "Ack", Key: "v.ack", Style: 2}) {
		t.Errorf("card %+v", c)
	}
	if !strings.HasPrefix(ref.Task, "page-42-1-") {
		t.Errorf("task id %q is not made of the key", ref.Task)
	}
}

func TestNotesAndRobots(t *testing.T) {
	h := open(t)
	h.send(note("@alice", "Bob acknowledged <b>#42</b>"))
	m := note("ops", "shift changes")
	m.Mention = []string{"bob", "@all", "all"}
	h.send(m)
	card := page("page/1")
	card.To.To, card.Mention = "ops", []string{"alice"}
	ref := h.send(card)
	if got := h.fake.Messages("@alice"); len(got) != 1 || got[0].Type != "text" || got[0].Text != "Bob acknowledged ＜b>#42＜/b>" {
		t.Errorf("alice got %+v", got)
	}
	got := h.fake.Messages("ops")
	if len(got) != 2 || got[0].Type != "text" || fmt.Sprint(got[0].Mentioned) != "[bob]" ||
		got[1].Type != "markdown" || !strings.HasSuffix(got[1].Text, "<@alice>") || strings.Contains(got[1].Text, "v.ack") {
		t.Errorf("the group got %+v", got)
	}
	if ref != (bot.Ref{Platform: "wecom", Channel: "ops", ID: "page/1"}) {
		t.Errorf("ref %+v", ref)
	}
	if h.wecom.Editable("ops") || h.wecom.Editable("@all") || !h.wecom.Editable("@alice") {
		t.Error("what can be changed is a person's message, and only that")
	}
	calls := len(h.fake.Journal(""))
	_, err := h.wecom.Edit(h.ctx, ref, card)
	h.wantKind(err, bot.Gone, "robot_message")
	if len(h.fake.Journal("")) != calls {
		t.Error("editing a robot's message asked WeCom")
	}
}

func TestAnEditUsesItsCodeUp(t *testing.T) {
	h := open(t)
	ref := h.send(page("page/1"))
	after, err := h.wecom.Edit(h.ctx, ref, page("page/1"))
	if err != nil || after.Code != "" || after.Task != ref.Task || after.ID != ref.ID {
		t.Fatalf("edit: %+v, %v", after, err)
	}
	calls := len(h.fake.Journal(""))
	_, err = h.wecom.Edit(h.ctx, after, page("page/1"))
	h.wantKind(err, bot.Gone, "no_response_code")
	if len(h.fake.Journal("")) != calls {
		t.Error("an edit without a code asked WeCom")
	}
	_, err = h.wecom.Edit(h.ctx, ref, resolved("page/1"))
	h.wantKind(err, bot.Gone, "60140")
	if c := h.fake.Cards("alice")[0]; c.Updates != 1 || c.Desc != "Paging Alice" {
		t.Errorf("a used code had an effect: %+v", c)
	}
}

func TestACodeLivesThreeDays(t *testing.T) {
	h := open(t)
	young, old := h.send(page("page/1")), h.send(page("page/2"))
	h.fake.Advance(72 * time.Hour)
	if _, err := h.wecom.Edit(h.ctx, young, resolved("page/1")); err != nil {
		t.Errorf("after 72 hours: %v", err)
	}
	h.fake.Advance(time.Second)
	_, err := h.wecom.Edit(h.ctx, old, resolved("page/2"))
	h.wantKind(err, bot.Gone, "60140")
}

func TestPressesGiveCodesAndTheCodeOfSendingStaysGood(t *testing.T) {
	h := open(t)
	ref := h.send(page("page/1"))
	if _, err := h.fake.Click(h.ctx, wecomtest.Press{User: "alice", Key: "v.ack"}); err != nil {
		t.Fatal(err)
	}
	presses, _ := h.desk.got()
	if len(presses) != 1 || presses[0].At.Code == "" || presses[0].At.Code == ref.Code || presses[0].At.Task != ref.Task {
		t.Fatalf("presses %+v", presses)
	}
	acked := page("page/1")
	acked.Card.State, acked.Card.Status, acked.Card.Buttons = "acknowledged", "Acknowledged by Alice", acked.Card.Buttons[1:]
	if _, err := h.wecom.Edit(h.ctx, presses[0].At, acked); err != nil {
		t.Fatalf("with the press's code: %v", err)
	}
	if c := h.fake.Cards("alice")[0]; c.Desc != "Acknowledged by Alice" || len(c.Buttons) != 1 || c.Grey {
		t.Errorf("card %+v", c)
	}
	if _, err := h.wecom.Edit(h.ctx, ref, resolved("page/1")); err != nil {
		t.Fatalf("with the code of sending: %v", err)
	}
	if c := h.fake.Cards("alice")[0]; !c.Grey || c.Replaced != "Resolved" || c.Updates != 2 {
		t.Errorf("card %+v", c)
	}
	if _, err := h.fake.Click(h.ctx, wecomtest.Press{User: "alice", Key: "v.res"}); !errors.Is(err, wecomtest.ErrGrey) {
		t.Errorf("the card can still be pressed: %v", err)
	}
}

func TestADeadButtonWithWords(t *testing.T) {
	h := open(t)
	ref := h.send(page("page/1"))
	if _, err := h.wecom.Edit(h.ctx, ref, note("@alice", "Alice acknowledged")); err != nil {
		t.Fatal(err)
	}
	if c := h.fake.Cards("alice")[0]; !c.Grey || c.Replaced != "Alice acknowledged" || c.Title == "" {
		t.Errorf("card %+v", c)
	}
}

func TestALostAnswerIsSentAgainWithoutASecondCard(t *testing.T) {
	h := open(t)
	h.fake.Plan(wecomtest.Fault{Path: "message/send", Cut: true})
	_, err := h.wecom.Send(h.ctx, page("page/1"))
	h.wantKind(err, bot.Unknown, "transport")
	if _, found, err := h.wecom.Find(h.ctx, page("").To, "page/1", h.fake.Now()); found || err != nil {
		t.Errorf("find: %v, %v; want that sending again is safe", found, err)
	}
	ref := h.send(page("page/1"))
	got := h.fake.Messages("@alice")
	if len(got) != 1 || got[0].Repeats != 1 || ref.ID != got[0].ID || ref.Code == "" {
		t.Errorf("messages %+v, ref %+v", got, ref)
	}
	bodies := h.fake.Journal("message/send")
	if len(bodies) != 2 || string(bodies[0].Body) != string(bodies[1].Body) {
		t.Errorf("the repeat is not the same bytes: %+v", bodies)
	}
}

// The card may have changed before it is sent again: that is another message, which must not be refused for its name.
func TestALostCardThatChangedIsSentAnew(t *testing.T) {
	h := open(t)
	h.fake.Plan(wecomtest.Fault{Path: "message/send", Cut: true})
	_, err := h.wecom.Send(h.ctx, page("page/1"))
	h.wantKind(err, bot.Unknown, "transport")
	changed := page("page/1")
	changed.Card.Status = "Acknowledged by Bob"
	ref := h.send(changed)
	cards := h.fake.Cards("alice")
	if len(cards) != 2 || cards[1].Desc != "Acknowledged by Bob" || ref.Task != cards[1].Task || cards[0].Task == ref.Task {
		t.Errorf("cards %+v, ref %+v", cards, ref)
	}
}

func TestFindWhereAgainIsNotSafe(t *testing.T) {
	h := open(t)
	for to, since := range map[string]time.Time{"ops": h.fake.Now(), "@alice": h.fake.Now().Add(-4 * time.Hour)} {
		if _, _, err := h.wecom.Find(h.ctx, bot.Address{To: to}, "k", since); !errors.Is(err, bot.ErrCannotFind) {
			t.Errorf("find at %s: %v", to, err)
		}
	}
}

func TestErrorCodesHaveVerdicts(t *testing.T) {
	h := open(t)
	h.send(note("@alice", "warm"))
	for code, kind := range map[int]bot.SendKind{
		-1: bot.Retry, 45009: bot.RateLimited, 45033: bot.RateLimited, 60140: bot.Gone, 42015: bot.Gone, 40056: bot.Misconfigured,
		43012: bot.Misconfigured, 48002: bot.Misconfigured, 50003: bot.Misconfigured, 60020: bot.Misconfigured,
		301002: bot.Misconfigured, 42038: bot.Refused, 44004: bot.Refused, 45002: bot.Refused, 81013: bot.Refused,
		82004: bot.Refused, 987654: bot.Refused,
	} {
		h.fake.Plan(wecomtest.Fault{Path: "message/send", Errcode: code})
		calls := len(h.fake.Journal(""))
		_, err := h.wecom.Send(h.ctx, note("@alice", fmt.Sprint("code ", code)))
		h.wantKind(err, kind, fmt.Sprint(code))
		if n := len(h.fake.Journal("")) - calls; n != 1 {
			t.Errorf("errcode %d: %d calls", code, n)
		}
		if e, _ := err.(*bot.SendError); code == 45009 && e.RetryAfter != time.Minute {
			t.Errorf("retry after %v", e.RetryAfter)
		}
	}
}

func TestAnswersThatAreNotWeComs(t *testing.T) {
	h := open(t)
	h.send(note("@alice", "warm"))
	for i, c := range []struct {
		fault wecomtest.Fault
		kind  bot.SendKind
		code  string
	}{
		{wecomtest.Fault{Page: true}, bot.Unknown, "not_wecom"},
		{wecomtest.Fault{Blank: true}, bot.Unknown, "not_wecom"},
		{wecomtest.Fault{Answer: json.RawMessage(`{"errcode":null,"msgid":"x"}`)}, bot.Unknown, "not_wecom"},
		{wecomtest.Fault{Answer: json.RawMessage(`{"errcode":0,"invaliduser":"ALICE"}`)}, bot.Refused, "invaliduser"},
		{wecomtest.Fault{Answer: json.RawMessage(`{"errcode":0,"unlicenseduser":"bob|alice"}`)}, bot.Refused, "invaliduser"},
		{wecomtest.Fault{Status: 503}, bot.Retry, "503"},
		{wecomtest.Fault{Status: 429}, bot.RateLimited, "429"},
		{wecomtest.Fault{Status: 502}, bot.Unknown, "502"},
		{wecomtest.Fault{Status: 404}, bot.Misconfigured, "404"},
		{wecomtest.Fault{Hang: true}, bot.Unknown, "transport"},
		{wecomtest.Fault{Cut: true}, bot.Unknown, "transport"},
	} {
		h.fake.Plan(c.fault)
		_, err := h.wecom.Send(h.ctx, note("@alice", fmt.Sprint("odd ", i)))
		h.wantKind(err, c.kind, c.code)
	}
	h.fake.Plan(wecomtest.Fault{Hang: true})
	m := note("ops", "x")
	_, err := h.wecom.Send(h.ctx, m)
	h.wantKind(err, bot.Unknown, "transport")
}

func TestNobodyThereAndRedirects(t *testing.T) {
	h := open(t)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	lost := httptest.NewServer(http.RedirectHandler("http://127.0.0.1:1/", http.StatusFound))
	defer lost.Close()
	for url, kind := range map[string]bot.SendKind{gone.URL: bot.Retry, lost.URL: bot.Misconfigured} {
		w, err := wecom.Open(config(url), wecom.Deps{Seen: newMemory().seen})
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Send(h.ctx, note("ops", "x"))
		h.wantKind(err, kind, "")
		_, err = w.Send(h.ctx, note("@alice", "x")) // fails when it fetches the token
		h.wantKind(err, kind, "")
	}
}

func TestPlacesThatDoNotExist(t *testing.T) {
	h := open(t)
	calls := len(h.fake.Journal(""))
	for to, kind := range map[string]bot.SendKind{
		"@all": bot.Refused, "@": bot.Refused, "@a|b": bot.Refused, "@ALL": bot.Refused, "nobody": bot.Misconfigured, "": bot.Misconfigured,
	} {
		_, err := h.wecom.Send(h.ctx, note(to, "x"))
		h.wantKind(err, kind, "")
	}
	if n := len(h.fake.Journal("")); n != calls {
		t.Errorf("%d calls were made", n-calls)
	}
	_, err := h.wecom.Send(h.ctx, note("@stranger", "x"))
	h.wantKind(err, bot.Refused, "81013")
}

func TestWeComsLimits(t *testing.T) {
	h := open(t)
	if b := h.wecom.Budget("ops"); len(b) != 1 || b[0] != (wecom.Limit{N: 20, Per: time.Minute}) {
		t.Errorf("robot's budget %v", b)
	}
	if b := h.wecom.Budget("@alice"); len(b) != 2 || b[0].N != 30 || b[1] != (wecom.Limit{N: 1000, Per: time.Hour}) {
		t.Errorf("member's budget %v", b)
	}
	for i := range 20 {
		h.send(note("ops", fmt.Sprint(i)))
	}
	_, err := h.wecom.Send(h.ctx, note("ops", "too much"))
	h.wantKind(err, bot.RateLimited, "45009")
	for i := range 31 {
		h.send(note("@alice", fmt.Sprint(i)))
	}
	if n := len(h.fake.Messages("@alice")); n != 30 {
		t.Errorf("alice sees %d messages; want 30 and the last one dropped without a word", n)
	}
	h.fake.Advance(time.Minute)
	h.send(note("ops", "again"))
}

func TestManySendersFetchOneToken(t *testing.T) {
	h := open(t)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if _, err := h.wecom.Send(h.ctx, note("@bob", fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(h.fake.Journal("gettoken")); n != 1 {
		t.Errorf("%d tokens were fetched", n)
	}
}

func TestATokenThatDiesIsFetchedOnce(t *testing.T) {
	h := open(t)
	ref := h.send(page("page/1"))
	h.fake.Plan(wecomtest.Fault{Path: "message/update_template_card", KillToken: true})
	if _, err := h.wecom.Edit(h.ctx, ref, resolved("page/1")); err != nil {
		t.Errorf("a token that died in flight: %v", err)
	}
	h.fake.Advance(7199 * time.Second) // ours is let go a little earlier than WeCom's
	h.send(note("@bob", "later"))
	if n := len(h.fake.Journal("gettoken")); n != 3 {
		t.Errorf("%d tokens were fetched; want 3", n)
	}
	h.fake.Plan(wecomtest.Fault{Path: "message/send", KillToken: true, Times: 5})
	calls := len(h.fake.Journal("message/send"))
	_, err := h.wecom.Send(h.ctx, note("@bob", "never"))
	h.wantKind(err, bot.Retry, "40014")
	if n := len(h.fake.Journal("message/send")) - calls; n != 2 {
		t.Errorf("a token that keeps dying made %d calls; want 2", n)
	}
}

func TestManySendersMeetADeadToken(t *testing.T) {
	h := open(t)
	h.send(note("@bob", "warm"))
	h.fake.KillToken()
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			if _, err := h.wecom.Send(h.ctx, note("@bob", fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(h.fake.Journal("gettoken")); n != 2 {
		t.Errorf("%d tokens were fetched; want 2", n)
	}
}

func TestAWrongSecretIsNotAskedWithAgainAndAgain(t *testing.T) {
	h := open(t, func(o *wecomtest.Options) { o.Secret = "another one" })
	for range 10 {
		_, err := h.wecom.Send(h.ctx, note("@alice", "x"))
		h.wantKind(err, bot.Misconfigured, "40001")
	}
	if n := len(h.fake.Journal("gettoken")); n != 1 {
		t.Errorf("asked %d times", n)
	}
	h.fake.Advance(time.Minute + time.Second)
	for range 10 {
		_, err := h.wecom.Send(h.ctx, note("@alice", "x"))
		h.wantKind(err, bot.Misconfigured, "40001")
	}
	h.fake.Advance(time.Minute + time.Second)
	_, err := h.wecom.Send(h.ctx, note("@alice", "x"))
	h.wantKind(err, bot.Misconfigured, "40001")
	if n := len(h.fake.Journal("gettoken")); n != 2 {
		t.Errorf("asked %d times; want the second pause to be longer", n)
	}
}

func TestATokenThatCannotBeFetchedMeansNothingWasSent(t *testing.T) {
	h := open(t)
	h.fake.Plan(wecomtest.Fault{Path: "gettoken", Cut: true}, wecomtest.Fault{Path: "gettoken", Page: true}, wecomtest.Fault{Path: "gettoken", Blank: true},
		wecomtest.Fault{Path: "gettoken", Answer: json.RawMessage(`{"errcode":0}`)})
	for range 4 {
		_, err := h.wecom.Send(h.ctx, note("@alice", "x"))
		h.wantKind(err, bot.Retry, "")
	}
	h.send(note("@alice", "x"))
}
