package web_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"dogwatch/incidents"
)

// events hands over what a live page sends, one event at a time; the channel is closed at its end.
func (b *browser) events(path string) (<-chan string, context.CancelFunc) {
	b.w.t.Helper()
	ctx, cancel := context.WithCancel(b.w.ctx)
	b.Timeout = 0
	r := b.request(http.MethodGet, path, nil).WithContext(ctx)
	resp, err := b.Do(r)
	if err != nil {
		b.w.t.Fatal(err)
	}
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || got != "text/event-stream" {
		b.w.t.Fatalf("%s: %d %s", path, resp.StatusCode, got)
	}
	out := make(chan string, 100)
	go func() {
		defer close(out)
		defer resp.Body.Close()
		s := bufio.NewScanner(resp.Body)
		s.Buffer(nil, 1<<20)
		event := ""
		for s.Scan() {
			if s.Text() == "" {
				out <- event
				event = ""
				continue
			}
			event += s.Text() + "\n"
		}
	}()
	return out, cancel
}

func (w *world) comes(events <-chan string, want string) string {
	w.t.Helper()
	limit := time.NewTimer(15 * time.Second)
	defer limit.Stop()
	last := ""
	for {
		select {
		case e, open := <-events:
			if strings.Contains(e, want) {
				return e
			}
			if !open {
				w.t.Fatalf("the stream ended before %q came; last was:\n%s", want, last)
			}
			last = e
		case <-limit.C:
			w.t.Fatalf("%q did not come; last was:\n%s", want, last)
		}
	}
}

// A page changes for everybody who looks, whoever did it and through what.
func TestLivePage(t *testing.T) {
	w := newWorld(t, options{})
	i := w.raise("DiskFull", "P1", nil, nil)
	page, stop := w.as("token-of-alice").events("/incidents/1?live=1")
	defer stop()
	list, stopList := w.as("token-of-carol").events("/?live=1")
	defer stopList()
	if e := w.comes(page, `data-verb="acknowledge"`); !strings.Contains(e, `name="back" value="/incidents/1"`) {
		t.Errorf("its forms lead back elsewhere:\n%s", e)
	}
	w.comes(list, "DiskFull")
	by := incidents.By{Actor: incidents.Actor{Person: "bob", Via: "slack"}}
	if err := w.incidents.Acknowledge(w.ctx, i.ID, by, ""); err != nil {
		t.Fatal(err)
	}
	w.comes(page, "Bob Miller acknowledged")
	w.comes(list, "Bob Miller")
	if err := w.incidents.Resolve(w.ctx, i.ID, by, ""); err != nil {
		t.Fatal(err)
	}
	w.comes(page, `data-verb="reopen"`)
}

// Cards in a feed change in place; an inbox is its person's.
func TestLiveFeed(t *testing.T) {
	w := newWorld(t, options{})
	feed, stop := w.as("token-of-alice").events("/feeds/ops?live=1")
	defer stop()
	i := w.raise("DiskFull", "P1", nil, nil)
	w.comes(feed, "DiskFull")
	if err := w.incidents.Acknowledge(w.ctx, i.ID, incidents.By{Actor: incidents.Actor{Person: "bob", Via: "slack"}}, ""); err != nil {
		t.Fatal(err)
	}
	e := w.comes(feed, "Acknowledged by Bob Miller")
	if n := strings.Count(e, "<article"); n != 1 {
		t.Errorf("%d cards of one incident", n)
	}
}

// Who is on call finds the page's card in their own inbox.
func TestInbox(t *testing.T) {
	w := newWorld(t, options{})
	w.raise("DiskFull", "P1", nil, nil)
	duty := w.engine.Roster().OnCall("web-primary", time.Now())
	if len(duty) != 1 {
		t.Fatalf("on call is %v", duty)
	}
	b := w.as("token-of-" + duty[0])
	w.until("the page in the inbox", func() bool {
		_, page := b.get("/inbox")
		return strings.Contains(page, "DiskFull") && strings.Contains(page, `data-verb="acknowledge"`)
	})
	other := map[string]string{"alice": "bob", "bob": "alice"}[duty[0]]
	if _, page := w.as("token-of-" + other).get("/inbox"); strings.Contains(page, "DiskFull") {
		t.Errorf("it is in the inbox of %s too", other)
	}
}

// The end of a session, and of the server, end a stream.
func TestLiveEnds(t *testing.T) {
	w := newWorld(t, options{})
	b := w.as("token-of-bob")
	page, stop := b.events("/oncall?live=1")
	defer stop()
	w.comes(page, "web-primary")
	w.mu.Lock()
	delete(w.tokens, "token-of-bob")
	w.mu.Unlock()
	w.comes(page, "event: over")
	other, stopOther := w.as("token-of-alice").events("/oncall?live=1")
	defer stopOther()
	w.comes(other, "web-primary")
	w.web.Drain()
	for range other {
	}
}
