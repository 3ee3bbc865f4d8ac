package bot

import "strings"

// shownInDigest is how many incidents a digest names.
const shownInDigest = 20

// digest is one message for several pages to one address, the loudest first. It has no buttons: each incident's own card and the
// words have them.
func (b *Bot) digest(to Address, list []call) Message {
	r := b.reader(to)
	c := &Card{Kind: DigestCard, Subject: "digest", Severity: list[0].Severity, State: "triggered", Lang: string(r.lang),
		Headline: list[0].Severity + " · " + r.say("digest_headline", "n", len(list)), Status: r.say("digest_status")}
	var lines, names []string
	for i := range list {
		if i < shownInDigest {
			lines = append(lines, headline(&list[i].view.incident))
		}
		names = append(names, list[i].Key)
	}
	if more := len(list) - len(lines); more > 0 {
		lines = append(lines, r.say("digest_more", "n", more))
	}
	c.Code = strings.Join(lines, "\n")
	if webURL(b.cfg.Console) {
		c.Links = []Link{{r.say("open_console"), strings.TrimRight(b.cfg.Console, "/") + "/"}}
	}
	return Message{Key: "d/" + shortHash(strings.Join(names, " ")), To: to, Card: c, Text: c.Headline}
}
