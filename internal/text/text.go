// Package text holds what people read, in both languages, and the small formats that are written the same everywhere:
// durations as Prometheus writes them, secrets that cannot be printed.
//
// Catalogues are catalogue/AREA.LANG.json: flat objects from key to sentence, one area a package or surface ("bot",
// "console", "cli", "client"). A key is used as "AREA.key". Placeholders are {name}. Both languages have the same keys with
// the same placeholders; a test holds that.
package text

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"sort"
	"strings"
)

//go:embed catalogue/*.json
var files embed.FS

// Lang is a language people read here: "en" or "zh". The zero value reads as English.
type Lang string

// The languages.
const (
	English Lang = "en"
	Chinese Lang = "zh"
)

// Languages in the order in which they are offered.
var Languages = []Lang{English, Chinese}

// ParseLang reads a language tag ("zh-CN", "en_US", ""); what it does not know is English.
func ParseLang(s string) Lang {
	if strings.HasPrefix(strings.ToLower(s), "zh") {
		return Chinese
	}
	return English
}

var catalogue = load()

func load() map[Lang]map[string]string {
	all := map[Lang]map[string]string{English: {}, Chinese: {}}
	names, err := files.ReadDir("catalogue")
	if err != nil {
		panic("text: embedded catalogues unreadable: " + err.Error())
	}
	for _, n := range names {
		parts := strings.Split(n.Name(), ".")
		if len(parts) != 3 {
			panic("text: catalogue " + n.Name() + " is not AREA.LANG.json")
		}
		body, err := files.ReadFile(path.Join("catalogue", n.Name()))
		if err != nil {
			panic("text: " + err.Error())
		}
		m := map[string]string{}
		if err := json.Unmarshal(body, &m); err != nil {
			panic("text: catalogue " + n.Name() + ": " + err.Error())
		}
		for k, v := range m {
			all[Lang(parts[1])][parts[0]+"."+k] = v
		}
	}
	return all
}

// Say is the sentence of a key in a language, with {name} placeholders replaced by the pairs that follow:
// Say(lang, "bot.acked_by", "who", name). Values are put in as they are and never read again. An unknown key is
// returned itself, in guillemets, so that it is seen.
func Say(lang Lang, key string, pairs ...any) string {
	s, ok := catalogue[lang][key]
	if !ok {
		if s, ok = catalogue[English][key]; !ok {
			return "«" + key + "»"
		}
	}
	if len(pairs) == 0 {
		return s
	}
	args := make([]string, 0, len(pairs))
	for i := 0; i+1 < len(pairs); i += 2 {
		args = append(args, "{"+fmt.Sprint(pairs[i])+"}", fmt.Sprint(pairs[i+1]))
	}
	return strings.NewReplacer(args...).Replace(s)
}

// Keys are all keys of a language, sorted: for tests and for translators.
func Keys(lang Lang) []string {
	var keys []string
	for k := range catalogue[lang] {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// Template is a key's sentence with its placeholders; "" if the language lacks it.
func Template(lang Lang, key string) string { return catalogue[lang][key] }
