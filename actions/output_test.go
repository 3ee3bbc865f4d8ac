package actions_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"dogwatch/actions"
)

// through writes s in chunks of n bytes and gives the pieces handed on and the kept text.
func through(s string, n int, secrets ...string) ([]string, actions.Kept) {
	var pieces []string
	o := actions.NewOutput(secrets, func(text string) { pieces = append(pieces, text) })
	for p := []byte(s); len(p) > 0; {
		k := min(n, len(p))
		o.Write(p[:k])
		p = p[k:]
	}
	o.Close()
	return pieces, o.Kept()
}

func TestOutputIsMadeVisible(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"plain text\n", "plain text\n"},
		{"tab\tstays\n", "tab\tstays\n"},
		{"中文，全角　空格 é 🐶\n", "中文，全角　空格 é 🐶\n"},
		{"\x1b[31mred\x1b[0m\n", `\x1b[31mred\x1b[0m` + "\n"},
		{"windows\r\nline", "windows\nline"},
		{"10%\r20%\r", `10%\r20%\r`},
		{"a\u202egnp.exe", `a\u202egnp.exe`},
		{"zero\u200bwidth\u2028", `zero\u200bwidth\u2028`},
		{"\U000e0041", `\U000e0041`},
		{"bad \xff\xfe bytes \xe4\xb8", `bad \xff\xfe bytes \xe4\xb8`},
		{"nul\x00 bell\x07 del\x7f c1\u0085", `nul\x00 bell\x07 del\x7f c1\u0085`},
	} {
		for n := 1; n <= len(c.in); n++ {
			pieces, kept := through(c.in, n)
			if kept.String() != c.want || strings.Join(pieces, "") != c.want {
				t.Errorf("%q in chunks of %d: kept %q, handed on %q, want %q", c.in, n, kept, pieces, c.want)
			}
		}
	}
}

func TestOutputBlotsSecretsOutAcrossChunks(t *testing.T) {
	for _, c := range []struct {
		in, want string
		secrets  []string
	}{
		{"token=hunter22 ok", "token=[secret] ok", []string{"hunter22"}},
		{"abcdefgh abcd abcde", "[secret] [secret] [secret]e", []string{"abcd", "abcdefgh"}},
		{"hunter2", "hunter2", []string{"hunter22"}},
		{"hunterhunter22", "hunter[secret]", []string{"hunter22"}},
		{"xabcdefx", "x[secret]x", []string{"abcd", "cdef"}},
		{"aaaaaaaa!", "[secret]!", []string{"aaaa"}},
		{"pin 123", "pin 123", []string{"123"}},
		{"line\nsecret\nkey\nend", "line\n[secret]\nend", []string{"secret\nkey"}},
		{"密码就是这个。", "[secret]。", []string{"密码就是这个"}},
	} {
		for n := 1; n <= len(c.in); n++ {
			pieces, kept := through(c.in, n, c.secrets...)
			if kept.String() != c.want || strings.Join(pieces, "") != c.want {
				t.Errorf("%q in chunks of %d: kept %q, handed on %q, want %q", c.in, n, kept, pieces, c.want)
			}
		}
	}
}

func TestOutputHandsOnLinesAsTheyCome(t *testing.T) {
	var pieces []string
	o := actions.NewOutput(nil, func(text string) { pieces = append(pieces, text) })
	o.Write([]byte("first\nsec"))
	if len(pieces) != 1 || pieces[0] != "first\n" {
		t.Fatalf("after a line and a half: %q", pieces)
	}
	o.Flush()
	if len(pieces) != 2 || pieces[1] != "sec" {
		t.Fatalf("after a flush: %q", pieces)
	}
	o.Write([]byte("ond\n"))
	o.Close()
	if len(pieces) != 3 || pieces[2] != "ond\n" || o.Kept().String() != "first\nsecond\n" {
		t.Fatalf("at the end: %q, kept %q", pieces, o.Kept())
	}
}

func TestOutputKeepsHeadAndTailOfAFlood(t *testing.T) {
	var handed int
	o := actions.NewOutput([]string{"canary-secret"}, func(text string) {
		if len(text) > 8<<10 {
			t.Errorf("a piece of %d bytes", len(text))
		}
		handed += len(text)
	})
	noise := make([]byte, 1<<20)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	o.Write([]byte("the beginning\n"))
	for range 4 {
		o.Write(noise)
	}
	o.Write([]byte("\nthe end"))
	o.Close()
	kept := o.Kept()
	if !strings.HasPrefix(kept.Head, "the beginning\n") || !strings.HasSuffix(kept.Tail, "\nthe end") {
		t.Fatalf("head %q… tail …%q", kept.Head[:20], kept.Tail[len(kept.Tail)-20:])
	}
	if len(kept.Head) > 32<<10 || len(kept.Tail) > 32<<10 || len(kept.Head)+len(kept.Tail) < 63<<10 {
		t.Fatalf("kept %d and %d bytes", len(kept.Head), len(kept.Tail))
	}
	if int(kept.Dropped)+len(kept.Head)+len(kept.Tail) != handed {
		t.Fatalf("dropped %d, handed on %d", kept.Dropped, handed)
	}
	if want := int64(4<<20 + 14 + 8); o.Bytes() != want {
		t.Fatalf("counted %d bytes, want %d", o.Bytes(), want)
	}
	if !utf8.ValidString(kept.Head) || !utf8.ValidString(kept.Tail) {
		t.Fatal("a character was cut")
	}
}

// What is shown never contains a secret, a control character or invalid UTF-8, however it is cut.
func FuzzOutput(f *testing.F) {
	f.Add([]byte("token=s3cr3t-value\x1b[0m\r\n"), uint8(3))
	f.Add([]byte("s3cr3t-s3cr3t-value\xe2\x80"), uint8(1))
	f.Fuzz(func(t *testing.T, in []byte, n uint8) {
		pieces, kept := through(string(in), int(n)+1, "s3cr3t-value", "s3cr3t-")
		all := strings.Join(pieces, "")
		if len(in) < 4<<10 && all != kept.String() {
			t.Fatalf("handed on %q, kept %q", all, kept)
		}
		if strings.Contains(all, "s3cr3t-") || !utf8.ValidString(all) {
			t.Fatalf("%q shows %q", in, all)
		}
		if i := bytes.IndexFunc([]byte(all), func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f }); i >= 0 {
			t.Fatalf("%q shows a control character: %q", in, all)
		}
	})
}

func BenchmarkOutput(b *testing.B) {
	chunk := []byte(strings.Repeat("2026-01-05T09:00:00Z removed /var/log/app/old.log (12 MB)\n", 1000))
	o := actions.NewOutput([]string{"some-long-secret", "another-secret"}, func(string) {})
	b.SetBytes(int64(len(chunk)))
	for b.Loop() {
		o.Write(chunk)
	}
}
