package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"dogwatch/internal/text"
)

// say is a sentence of the command line in the user's language.
func (a *app) say(key string, pairs ...any) string { return text.Say(a.lang, "cli."+key, pairs...) }

// language is what --lang says, else what the locale's variables say in the order POSIX gives them.
func language(args []string, env func(string) (string, bool)) text.Lang {
	for i, arg := range args {
		if v, ok := strings.CutPrefix(arg, "--lang="); ok {
			return text.ParseLang(v)
		}
		if arg == "--lang" && i+1 < len(args) {
			return text.ParseLang(args[i+1])
		}
		if arg == "--" {
			break
		}
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v, ok := env(name); ok && v != "" {
			return text.ParseLang(v)
		}
	}
	return text.English
}

// format is the flag -o.
type format struct {
	value   string
	allowed []string
}

func (f *format) String() string { return f.value }
func (f *format) Type() string   { return strings.Join(f.allowed, "|") }

// Set takes one of the allowed formats.
func (f *format) Set(s string) error {
	for _, a := range f.allowed {
		if s == a {
			f.value = s
			return nil
		}
	}
	return fmt.Errorf("write one of %s", strings.Join(f.allowed, ", "))
}

// formatFlag adds -o to a command.
func (a *app) formatFlag(c *cobra.Command, more ...string) *format {
	f := &format{"text", append([]string{"text", "json"}, more...)}
	c.Flags().VarP(f, "output", "o", a.say("flag_output"))
	complete := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return f.allowed, cobra.ShellCompDirectiveNoFileComp
	}
	if err := c.RegisterFlagCompletionFunc("output", complete); err != nil {
		panic("flag -o: " + err.Error()) // it was added two lines above
	}
	return f
}

// instant is a flag that holds a time in RFC 3339.
type instant struct {
	time.Time
	set bool
}

func (i *instant) String() string {
	if !i.set {
		return ""
	}
	return i.Format(time.RFC3339)
}

// Type is shown in the help.
func (i *instant) Type() string { return "T" }

// Set reads RFC 3339.
func (i *instant) Set(s string) error {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return errors.New("write it as 2026-01-05T09:00:00+08:00")
	}
	i.Time, i.set = t, true
	return nil
}

// span adds --from and --to.
type span struct{ from, to instant }

func (a *app) spanFlags(c *cobra.Command) *span {
	s := &span{}
	c.Flags().Var(&s.from, "from", a.say("flag_from"))
	c.Flags().Var(&s.to, "to", a.say("flag_to"))
	return s
}

func (s *span) check() error {
	if !s.from.set || !s.to.set {
		return usage("--from and --to are both needed")
	}
	if !s.from.Before(s.to.Time) {
		return usage("--from must be before --to")
	}
	return nil
}

// printJSON writes v and a new line.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// table prints rows in columns; the first is the heading.
func (a *app) table(rows [][]string) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(r, "\t"))
	}
	return w.Flush()
}

// load reads a configuration, or prints its faults.
func (a *app) load(file string) (*Config, error) {
	c, faults := loadConfig(file)
	if len(faults) == 0 {
		return c, nil
	}
	for _, f := range faults {
		fmt.Fprintln(a.err, f)
	}
	return nil, &notGood{}
}
