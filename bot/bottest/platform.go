package bottest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"dogwatch/bot"
)

// Subject is a platform under test, connected to a fake of its vendor.
type Subject struct {
	Platform bot.Platform
	// Channel and Person are places where messages are taken; a zero one is left out.
	Channel, Person bot.Address
	// Missing is a place that does not exist; the zero Address: left out.
	Missing bot.Address
	// Shown returns the text that stands at a ref on the vendor's side; nil: it cannot be seen.
	Shown func(ref bot.Ref) string
	// Everybody is how the vendor's markup calls everybody ("<!channel>"); no foreign text may come to show it. nil: not looked for.
	Everybody []string
	// Secrets must appear in no error.
	Secrets []string
}

// Platform holds everything that package bot relies on. open gives a fresh subject for each test.
func Platform(t *testing.T, open func(t *testing.T) Subject) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Subject, bot.Address)
	}{
		{"a message stands where it was put", sendShows},
		{"an edit changes it or says that it is gone", editChanges},
		{"a vanished message is gone", editOfNothing},
		{"a sent message is never called absent", findNeverDenies},
		{"any card is delivered", hostileCard},
		{"plain words are delivered", plainText},
		{"many at once", manyAtOnce},
		{"an ended context is no success", endedContext},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			for _, to := range []bot.Address{s.Channel, s.Person} {
				if to != (bot.Address{}) {
					t.Run(to.String(), func(t *testing.T) { c.test(t, s, to) })
				}
			}
		})
	}
	t.Run("a place that is not there refuses for good", func(t *testing.T) { missingPlace(t, open(t)) })
}

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// message is a whole incident card.
func message(to bot.Address, key, title string) bot.Message {
	return bot.Message{Key: key, To: to, Text: title, Card: &bot.Card{
		Kind: bot.IncidentCard, Subject: "00abcdefghijklmnop", Version: 1, Severity: "P1", State: "triggered", Lang: "en",
		Headline: "P1 · #42 · " + title, Status: "Triggered, paging Alice Chen",
		Facts: []bot.Fact{{Name: "Alerts", Value: "3 firing of 5"}}, Body: []string{"summary: " + title},
		Buttons: []bot.Button{{Verb: "acknowledge", Label: "Acknowledge", Value: "v1.acknowledge.00abcdefghijklmnop.AAAAAAAAAAAAAAAAAAAAAA", Style: bot.Primary}},
	}}
}

func put(t *testing.T, s Subject, m bot.Message) bot.Ref {
	t.Helper()
	ref, err := s.Platform.Send(limited(t), m)
	if err != nil {
		t.Fatalf("send %s: %v", m.Key, err)
	}
	if ref.ID == "" || ref.Platform == "" {
		t.Fatalf("send %s: the ref names nothing: %+v", m.Key, ref)
	}
	return ref
}

func (s Subject) shows(t *testing.T, ref bot.Ref, want string) {
	t.Helper()
	if s.Shown == nil {
		return
	}
	if got := s.Shown(ref); !strings.Contains(got, want) {
		t.Fatalf("%+v shows %q, want %q in it", ref, got, want)
	}
}

func sendShows(t *testing.T, s Subject, to bot.Address) {
	ref := put(t, s, message(to, "conform/send", "Disk full"))
	s.shows(t, ref, "Disk full")
	if other := put(t, s, message(to, "conform/send2", "Disk full")); other.ID == ref.ID {
		t.Fatalf("two messages have one name: %+v", ref)
	}
}

func editChanges(t *testing.T, s Subject, to bot.Address) {
	ref := put(t, s, message(to, "conform/edit", "before"))
	after := message(to, "conform/edit", "after")
	after.Card.Version, after.Card.State, after.Card.Buttons = 2, "resolved", nil
	now, err := s.Platform.Edit(limited(t), ref, after)
	if err != nil {
		s.verdict(t, err, bot.Gone)
		return
	}
	if now.ID == "" {
		t.Fatalf("the edited message's ref names nothing: %+v", now)
	}
	s.shows(t, now, "after")
}

func editOfNothing(t *testing.T, s Subject, to bot.Address) {
	ref := put(t, s, message(to, "conform/gone", "x"))
	ref.ID, ref.Code = ref.ID+"9", ""
	if _, err := s.Platform.Edit(limited(t), ref, message(to, "conform/gone", "y")); err == nil {
		t.Fatal("a message that is not there was changed")
	} else {
		s.verdict(t, err, bot.Gone)
	}
}

func findNeverDenies(t *testing.T, s Subject, to bot.Address) {
	begun := time.Now()
	m := message(to, "conform/find", "find me")
	sent := put(t, s, m)
	ref, found, err := s.Platform.Find(limited(t), to, m.Key, begun)
	switch {
	case errors.Is(err, bot.ErrCannotFind):
	case err != nil:
		t.Fatalf("find: %v", err)
	case found:
		s.shows(t, ref, "find me")
		if _, again, err := s.Platform.Find(limited(t), to, "conform/never-sent", begun); err == nil && again {
			t.Fatal("a message that was never sent was found")
		}
	default:
		// "Not there" of what is there is allowed only where sending the same again is harmless: it must give the same message.
		if again := put(t, s, m); again.ID != sent.ID {
			t.Fatalf("a message that is there was called absent, and sent again it stands at %+v and at %+v", sent, again)
		}
	}
}

func hostileCard(t *testing.T, s Subject, to bot.Address) {
	long := strings.Repeat("very long 很长 <!channel> <@all> `*_~|{{.x}} \u202e\x00\x1b[31m ", 2000)
	m := message(to, "conform/hostile", long)
	m.Text, m.Card.Status, m.Card.Code, m.Card.Footer = long, long, long, long
	for i := range 200 {
		m.Card.Facts = append(m.Card.Facts, bot.Fact{Name: fmt.Sprint("fact ", i), Value: long[:300]})
		m.Card.Body = append(m.Card.Body, long[:1000])
		m.Card.Requests = append(m.Card.Requests, bot.RequestPart{ID: fmt.Sprint(i), State: "pending", Status: long[:500], Code: long[:2000]})
	}
	ref := put(t, s, m)
	if s.Shown != nil {
		for _, never := range s.Everybody {
			if strings.Contains(s.Shown(ref), never) {
				t.Fatalf("a call to everybody got through: %s", never)
			}
		}
	}
}

func plainText(t *testing.T, s Subject, to bot.Address) {
	ref := put(t, s, bot.Message{Key: "conform/plain", To: to, Text: "plain words 文字"})
	s.shows(t, ref, "plain words")
}

func manyAtOnce(t *testing.T, s Subject, to bot.Address) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]bool{}
	for i := range 8 {
		wg.Go(func() {
			ref, err := s.Platform.Send(limited(t), message(to, fmt.Sprint("conform/many/", i), fmt.Sprint("number ", i)))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				s.verdict(t, err, bot.RateLimited)
			} else if seen[ref.ID] {
				t.Errorf("two messages have one name: %+v", ref)
			}
			seen[ref.ID] = true
		})
	}
	wg.Wait()
}

func endedContext(t *testing.T, s Subject, to bot.Address) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Platform.Send(ctx, message(to, "conform/ended", "x")); err == nil {
		t.Fatal("a send under an ended context succeeded")
	} else {
		s.clean(t, err)
	}
}

func missingPlace(t *testing.T, s Subject) {
	if s.Missing == (bot.Address{}) {
		t.Log("no such place was named")
		return
	}
	if _, err := s.Platform.Send(limited(t), message(s.Missing, "conform/missing", "x")); err == nil {
		t.Fatal("a place that does not exist took a message")
	} else {
		s.verdict(t, err, bot.Refused, bot.Misconfigured)
	}
}

// verdict holds that an error is a SendError of one of these kinds.
func (s Subject) verdict(t *testing.T, err error, kinds ...bot.SendKind) {
	t.Helper()
	s.clean(t, err)
	var refusal *bot.SendError
	if !errors.As(err, &refusal) {
		t.Errorf("%v is no SendError", err)
		return
	}
	for _, k := range kinds {
		if refusal.Kind == k {
			return
		}
	}
	t.Errorf("the verdict on %v is %d, want one of %v", err, refusal.Kind, kinds)
}

func (s Subject) clean(t *testing.T, err error) {
	t.Helper()
	for _, secret := range s.Secrets {
		if secret != "" && strings.Contains(err.Error(), secret) {
			t.Error("an error contains a secret")
		}
	}
}
