package bot

import (
	"encoding/json"
	"strconv"
	"strings"

	"dogwatch/actions"
	"dogwatch/incidents"
)

// standing is where one message about an incident stands and what it shows.
type standing struct {
	Ref *Ref `json:"r,omitempty"` // nil: nothing is known to be there
	// Gen numbers the messages at this address: it is part of the message's key, so that a new one after a deleted one is new.
	Gen int `json:"g"`
	// Sending is when (ms) a new message was begun, under the lease with this Epoch; 0: none is on its way. A Sending of another
	// epoch was left by a holder that died: the message may be there.
	Sending int64 `json:"s,omitempty"`
	Epoch   int64 `json:"e,omitempty"`
	// Digest is of the card that stands there, Loud of what in it is worth a new message, At when (ms) it was drawn.
	Digest string `json:"d,omitempty"`
	Loud   string `json:"l,omitempty"`
	At     int64  `json:"at,omitempty"`
	// Line is the number of the last history line that was told in the thread; Saying that of one on its way, 0: none.
	Line   int `json:"n,omitempty"`
	Saying int `json:"y,omitempty"`
	// Refused is when (ms) the platform refused for good; Reposts counts new messages after a vanished one without news.
	Refused int64 `json:"x,omitempty"`
	Reposts int   `json:"rp,omitempty"`
	// Page marks a page's card and Person whose it is.
	Page   bool   `json:"p,omitempty"`
	Person string `json:"who,omitempty"`
}

// card is a standing with its name: the field of the hash.
type card struct {
	field string
	to    Address
	standing
	code string // a fresh one-time code a press brought; "" for none
}

// pageField is the field of a page's card. Each page stands for itself, so that all of them stay in step.
func pageField(to Address, key string) string { return to.String() + "#" + shortHash(key)[:10] }

// parseAddress reads "slack:C0OPS".
func parseAddress(s string) (Address, bool) {
	platform, to, ok := strings.Cut(s, ":")
	return Address{platform, to}, ok && platform != "" && to != ""
}

// outputField is the field of the reply that shows a run's output in a card's thread.
func outputField(id actions.RequestID, field string) string { return "o:" + string(id) + "@" + field }

// messageField is the field of the card in whose thread a field's message stands: for a card, its own.
func messageField(field string) (card string, reply bool) {
	rest, ok := strings.CutPrefix(field, "o:")
	if !ok {
		return field, false
	}
	_, rest, _ = strings.Cut(rest, "@")
	return rest, true
}

// parseCards reads what claim.lua returned: the cards, and by their fields the replies that show outputs. A value that cannot be
// read counts as nothing known: at worst a message is sent anew.
func parseCards(fields []string) (cards []card, outputs map[string]card) {
	codes := map[string]string{}
	for i := 0; i+1 < len(fields); i += 2 {
		if task, ok := strings.CutPrefix(fields[i], "k:"); ok {
			codes[task] = fields[i+1]
		}
	}
	outputs = map[string]card{}
	for i := 0; i+1 < len(fields); i += 2 {
		field, reply := messageField(fields[i])
		name, _, _ := strings.Cut(field, "#")
		to, ok := parseAddress(name)
		if !ok || strings.HasPrefix(fields[i], "k:") {
			continue
		}
		c := card{field: fields[i], to: to}
		if json.Unmarshal([]byte(fields[i+1]), &c.standing) != nil || c.Gen < 1 {
			c.standing = standing{Gen: 1}
		}
		if c.Ref != nil && c.Ref.Task != "" {
			c.code = codes[c.Ref.Task]
		}
		if reply {
			outputs[c.field] = c
			continue
		}
		cards = append(cards, c)
	}
	return cards, outputs
}

func (s standing) encode() string {
	out, err := json.Marshal(s)
	if err != nil {
		panic("bot: " + err.Error()) // numbers and texts only
	}
	return string(out)
}

// messageKey names a card's message for ever.
func (c *card) messageKey(id incidents.ID) string {
	return bounded("c/" + string(id) + "/" + strconv.Itoa(c.Gen) + "/" + c.field)
}

// bounded makes a key printable and short enough for every platform.
func bounded(key string) string {
	for _, r := range key {
		if r <= ' ' || r > '~' {
			return "h/" + shortHash(key)
		}
	}
	if len(key) > 100 {
		return key[:60] + "/" + shortHash(key)
	}
	return key
}

// loudness is what settle.lua compares: the part of an incident whose change is drawn at once.
func loudness(i *incidents.Incident) string {
	by, until := "", ""
	if i.AcknowledgedBy != nil {
		by = *i.AcknowledgedBy
	}
	if i.SnoozedUntil != nil {
		until = strconv.FormatInt(i.SnoozedUntil.UnixMilli(), 10)
	}
	return strings.Join([]string{string(i.State), by, i.Severity, until}, "|")
}
