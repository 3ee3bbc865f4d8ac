package bot

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"dogwatch/internal/text"
	"dogwatch/schedules"
)

func testPeople(t *testing.T) *schedules.Directory {
	t.Helper()
	d, faults := schedules.NewDirectory([]schedules.Person{
		{ID: "alice", Name: "Alice Chen", Slack: "U0ALICE", WeCom: "alice"},
		{ID: "ali", Name: "Alice", Slack: "U0ALI"},
		{ID: "wang", Name: "王芳", WeCom: "wf"},
		{ID: "zhang1", Name: "张伟", WeCom: "zw1"},
		{ID: "zhang2", Name: "张伟", WeCom: "zw2"},
	}, nil)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return d
}

func testParser(t *testing.T, platform string) parser {
	t.Helper()
	w, err := newWords(grammar)
	if err != nil {
		t.Fatal(err)
	}
	return parser{w, testPeople(t), platform}
}

func TestWordsInBothLanguages(t *testing.T) {
	for line, want := range map[string]Command{
		"":                             {Verb: "help"},
		"help":                         {Verb: "help"},
		"帮助":                           {Verb: "help"},
		"/oncall help":                 {Verb: "help"},
		"who":                          {Verb: "who"},
		"值班 web-primary":               {Verb: "who", Word: "web-primary"},
		"LIST":                         {Verb: "list"},
		"列表":                           {Verb: "list"},
		"show 42":                      {Verb: "show", Incident: "42"},
		"查看 ＃４２":                       {Verb: "show", Incident: "42"},
		"ack #42":                      {Verb: "acknowledge", Incident: "42"},
		"认领42":                         {Verb: "acknowledge", Incident: "42"},
		"认领　４２号":                       {Verb: "acknowledge", Incident: "42"},
		"ＡＣＫ 42":                       {Verb: "acknowledge", Incident: "42"},
		"resolve 42":                   {Verb: "resolve", Incident: "42"},
		"解决 42 已经重启":                   {Verb: "resolve", Incident: "42", Text: "已经重启"},
		"reopen 42 not  yet":           {Verb: "reopen", Incident: "42", Text: "not  yet"},
		"重开 42":                        {Verb: "reopen", Incident: "42"},
		"assign 42 @alice":             {Verb: "assign", Incident: "42", Person: "alice"},
		"assign 42 <@U0ALICE>":         {Verb: "assign", Incident: "42", Person: "alice"},
		"assign 42 <@U0ALICE|someone>": {Verb: "assign", Incident: "42", Person: "alice"},
		"assign 42 @Alice Chen":        {Verb: "assign", Incident: "42", Person: "alice"},
		"分派 42 ＠王芳":                    {Verb: "assign", Incident: "42", Person: "wang"},
		"escalate 42":                  {Verb: "escalate", Incident: "42"},
		"升级 42":                        {Verb: "escalate", Incident: "42"},
		"snooze 42 30m":                {Verb: "snooze", Incident: "42", Duration: "30m"},
		"稍后 42 ３０ｍ":                    {Verb: "snooze", Incident: "42", Duration: "30m"},
		"note 42 looking at <it>":      {Verb: "note", Incident: "42", Text: "looking at <it>"},
		"备注 42 磁盘满了，正在清理（约５分钟）":                         {Verb: "note", Incident: "42", Text: "磁盘满了，正在清理（约５分钟）"},
		"page @ali the site is down":                    {Verb: "page", Person: "ali", Text: "the site is down"},
		"呼叫 王芳 数据库挂了":                                   {Verb: "page", Person: "wang", Text: "数据库挂了"},
		"呼叫@wang 数据库挂了":                                 {Verb: "page", Person: "wang", Text: "数据库挂了"},
		"declare p1 Site is down":                       {Verb: "declare", Severity: "P1", Text: "Site is down"},
		"建单 Ｐ１ 网站打不开":                                   {Verb: "declare", Severity: "P1", Text: "网站打不开"},
		"run restart unit=nginx.service":                {Verb: "run", Word: "restart", Params: map[string]string{"unit": "nginx.service"}},
		"run restart":                                   {Verb: "run", Word: "restart", Params: map[string]string{}},
		`run say text="two words" n=1 for 42`:           {Verb: "run", Word: "say", Incident: "42", Params: map[string]string{"text": "two words", "n": "1"}},
		"执行 restart unit＝nginx.service 针对 42":           {Verb: "run", Word: "restart", Incident: "42", Params: map[string]string{"unit": "nginx.service"}},
		"approve 00abc":                                 {Verb: "approve", Word: "00abc"},
		"批准 00abc":                                      {Verb: "approve", Word: "00abc"},
		"reject 00abc too risky":                        {Verb: "reject", Word: "00abc", Text: "too risky"},
		"拒绝 00abc":                                      {Verb: "reject", Word: "00abc"},
		"override web-primary @alice 09:00 +8h":         {Verb: "override", Word: "web-primary", Person: "alice", From: "09:00", To: "+8h"},
		"代班 web-primary 王芳 2026-02-14 2026-02-15T09:00": {Verb: "override", Word: "web-primary", Person: "wang", From: "2026-02-14", To: "2026-02-15T09:00"},
	} {
		got, err := testParser(t, "slack").parse(line)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q is read as %+v, %v; want %+v", line, got, err, want)
		}
	}
}

func TestWordsThatAreNotUnderstood(t *testing.T) {
	for line, want := range map[string]WordsError{
		"akc 42":              {Key: "unknown_word", Word: "akc", Nearest: "ack"},
		"resovle 42":          {Key: "unknown_word", Word: "resovle", Nearest: "resolve"},
		"认令 42":               {Key: "unknown_word", Word: "认令", Nearest: "认领"},
		"silence x 2h reason": {Key: "unknown_word", Word: "silence"},
		"report":              {Key: "unknown_word", Word: "report"},
		"xyzzy":               {Key: "unknown_word", Word: "xyzzy"},
		"ack":                 {Key: "error_words", Usage: "help_ack"},
		"ack everything":      {Key: "error_number", Word: "everything", Usage: "help_ack"},
		"ack -1":              {Key: "error_number", Word: "-1", Usage: "help_ack"},
		"note 42":             {Key: "error_words", Usage: "help_note"},
		"declare P9 x":        {Key: "error_severity", Word: "P9", Usage: "help_declare"},
		"run restart nginx":   {Key: "error_param", Word: "nginx", Usage: "help_run"},
		"run r a=b for x":     {Key: "error_number", Word: "x", Usage: "help_run"},
		"override s @ali now": {Key: "error_words", Usage: "help_override"},
	} {
		_, err := testParser(t, "slack").parse(line)
		var got *WordsError
		if !errors.As(err, &got) || *got != want {
			t.Errorf("%q is refused as %+v, want %+v", line, err, want)
		}
	}
}

func TestWhoIsMeant(t *testing.T) {
	for line, among := range map[string][]string{
		"assign 42 @张伟":         {"zhang1", "zhang2"},
		"assign 42 @nobody":     nil,
		"assign 42 <@U0NOBODY>": nil,
		"assign 42 <@alice>":    nil, // an account of another platform
		"assign 42 <@":          nil,
	} {
		_, err := testParser(t, "slack").parse(line)
		var who *whoError
		if !errors.As(err, &who) || !reflect.DeepEqual(who.Among, among) {
			t.Errorf("%q: %v, want one of %v", line, err, among)
		}
	}
}

func TestGrammarWithTwoMeaningsIsRefused(t *testing.T) {
	twice := append([]rule{{"note", "note", []string{"ack", "记"}, nil}}, grammar...)
	if _, err := newWords(twice); err == nil || !strings.Contains(err.Error(), `"ack"`) {
		t.Fatalf("got %v", err)
	}
	if _, err := newWords([]rule{{"launch", "help", []string{"launch", "发射"}, nil}}); err == nil {
		t.Fatal("a verb that nobody may was taken")
	}
}

// Every verb has its usage, and every sentence that code names is there, in both languages.
func TestEveryVerbHasItsUsage(t *testing.T) {
	for _, r := range grammar {
		for _, lang := range text.Languages {
			usage := text.Template(lang, "bot.help_"+r.help)
			word := r.words[0]
			if lang == text.Chinese {
				word = r.words[1]
			}
			if !strings.HasPrefix(usage, word) {
				t.Errorf("the usage of %s in %s is %q", r.verb, lang, usage)
			}
		}
	}
}

func TestInstant(t *testing.T) {
	zone := time.FixedZone("CST", 8*3600)
	now := time.Date(2026, 1, 5, 22, 0, 0, 0, zone)
	for in, want := range map[string]string{
		"now": "2026-01-05T22:00", "09:00": "2026-01-06T09:00", "23:30": "2026-01-05T23:30", "+2h": "2026-01-06T00:00",
		"2026-02-14": "2026-02-14T00:00", "2026-02-14T09:00": "2026-02-14T09:00", "2026-02-14T01:00:00Z": "2026-02-14T09:00",
	} {
		got, ok := instant(in, now, now, zone)
		if s := got.In(zone).Format("2006-01-02T15:04"); !ok || s != want {
			t.Errorf("%q is %s, %v; want %s", in, s, ok, want)
		}
	}
	for _, bad := range []string{"", "tomorrow", "25:00", "+x", "2026-13-01"} {
		if got, ok := instant(bad, now, now, zone); ok {
			t.Errorf("%q is taken as %v", bad, got)
		}
	}
}

// No line breaks the parser, and what it understands has all that its verb needs.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"ack 42", "认领４２", "run a b='c d' for 42", "assign 1 <@U0ALICE|x>", "page @", "override a @ali + +", "\u3000", "run x ＝= ='"} {
		f.Add(s)
	}
	w, err := newWords(grammar)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line string) {
		c, err := parser{w, testPeople(t), "slack"}.parse(line)
		if err != nil {
			return
		}
		if _, known := needed[c.Verb]; !known {
			t.Fatalf("%q is the unknown verb %q", line, c.Verb)
		}
		if c.Verb == "acknowledge" && c.Incident == "" || c.Verb == "assign" && c.Person == "" {
			t.Fatalf("%q lacks what it needs: %s", line, fmt.Sprintf("%+v", c))
		}
	})
}

func TestButtonsAreOursOrNothing(t *testing.T) {
	a, err := newSigner("slack", []byte("a secret of enough length"))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := newSigner("web", []byte("a secret of enough length"))
	value := a.sign("choose", "00abc~clean-disk.v2")
	if verb, subject, err := a.open(value); err != nil || verb != "choose" || subject != "00abc~clean-disk.v2" {
		t.Fatalf("%s %s %v", verb, subject, err)
	}
	if _, _, err := b.open(value); err == nil {
		t.Fatal("another platform's button was taken")
	}
	for i := range len(value) {
		bad := []byte(value)
		bad[i] ^= 1
		if _, _, err := a.open(string(bad)); err == nil {
			t.Fatalf("a flipped bit at %d was taken", i)
		}
	}
	if _, _, err := (signer{}).open(signer{}.sign("acknowledge", "x")); err == nil {
		t.Fatal("a signer without a key opened its own value")
	}
	for _, weak := range [][]byte{nil, {}, []byte("short")} {
		if _, err := newSigner("slack", weak); err == nil {
			t.Fatalf("the key %q was taken", weak)
		}
	}
}

func TestRights(t *testing.T) {
	d, faults := schedules.NewDirectory([]schedules.Person{
		{ID: "viewer", Roles: schedules.Roles{schedules.Viewer}}, {ID: "responder", Roles: schedules.Roles{schedules.Responder}},
		{ID: "approver", Roles: schedules.Roles{schedules.Approver}}, {ID: "admin", Roles: schedules.Roles{schedules.Admin}}, {ID: "none"},
	}, nil)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	reads := []string{"help", "who", "list", "show"}
	decides := []string{"approve", "reject"}
	for verb := range needed {
		is := func(list []string) bool { return strings.Contains(" "+strings.Join(list, " ")+" ", " "+verb+" ") }
		want := map[string]bool{"viewer": is(reads), "admin": is(reads), "none": false, "stranger": false, "": false,
			"approver": is(reads) || is(decides), "responder": !is(decides)}
		for person, allowed := range want {
			if may(d, person, verb) != allowed {
				t.Errorf("%s may %s: %v", person, verb, !allowed)
			}
		}
	}
	for _, verb := range []string{"", "launch", "silence"} {
		if may(d, "responder", verb) || may(nil, "responder", "help") {
			t.Errorf("%q is allowed", verb)
		}
	}
}
