package text

import (
	"math"
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	good := map[string]time.Duration{
		"0": 0, "0s": 0, "30s": 30 * time.Second, "5m": 5 * time.Minute, "1h30m": 90 * time.Minute,
		"7d": 7 * 24 * time.Hour, "1w": 7 * 24 * time.Hour, "1y": 365 * 24 * time.Hour, "1w2d3h4m5s6ms": (9*24+3)*time.Hour + 4*time.Minute + 5*time.Second + 6*time.Millisecond,
		"100ms": 100 * time.Millisecond, "90m": 90 * time.Minute, "010s": 10 * time.Second,
	}
	for in, want := range good {
		got, err := ParseDuration(in)
		if err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	bad := []string{"", "5", "-5m", "5 m", " 5m", "5m ", "m", "1.5h", "1m1h", "1m2m", "1M", "5min", "1µs", "300y", "99999999999999999999s", "五分"}
	for _, in := range bad {
		if got, err := ParseDuration(in); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", in, got)
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Microsecond: "0s", time.Second: "1s", 90 * time.Minute: "1h30m", 36 * time.Hour: "36h", 48 * time.Hour: "2d",
		7 * 24 * time.Hour: "1w", 8 * 24 * time.Hour: "8d", 1500 * time.Millisecond: "1s500ms", -time.Minute: "-1m", 25*time.Hour + time.Second: "25h1s",
	} {
		if got := FormatDuration(d); got != want {
			t.Errorf("FormatDuration(%d) = %q, want %q", d, got, want)
		}
	}
	if got := FormatDuration(math.MinInt64); got[0] != '-' {
		t.Errorf("the smallest duration is written %q", got)
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"1h30m", "292y24w3d23h47m16s854ms", "9223372036854ms", "0", "1w1w"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDuration(s)
		if err != nil {
			return
		}
		if d < 0 {
			t.Fatalf("ParseDuration(%q) = %d overflowed", s, d)
		}
		again, err := ParseDuration(FormatDuration(d))
		if err != nil || again != d {
			t.Fatalf("%q is %d, written %q, read again %d, %v", s, d, FormatDuration(d), again, err)
		}
	})
}
