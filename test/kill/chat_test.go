package kill

import (
	"encoding/json"
	"strings"

	"dogwatch/bot/slack/slacktest"
)

// cards are the incidents' messages in the channel: what is no reply.
func (r *replica) cards() []slacktest.Message { return cards(r.w.slack.Messages(ops)) }

func cards(all []slacktest.Message) (out []slacktest.Message) {
	for _, m := range all {
		if m.ThreadTS == "" || m.ThreadTS == m.TS {
			out = append(out, m)
		}
	}
	return out
}

// shows says whether a message shows some words, in its text or its blocks.
func shows(m slacktest.Message, words string) bool {
	return strings.Contains(m.Text, words) || strings.Contains(string(m.Blocks), words)
}

// keyOf is the name that dogwatch gave a message, which no person sees.
func keyOf(m slacktest.Message) string {
	var meta struct {
		Payload map[string]any `json:"event_payload"`
	}
	if err := json.Unmarshal(m.Metadata, &meta); err != nil {
		return ""
	}
	key, _ := meta.Payload["key"].(string)
	return key
}
