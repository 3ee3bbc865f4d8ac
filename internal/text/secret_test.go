package text

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// However a secret is printed, alone or deep inside something else, its value does not show.
func TestSecretNeverPrints(t *testing.T) {
	const canary = "canary-7f3a"
	s := NewSecret(canary)
	type holder struct {
		Public Secret
		hidden Secret
		list   []Secret
	}
	h := holder{s, s, []Secret{s}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%T", "%10.3s"} {
		for _, v := range []any{s, &s, h, &h, []Secret{s}, map[string]Secret{"k": s}, struct{ A any }{s}} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	for _, v := range []any{s, &s, h, map[string]any{"k": s}} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "secret", s, "in", h, "group", slog.GroupValue(slog.Any("s", s)))
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "secret", s, "in", h)
	fmt.Fprintln(&out, fmt.Errorf("open with %v: %w", s, fmt.Errorf("%s", s)))
	for _, leak := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), canary[:5]} {
		if strings.Contains(out.String(), leak) {
			t.Fatalf("a secret shows in:\n%s", out.String())
		}
	}
	if !strings.Contains(out.String(), redacted) {
		t.Fatal("nothing was printed at all")
	}
	if s.Reveal() != canary {
		t.Fatalf("Reveal() = %q", s.Reveal())
	}
}

func TestParseSecret(t *testing.T) {
	for _, good := range []string{"env:TOKEN", "file:/run/secrets/token", "file:relative"} {
		s, err := ParseSecret(good)
		if err != nil || s.Ref() != good || s.IsZero() || s.Reveal() != "" {
			t.Errorf("ParseSecret(%q) = %q, %v", good, s.Ref(), err)
		}
		if r := s.Resolved("v"); r.Reveal() != "v" || r.Ref() != good {
			t.Errorf("Resolved(%q) = %q from %q", "v", r.Reveal(), r.Ref())
		}
	}
	for _, bad := range []string{"", "xoxb-canary", "env:", "file:", "ENV:X", "env:A B", "env:A=b", "vault:x", "token:xoxb-canary"} {
		_, err := ParseSecret(bad)
		if err == nil {
			t.Errorf("ParseSecret(%q) took it", bad)
		} else if strings.Contains(err.Error(), "canary") {
			t.Errorf("ParseSecret(%q) repeats it: %v", bad, err)
		}
	}
}

func TestSecretEqual(t *testing.T) {
	for _, c := range []struct {
		s         Secret
		presented string
		want      bool
	}{
		{NewSecret("abc"), "abc", true},
		{NewSecret("abc"), "abd", false},
		{NewSecret("abc"), "", false},
		{NewSecret(""), "", false},
		{Secret{}, "", false},
		{Secret{}, "abc", false},
	} {
		if got := c.s.Equal(c.presented); got != c.want {
			t.Errorf("secret %q equal to %q: %v", c.s.Reveal(), c.presented, got)
		}
	}
}
