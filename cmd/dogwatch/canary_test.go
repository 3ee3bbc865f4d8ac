package main

import (
	"context"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"dogwatch/bot/slack/slacktest"
	"dogwatch/bot/wecom/wecomtest"
)

// Every secret of the house is marked. After everything has gone right and wrong once, none of them stands in logs, chats,
// answers, metrics, files or Redis.
func TestNoSecretLeaks(t *testing.T) {
	t.Parallel()
	c := newTester(t)
	j := &journey{world: c.world, file: "canary"}
	var seen strings.Builder // every answer that anybody got
	note := func(got answer) { seen.WriteString(got.body); _ = got.header.Write(&seen) }

	// A command that prints secrets: those of the house are blotted out of its output.
	leak := "#!/bin/sh\necho \"leak:\"\n"
	for _, secret := range c.secrets() {
		leak += "echo '" + secret + "'\n"
	}
	if err := os.WriteFile(filepath.Join(c.work, "effect"), []byte(leak), 0o700); err != nil {
		t.Fatal(err)
	}
	j.happen(`
		alert Disk host=a cluster=eu severity=critical
		at 5m10s
		press "认领" by alice on wecom
		say bob on slack in C0OPS "run look unit=leaky.service for 1"
		want request 1 state=succeeded
		want card slack C0OPS "leak:"
		say bob on slack "run restart unit=a.service for 1"
		press "Approve" by carol on slack in C0OPS
		want request 2 state=succeeded`)
	j.down = true
	c.slack.Plan(slacktest.Fault{Kind: slacktest.ServerError, Times: 3}, slacktest.Fault{Kind: slacktest.Refuse, Error: "token_revoked", Times: 1})
	c.wecom.Plan(wecomtest.Fault{Path: "message/send", Status: http.StatusBadGateway, Times: 2}, wecomtest.Fault{Path: "gettoken", Errcode: 40001})
	c.wecom.KillToken()
	j.happen(`alert Queue host=a cluster=eu severity=critical`)
	for _, q := range c.knocks(string(j.request("1").ID)) {
		note(c.call(q))
	}
	for _, attack := range wecomtest.Attacks {
		got, err := c.wecom.Attack(context.Background(), attack)
		if err != nil {
			t.Errorf("%s: %v", attack, err)
		}
		seen.WriteString(got.Body)
	}
	// A configuration in which a secret was written out: the fault names the key and not the value.
	file := c.houses[0].house.file
	if err := os.WriteFile(file, []byte(strings.Replace(readFile(t, file), "token: env:SLACK_BOT_TOKEN", "token: "+c.env["SLACK_BOT_TOKEN"], 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	note(c.call(query{method: http.MethodPost, path: "/-/reload", as: "TOKEN_CAROL"}))
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	c.search("answers", seen.String())
	c.searchChats()
	c.stop(c.houses[0])
	c.search("the log", c.log.String())
	c.searchFiles()
	c.searchRedis()
}

// knocks are requests with right and wrong secrets at every kind of door, and answers in which secrets have no business.
func (c *tester) knocks(request string) []query {
	return []query{
		{method: http.MethodPost, path: "/alerts/prom?token=" + c.env["PROM_TOKEN"], body: page(one("q", "", today))},
		{method: http.MethodPost, path: "/alerts/prom?token=" + c.env["PROM_TOKEN"] + "x", body: page(one("q", "", today))},
		{method: http.MethodPost, path: "/alerts/prom?token=" + c.env["PROM_TOKEN"], body: "broken"},
		{method: http.MethodPost, path: "/chat/slack/commands", body: "token=x&text=list", header: map[string]string{"X-Slack-Signature": "v0=00", "X-Slack-Request-Timestamp": "1"}},
		{method: http.MethodPost, path: "/chat/wecom/callback?msg_signature=00&timestamp=1&nonce=1", body: "<xml/>"},
		{method: http.MethodGet, path: "/api/v1/actions", as: "TOKEN_BOB"},
		{method: http.MethodGet, path: "/api/v1/incidents/1", as: "TOKEN_BOB"},
		{method: http.MethodGet, path: "/api/v1/requests", as: "TOKEN_BOB"},
		{method: http.MethodGet, path: "/api/v1/requests/" + request + "/logs", as: "TOKEN_BOB"},
		{method: http.MethodGet, path: "/api/v1/incidents", as: "PROM_TOKEN"},
		{method: http.MethodGet, path: "/metrics"}, {method: http.MethodGet, path: "/-/ready"},
	}
}

// secrets are the marked ones.
func (c *tester) secrets() []string {
	var out []string
	for _, v := range worldSecrets() {
		out = append(out, v)
	}
	return out
}

func (c *tester) search(where, text string) {
	c.Helper()
	if text == "" {
		c.Errorf("there is nothing in %s to search", where)
	}
	for _, secret := range c.secrets() {
		if at := strings.Index(text, secret); at >= 0 {
			c.Errorf("%s shows %q: …%s…", where, secret, text[max(0, at-200):min(len(text), at+len(secret)+50)])
		}
	}
}

// searchChats looks through all that was sent: bodies and what stands there. Where a vendor's own form carries a token (a header, access_token),
// the journals of the played vendors leave it out.
func (c *tester) searchChats() {
	c.Helper()
	var all strings.Builder
	for _, e := range c.slack.Journal("") {
		for k, v := range e.Args {
			all.WriteString(k + "=" + v + "\n")
		}
		all.WriteString(e.Body + e.Error)
	}
	for _, e := range c.wecom.Journal("") {
		all.Write(e.Body)
	}
	c.search("the chats", all.String())
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// searchFiles looks through the house's folder: ledger, audit file, checkpoints.
func (c *tester) searchFiles() {
	c.Helper()
	files := 0
	err := filepath.WalkDir(filepath.Join(c.work, "first"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		if len(body) > 0 {
			files++
			c.search(path, string(body))
		}
		return err
	})
	if err != nil || files < 2 {
		c.Errorf("%d files searched: %v", files, err)
	}
}

// searchRedis looks through every key and value.
func (c *tester) searchRedis() {
	c.Helper()
	ctx := context.Background()
	options, err := redis.ParseURL(c.redis)
	if err != nil {
		c.Fatal(err)
	}
	client := redis.NewClient(options)
	defer client.Close()
	keys := client.Scan(ctx, 0, "*", 500).Iterator()
	var all strings.Builder
	n := 0
	for keys.Next(ctx) {
		key := keys.Val()
		all.WriteString(key + "\n")
		kind, err := client.Type(ctx, key).Result()
		if err != nil {
			c.Fatal(err)
		}
		read := map[string][]any{"string": {"GET", key}, "hash": {"HGETALL", key}, "list": {"LRANGE", key, 0, -1}, "set": {"SMEMBERS", key},
			"zset": {"ZRANGE", key, 0, -1}, "stream": {"XRANGE", key, "-", "+"}}[kind]
		v, err := client.Do(ctx, read...).Result()
		if err != nil {
			c.Fatalf("%v: %v", read, err)
		}
		writeAll(&all, v)
		n++
	}
	if keys.Err() != nil || n < 20 {
		c.Errorf("%d keys searched: %v", n, keys.Err())
	}
	c.search("Redis", all.String())
}

// writeAll writes the texts of a reply.
func writeAll(out *strings.Builder, v any) {
	switch v := v.(type) {
	case string:
		out.WriteString(v + "\n")
	case []any:
		for _, x := range v {
			writeAll(out, x)
		}
	case map[any]any:
		for k, x := range v {
			writeAll(out, k)
			writeAll(out, x)
		}
	}
}
