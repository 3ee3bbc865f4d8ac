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
func keyOf(metadata []byte) string {
	var meta struct {
		Payload map[string]any `json:"event_payload"`
	}
	if err := json.Unmarshal(metadata, &meta); err != nil {
		return ""
	}
	key, _ := meta.Payload["key"].(string)
	return key
}

// posted is how many messages Slack took under each name. A message that is changed later may get another name.
func (w *world) posted() map[string]int {
	out := map[string]int{}
	for _, e := range w.slack.Journal("chat.postMessage") {
		if e.Error == "" && (e.Status == 0 || e.Status == 200) {
			out[keyOf([]byte(e.Args["metadata"]))]++
		}
	}
	return out
}

// incidentOf is whose card a key names: "c/INCIDENT/…".
func incidentOf(key string) string {
	parts := strings.Split(key, "/")
	if len(parts) < 2 || parts[0] != "c" {
		return ""
	}
	return parts[1]
}
