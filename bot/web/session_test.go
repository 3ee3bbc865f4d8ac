package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dogwatch/schedules"
)

var t0 = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

// clock is a store's time that a test moves.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Now().UnixMilli())
	return c
}

func (c *clock) now() time.Time       { return time.UnixMilli(c.at.Load()) }
func (c *clock) pass(d time.Duration) { c.at.Add(d.Milliseconds()) }

func (b *browser) signedIn() bool {
	b.w.t.Helper()
	_, page := b.get("/oncall")
	return strings.Contains(page, `action="/signout"`)
}

// An hour unused ends a session, use keeps it, twelve hours end it however it is used.
func TestSessionEnds(t *testing.T) {
	c := newClock()
	w := newWorld(t, options{clock: c.now})
	idle, busy := w.as("token-of-alice"), w.as("token-of-alice")
	for passed := time.Duration(0); passed < 12*time.Hour-50*time.Minute; passed += 50 * time.Minute {
		c.pass(50 * time.Minute)
		if !busy.signedIn() {
			t.Fatalf("a session in use ended after %s", passed+50*time.Minute)
		}
		if passed == 50*time.Minute && idle.signedIn() {
			t.Fatal("a session unused for 100 minutes stands")
		}
	}
	c.pass(50 * time.Minute)
	if busy.signedIn() {
		t.Fatal("a session of more than twelve hours stands")
	}
}

// A page left open is nobody's presence: its stream does not keep the session.
func TestLiveDoesNotKeepSession(t *testing.T) {
	c := newClock()
	w := newWorld(t, options{clock: c.now})
	b := w.as("token-of-alice")
	for range 4 {
		c.pass(20 * time.Minute)
		r := b.request(http.MethodGet, "/oncall?live=1", nil)
		resp, err := b.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if b.signedIn() {
		t.Fatal("streams kept the session")
	}
}

// Sign-out, a token or a role taken away: the session is over at the next request.
func TestSessionIsTakenAway(t *testing.T) {
	w := newWorld(t, options{})
	alice, bob, carol := w.as("token-of-alice"), w.as("token-of-bob"), w.as("token-of-carol")
	alice.post("/signout", nil)
	w.mu.Lock()
	delete(w.tokens, "token-of-bob")
	for i := range w.people {
		if w.people[i].ID == "carol" {
			w.people[i].Roles = schedules.Roles{}
		}
	}
	w.mu.Unlock()
	for name, b := range map[string]*browser{"signed out": alice, "token gone": bob, "role gone": carol} {
		if b.signedIn() {
			t.Errorf("%s: the session stands", name)
		}
	}
}

// Redis never holds what a browser presents.
func TestSessionIsStoredAsHash(t *testing.T) {
	w := newWorld(t, options{})
	b := w.as("token-of-alice")
	u, _ := url.Parse(w.server.URL)
	secret := b.Jar.Cookies(u)[0].Value
	if len(secret) < 43 {
		t.Fatalf("the id has %d characters", len(secret))
	}
	all, err := w.store.Client().Keys(w.ctx, "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	sessions := 0
	for _, k := range all {
		if !strings.Contains(k, ":web:s:") {
			continue
		}
		sessions++
		h, err := w.store.Client().HGetAll(w.ctx, k).Result()
		if err != nil || h["person"] != "alice" {
			t.Errorf("%s holds %v %v", k, h, err)
		}
		for _, v := range append([]string{k}, h["person"], h["write"]) {
			if strings.Contains(v, secret) || strings.Contains(v, "token-of-alice") {
				t.Error("a session's id or token is in Redis")
			}
		}
	}
	if sessions != 1 {
		t.Fatalf("%d sessions", sessions)
	}
}

// The cookie is out of reach of scripts and other sites, and under https of plain connections.
func TestCookie(t *testing.T) {
	for external, want := range map[string]string{"": "dogwatch", "https://oncall.example.org": "__Host-dogwatch"} {
		t.Run(want, func(t *testing.T) {
			w := newWorld(t, options{external: external})
			b := w.browser()
			b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			_, _, h := b.do(b.request(http.MethodPost, "/signin", url.Values{"token": {"token-of-alice"}}))
			cookie, err := http.ParseSetCookie(h.Get("Set-Cookie"))
			if err != nil {
				t.Fatal(err)
			}
			secure := external != ""
			if cookie.Name != want || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Secure != secure || cookie.Path != "/" || cookie.Domain != "" {
				t.Errorf("%+v", cookie)
			}
		})
	}
}

// A wrong token, and the token of somebody without a role, are one answer; after ten of them an address waits.
func TestSignInIsLimited(t *testing.T) {
	w := newWorld(t, options{})
	b := w.browser()
	for n, token := range []string{"wrong", "", "token-of-dave", "token-of-alice2", "a", "b", "c", "d", "e", "f"} {
		if status, page := b.post("/signin", url.Values{"token": {token}}); status != http.StatusUnauthorized || !strings.Contains(page, "not known") {
			t.Fatalf("try %d: %d", n, status)
		}
	}
	if status, _ := b.post("/signin", url.Values{"token": {"token-of-alice"}}); status != http.StatusTooManyRequests {
		t.Fatalf("the eleventh try is answered %d", status)
	}
}

// In a demo one click makes somebody else of you, plainly marked; only its own people, and only there.
func TestDemo(t *testing.T) {
	w := newWorld(t, options{demo: []string{"alice", "bob"}})
	b := w.browser()
	if _, page := b.get("/"); !strings.Contains(page, "Demo only") || !strings.Contains(page, `value="bob"`) {
		t.Fatalf("no choice of people:\n%s", page)
	}
	if _, page := b.post("/as", url.Values{"person": {"bob"}, "back": {"/oncall"}}); !strings.Contains(page, "Bob Miller</button>") || !strings.Contains(page, `<span>Bob Miller</span>`) {
		t.Fatalf("not Bob:\n%s", page)
	}
	if status, _ := b.post("/as", url.Values{"person": {"carol"}}); status != http.StatusNotFound {
		t.Errorf("somebody who is not of the demo: %d", status)
	}
	for host, want := range map[string]int{"localhost:8080": 200, "127.0.0.1": 200, "[::1]:9": 200, "evil.example.org": 421, "127.0.0.1.evil.example.org:80": 421, "": 421} {
		r := b.request(http.MethodGet, "/signin", nil)
		r.Host = host
		if host == "" {
			r.Host = "10.0.0.1"
		}
		if status, _, _ := b.do(r); status != want {
			t.Errorf("Host %q: %d, want %d", r.Host, status, want)
		}
	}
}

// Outside of a demo nobody becomes somebody else.
func TestNoSwitchingOutsideOfDemo(t *testing.T) {
	w := newWorld(t, options{})
	alice := w.as("token-of-alice")
	if status, _ := alice.post("/as", url.Values{"person": {"bob"}}); status == http.StatusOK || status == http.StatusSeeOther {
		t.Errorf("it is answered %d", status)
	}
	if _, page := alice.get("/oncall"); !strings.Contains(page, "<span>Alice Chen</span>") || strings.Contains(page, "Demo only") {
		t.Errorf("not Alice any more:\n%s", page)
	}
}
