package web_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"dogwatch/incidents"
)

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic("web_test: " + err.Error())
	}
	return string(b)
}

// someIncidents are what a house has on a usual day.
func (w *world) someIncidents() {
	w.t.Helper()
	w.raise("DiskFull", "P1", nil, map[string]string{"summary": "Disk /var on db-3 is 97 % full", "description": "Growing by 2 GB an hour."})
	w.raise("CheckoutDown", "P0", nil, map[string]string{"summary": "Checkout answers 502 for all customers in eu-1"})
	w.raise("CertificateExpires", "P4", nil, map[string]string{"summary": "The certificate of api.example.org expires in 9 days"})
	w.raise("SlowQueries", "P3", nil, map[string]string{"summary": "95th percentile of the orders database is above 2 s"})
}

// The whole of an incident by mouse: sign in, list, page, acknowledge, run, approve as somebody else, output while it runs, result.
func TestIncidentInBrowser(t *testing.T) {
	w := newWorld(t, options{})
	w.someIncidents()
	alice := w.chromium("light", "en")
	alice.open("/")
	alice.shot("1-signin")
	alice.signIn("token-of-alice")
	alice.sees("4 open")
	alice.shot("2-list")
	alice.click(`.row.P1 a`)
	alice.sees("Disk /var on db-3")
	alice.click(`#live button[data-verb="acknowledge"]`)
	alice.sees("It is yours.")
	alice.holds("the page to change by itself", `document.querySelector(".lead .state.acknowledged") && !document.querySelector('[data-verb="acknowledge"]') && document.querySelector(".timeline").innerText.includes("Alice Chen acknowledged")`)
	alice.shot("3-acknowledged")
	alice.click(`#live button[data-verb="run"]`)
	alice.click(`#answer button[data-verb="choose"]`)
	alice.do("fill in", chromedp.WaitVisible(chromedp.CSS(`[name="f.unit"]`)), chromedp.SendKeys(chromedp.CSS(`[name="f.unit"]`), "NGINX"))
	alice.click(`#answer .fields button.primary`)
	alice.holds("the fault at the field", `document.querySelector('[name="f.unit"][aria-invalid]')?.value === "NGINX"`)
	alice.shot("4-form")
	alice.do("mend", chromedp.SetValue(chromedp.CSS(`[name="f.unit"]`), "nginx.service"))
	alice.click(`#answer .fields button.primary`)
	alice.sees("It waits for approval until")
	alice.holds("the request and why it is not hers to approve", `document.querySelector(".request.pending .hint")?.innerText.includes("somebody else must approve")`)
	alice.shot("5-request")

	bob := w.chromium("bob", "en")
	bob.signIn("token-of-bob")
	bob.open("/incidents/1")
	bob.click(`.request button[data-verb="approve"]`)
	bob.sees("Approved “Restart a service”")
	for _, b := range []*tab{bob, alice} {
		b.holds("line 1 while it runs", `document.querySelector(".request.running .output pre")?.innerText.includes("stopping nginx.service") && !document.querySelector(".output pre").innerText.includes("started")`)
	}
	alice.shot("6-running")
	if err := os.WriteFile(w.signal, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, b := range []*tab{bob, alice} {
		b.holds("the result", `document.querySelector(".request.succeeded .output pre")?.innerText.includes("started nginx.service")`)
	}
	alice.click(`[data-close]`)
	alice.shot("7-done")
	alice.click(`.lead button[data-verb="resolve"]`)
	alice.holds("resolved", `document.querySelector(".lead .state.resolved") && document.querySelector('[data-verb="reopen"]')`)
	alice.open("/oncall")
	alice.shot("8-oncall")
	alice.open("/feeds/ops")
	alice.sees("Checkout")
	alice.shot("9-feed")
	alice.open("/requests")
	alice.sees("Restart a service")
	alice.shot("10-requests")
}

// What is typed stays while the page changes under it, and the next note is another one.
func TestTypingWhileThePageChanges(t *testing.T) {
	w := newWorld(t, options{})
	i := w.raise("DiskFull", "P1", nil, nil)
	alice := w.chromium("typing", "en")
	alice.signIn("token-of-alice")
	alice.open("/incidents/1")
	alice.holds("the stream", `document.querySelector("#live")._htmx?.sse !== undefined`)
	alice.do("type", chromedp.SendKeys(chromedp.CSS("#note-text"), "half a "))
	if err := w.incidents.Escalate(w.ctx, i.ID, incidents.By{Actor: incidents.Actor{Person: "bob", Via: "slack"}}); err != nil {
		t.Fatal(err)
	}
	alice.sees("Bob Miller escalated")
	alice.keys("note" + kb.Enter)
	alice.holds("the first note", `document.querySelector(".timeline").innerText.includes("half a note") && document.querySelector("#note-text").value === ""`)
	alice.do("type", chromedp.SendKeys(chromedp.CSS("#note-text"), "second note"+kb.Enter))
	alice.holds("the second note", `document.querySelector(".timeline").innerText.includes("second note")`)
}

// By keyboard alone: skip link, rows by j, the incident, its buttons in order, the words.
func TestKeyboardAlone(t *testing.T) {
	w := newWorld(t, options{})
	w.raise("DiskFull", "P1", nil, map[string]string{"summary": "Disk is full"})
	w.raise("CheckoutDown", "P0", nil, nil)
	alice := w.chromium("keys", "en")
	alice.open("/signin")
	alice.holds("the token's field to have the focus", `document.activeElement?.id === "token"`)
	alice.keys("token-of-alice" + kb.Enter)
	alice.sees("2 open")
	alice.keys(kb.Tab)
	alice.holds("the skip link", `document.activeElement?.className === "skip" && document.activeElement.getBoundingClientRect().top >= 0`)
	alice.keys(kb.Enter)
	alice.keys("jj")
	alice.holds("the second row", `document.activeElement?.closest(".row")?.classList.contains("P1")`)
	alice.shot("list")
	alice.keys(kb.Enter)
	alice.sees("Disk is full")
	alice.do("tab to the button", chromedp.Evaluate[chromedp.Void](`document.querySelector("#main").focus()`))
	for range 20 {
		if value[string](alice, `document.activeElement.dataset.verb || ""`) == "acknowledge" {
			break
		}
		alice.keys(kb.Tab)
	}
	alice.holds("a visible focus", `getComputedStyle(document.activeElement).outlineStyle === "solid"`)
	alice.keys(kb.Enter)
	alice.sees("It is yours.")
	alice.do("leave the button", chromedp.Evaluate[chromedp.Void](`document.activeElement.blur()`))
	alice.keys("/")
	alice.keys("who" + kb.Enter)
	alice.sees("On call now")
	alice.keys(kb.Tab)
	alice.keys(kb.Escape)
	alice.holds("the answer to be put away", `document.querySelector("#answer").childElementCount === 0`)
}

// On a phone, dark, in Chinese: nothing sticks out, buttons are large enough for a thumb, everything is in the reader's language.
func TestPhoneDarkChinese(t *testing.T) {
	w := newWorld(t, options{})
	w.someIncidents()
	w.raise("AVeryLongNameWithoutAnySpaceInItThatSomebodyGaveToAnAlertBecauseTheyCould", "P2", nil, map[string]string{"summary": "支付网关 eu-1 的错误率超过 5%，请立即检查下游依赖与数据库连接池"})
	carol := w.chromium("phone", "zh-CN")
	carol.phone()
	carol.dark()
	carol.open("/")
	carol.sees("API 令牌")
	carol.signIn("token-of-carol")
	carol.sees("5 个未解决")
	carol.fits()
	carol.shot("1-list")
	if bright := value[bool](carol, `getComputedStyle(document.body).backgroundColor === "rgb(18, 22, 26)"`); !bright {
		t.Error("the page is not dark")
	}
	carol.open("/incidents/1")
	carol.sees("时间线")
	carol.fits()
	carol.shot("2-incident")
	if small := value[int](carol, `[...document.querySelectorAll("main button")].filter((b) => b.offsetParent && b.getBoundingClientRect().height < 44).length`); small > 0 {
		t.Errorf("%d buttons are too small for a thumb", small)
	}
	carol.click(`#live button[data-verb="snooze"]`)
	carol.sees("多久")
	carol.shot("3-snooze")
	carol.click(`#answer button[data-verb="choose"]`)
	carol.holds("the snooze", `document.querySelector(".lead .state.snoozed")`)
	carol.sees("CST")
	for _, path := range []string{"/oncall", "/inbox", "/feeds", "/feeds/ops", "/requests", "/nowhere"} {
		carol.open(path)
		carol.fits()
	}
	carol.open("/feeds/ops")
	carol.shot("4-feed")
}

// In a demo one click is enough to be somebody, and another to be somebody else.
func TestDemoInBrowser(t *testing.T) {
	w := newWorld(t, options{demo: []string{"alice", "bob", "carol"}})
	w.someIncidents()
	b := w.chromium("demo", "en")
	b.open("/incidents/1")
	b.sees("Demo only")
	b.shot("1-signin")
	b.click(`.demo [value="bob"]`)
	b.sees("Disk /var on db-3")
	b.shot("2-bob")
	b.click(`.demo [value="carol"]`)
	b.sees("时间线")
	b.holds("who it is now to be marked", `document.querySelector(".demo [aria-pressed]").innerText === "王卡罗"`)
}
