package wecom_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"dogwatch/bot"
	"dogwatch/bot/wecom"
	"dogwatch/internal/text"
)

func TestConfigurationsThatAreRefused(t *testing.T) {
	deps := wecom.Deps{Seen: newMemory().seen}
	for want, change := range map[string]func(*wecom.Config){
		"corp_id is missing":           func(c *wecom.Config) { c.CorpID = "" },
		"agent_id is missing":          func(c *wecom.Config) { c.AgentID = 0 },
		"secret is missing":            func(c *wecom.Config) { c.Secret = text.Secret{} },
		"token is missing":             func(c *wecom.Config) { c.Token = text.Secret{} },
		"encoding_aes_key is missing":  func(c *wecom.Config) { c.EncodingAESKey = text.Secret{} },
		"secret is empty":              func(c *wecom.Config) { c.Secret = text.NewSecret("") },
		"token is empty":               func(c *wecom.Config) { c.Token = text.NewSecret("") },
		"encoding_aes_key is empty":    func(c *wecom.Config) { c.EncodingAESKey = text.NewSecret("") },
		"encoding_aes_key has 3":       func(c *wecom.Config) { c.EncodingAESKey = text.NewSecret("abc") },
		"robots.ops: key is missing":   func(c *wecom.Config) { c.Robots = map[string]wecom.Robot{"ops": {}} },
		"robots.ops: key is empty":     func(c *wecom.Config) { c.Robots = map[string]wecom.Robot{"ops": {Key: text.NewSecret("")}} },
		`robots: "@ops" is not a name`: func(c *wecom.Config) { c.Robots = map[string]wecom.Robot{"@ops": {Key: text.NewSecret("k")}} },
		"api_url is not":               func(c *wecom.Config) { c.APIURL = "ftp://x" },
		"budget.robot":                 func(c *wecom.Config) { c.Budget = map[string]any{"robot": "many"} },
		"budget.channel is unknown":    func(c *wecom.Config) { c.Budget = map[string]any{"channel": "1/1s"} },
		"budget is none, or robot":     func(c *wecom.Config) { c.Budget = "all" },
		"neither an application":       func(c *wecom.Config) { *c = wecom.Config{} },
	} {
		_, err := wecom.Open(config("http://x", change), deps)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v; want %s", err, want)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("a secret shows: %v", err)
		}
	}
	_, err := wecom.Open(config("http://x", func(c *wecom.Config) { c.CorpID, c.Token = "", text.Secret{} }), deps)
	if err == nil || !strings.Contains(err.Error(), "corp_id") || !strings.Contains(err.Error(), "token is missing") {
		t.Errorf("not all faults at once: %v", err)
	}
	if _, err := wecom.Open(config("http://x"), wecom.Deps{}); err == nil {
		t.Error("an application without a memory of callbacks was opened")
	}
	if _, err := wecom.Open(func(any) error { return errors.New("line 3") }, deps); err == nil || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("decoding failed with %v", err)
	}
}

func TestRobotsAlone(t *testing.T) {
	h := open(t)
	w, err := wecom.Open(config(h.url, func(c *wecom.Config) {
		*c = wecom.Config{APIURL: c.APIURL + "/", Robots: c.Robots, Budget: "none"}
	}), wecom.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if len(w.Routes(h.desk)) != 0 || w.Budget("ops") != nil || w.Budget("@alice") != nil {
		t.Error("there is a callback or a budget without being asked for")
	}
	if _, err := w.Send(h.ctx, note("ops", "x")); err != nil {
		t.Error(err)
	}
	_, err = w.Send(h.ctx, note("@alice", "x"))
	h.wantKind(err, bot.Misconfigured, "no_application")
	_, err = w.Edit(h.ctx, bot.Ref{Channel: "@alice", Code: "c"}, note("@alice", "x"))
	h.wantKind(err, bot.Misconfigured, "no_application")
}

func TestBudgetsOfOnesOwn(t *testing.T) {
	w, err := wecom.Open(config("http://x", func(c *wecom.Config) {
		c.Budget = map[string]any{"robot": "5/10s", "member_hour": "50/1h"}
	}), wecom.Deps{Seen: newMemory().seen})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(w.Budget("ops"), w.Budget("@a")); got != "[{5 10s}] [{30 1m0s} {50 1h0m0s}]" {
		t.Error(got)
	}
	again, err := wecom.Open(config("http://x"), wecom.Deps{Seen: newMemory().seen})
	if err != nil || again.Budget("@a")[1].N != 1000 {
		t.Errorf("one platform's budget changed another's: %v, %v", again.Budget("@a"), err)
	}
}

// ownStore counts what a TokenStore is asked, and can fail.
type ownStore struct {
	wecom.TokenStore
	down error
}

func (s ownStore) Get(ctx context.Context, app string) (text.Secret, time.Time, error) {
	if s.down != nil {
		return text.Secret{}, time.Time{}, s.down
	}
	return s.TokenStore.Get(ctx, app)
}

func TestATokenStoreOfOnesOwn(t *testing.T) {
	h := open(t)
	store := wecom.InMemory()
	for i := range 2 {
		w, err := wecom.Open(config(h.url), wecom.Deps{Now: h.fake.Now, Seen: newMemory().seen, Tokens: ownStore{TokenStore: store}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Send(h.ctx, note("@alice", fmt.Sprint(i))); err != nil {
			t.Error(err)
		}
	}
	if n := len(h.fake.Journal("gettoken")); n != 1 {
		t.Errorf("%d tokens for two adapters with one store", n)
	}
	w, err := wecom.Open(config(h.url), wecom.Deps{Seen: newMemory().seen, Tokens: ownStore{down: errors.New("no store")}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Send(h.ctx, note("@alice", "x"))
	h.wantKind(err, bot.Retry, "")
}
