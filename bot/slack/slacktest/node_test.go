package slacktest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"dogwatch/bot/slack/slacktest"
)

// Slack's own Node clients talk to the fake: what they understand is what Slack says, not what we think it says.
func TestSlackNodeClients(t *testing.T) {
	verify, err := filepath.Abs("../../../verify")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(verify, "node_modules", "@slack", "web-api")); err != nil {
		t.Fatal("Slack's Node client is not installed: run npm ci --ignore-scripts in verify/ (make test does)")
	}
	s := newFake(t, slacktest.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "slack.mjs", s.APIURL(), s.Options().Token, s.Options().AppToken)
	cmd.Dir = verify
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		t.Fatalf("node slack.mjs: %v\n%s%s", err, out.String(), complaints.String())
	}
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(`{
		"auth": ["T0WEB", "U0BOTUSER", "B0DOGWATCH"],
		"posted": ["C0OPS", "95% used & rising", 2, true],
		"updated": ["resolved", true],
		"direct": "D0ALICE", "ephemeral": "string", "permalink": true,
		"history": [["resolved", "node-1", 1]],
		"thread": ["resolved", "in the thread"],
		"opened": "D0BOB", "person": "U0ALICE", "group": ["U0ALICE", "U0BOB"], "count": 2,
		"errors": {
			"invalid_auth": "invalid_auth", "not_authed": "not_authed", "not_allowed_token_type": "not_allowed_token_type",
			"channel_not_found": "channel_not_found", "is_archived": "is_archived", "invalid_blocks": "invalid_blocks",
			"no_text": "no_text", "message_not_found": "message_not_found", "msg_too_long": "msg_too_long",
			"user_not_in_channel": "user_not_in_channel", "users_not_found": "users_not_found",
			"no_users_provided": "no_users_provided", "invalid_trigger_id": "invalid_trigger_id", "unknown_method": "unknown_method"
		},
		"waited": true, "limited": ["slack_webapi_rate_limited_error", 30], "after500": true,
		"cut": "slack_webapi_request_error", "socket": "node heard ack 42"
	}`), &want); err != nil {
		t.Fatal(err)
	}
	for name := range want {
		if !reflect.DeepEqual(got[name], want[name]) {
			t.Errorf("%s: Slack's client got %v, want %v", name, got[name], want[name])
		}
	}
	alerts := s.Messages("C0ALERTS")
	if n := len(alerts); n != 3 || alerts[n-1].Text != "cut, but there" {
		t.Errorf("C0ALERTS holds %+v", alerts)
	}
}
