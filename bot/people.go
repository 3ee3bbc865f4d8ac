package bot

import (
	"slices"
	"strings"
	"time"

	"dogwatch/internal/text"
	"dogwatch/schedules"
)

// people is everybody, as the configuration in use has them.
func (b *Bot) people() *schedules.Directory { return b.cfg.Directory() }

// PersonAddress is where a person is reached on a platform: their private conversation or inbox.
func PersonAddress(p schedules.Person, platform string) (Address, bool) {
	account := p.Account(platform)
	if account == "" {
		return Address{}, false
	}
	if platform != "slack" {
		account = "@" + account // WeCom and console tell persons from groups by it
	}
	return Address{platform, account}, true
}

// owner is the person whose private place an address is.
func owner(d *schedules.Directory, a Address) (schedules.Person, bool) {
	account, at := strings.CutPrefix(a.To, "@")
	if !at && a.Platform != "slack" {
		return schedules.Person{}, false
	}
	return d.PersonByAccount(a.Platform, account)
}

// reader is for whom something is rendered.
type reader struct {
	lang text.Lang
	zone *time.Location
}

// reader is who reads at an address: a person in their language and zone, or a channel in that of the house.
func (b *Bot) reader(a Address) reader {
	if p, ok := owner(b.people(), a); ok {
		return b.readerOf(p)
	}
	return reader{b.cfg.ChannelLanguage, b.cfg.ChannelZone}
}

func (b *Bot) readerOf(p schedules.Person) reader {
	r := reader{p.Language, b.cfg.ChannelZone}
	if r.lang == "" {
		r.lang = b.cfg.ChannelLanguage
	}
	if p.Timezone != "" {
		if zone, err := time.LoadLocation(p.Timezone); err == nil {
			r.zone = zone
		}
	}
	return r
}

// say is a sentence of this package in the reader's language.
func (r reader) say(key string, pairs ...any) string { return text.Say(r.lang, "bot."+key, pairs...) }

// clock writes an instant with its zone. It is absolute: a card must not change because time passes.
func (r reader) clock(t time.Time) string { return t.In(r.zone).Format("2006-01-02 15:04 MST") }

// name is how people call a person; an id that nobody has any more stays as it is.
func name(d *schedules.Directory, id string) string {
	if p, ok := d.Person(id); ok {
		return p.Name
	}
	return id
}

// names joins persons' names.
func names(d *schedules.Directory, ids []string) string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = name(d, id)
	}
	return strings.Join(list, ", ")
}

// whoError says why a word names no single person.
type whoError struct {
	Word  string
	Among []string // the persons it could be; none: nobody
}

func (e *whoError) Error() string {
	if len(e.Among) > 0 {
		return "the name " + e.Word + " is that of several people"
	}
	return "nobody is called " + e.Word
}

// findPerson reads the person that words begin with, and returns what follows: a mention of the platform (<@U123>), an id or a
// configured name, with or without "@". Ids win over names; a longer name over a shorter one.
func findPerson(d *schedules.Directory, platform, words string) (schedules.Person, string, error) {
	words = strings.TrimSpace(words)
	if inner, ok := strings.CutPrefix(words, "<@"); ok {
		if id, rest, closed := strings.Cut(inner, ">"); closed {
			id, _, _ = strings.Cut(id, "|")
			if p, known := d.PersonByAccount(platform, id); known {
				return p, strings.TrimSpace(rest), nil
			}
			return schedules.Person{}, "", &whoError{Word: "<@" + id + ">"}
		}
	}
	words = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(words, "@"), "＠"))
	first, rest := cutWord(words)
	for _, id := range []string{first, strings.ToLower(first), strings.ToLower(narrow(first))} {
		if p, ok := d.Person(id); ok {
			return p, rest, nil
		}
	}
	var found []schedules.Person
	best := 0
	for _, p := range d.People() {
		n := len(p.Name)
		if n < best || len(words) < n || !strings.EqualFold(words[:n], p.Name) || !wordEnds(words[n:]) {
			continue
		}
		if n > best {
			found, best = nil, n
		}
		found = append(found, p)
	}
	if len(found) == 1 {
		return found[0], strings.TrimSpace(words[best:]), nil
	}
	e := &whoError{Word: first}
	for _, p := range found {
		e.Among = append(e.Among, p.ID)
	}
	slices.Sort(e.Among)
	return schedules.Person{}, "", e
}
