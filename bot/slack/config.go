package slack

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"dogwatch/internal/text"
)

// Config is platforms.slack of the configuration.
type Config struct {
	// TeamID is the workspace ("T…"); requests of any other have no effect.
	TeamID string `yaml:"team_id"`
	// AppID ("A…") is checked on every request if it is set.
	AppID string `yaml:"app_id"`
	// Token is the bot's token (xoxb-…).
	Token text.Secret `yaml:"token"`
	// SigningSecret opens the three HTTP doors. It may be missing only when AppToken brings requests in by Socket Mode.
	SigningSecret text.Secret `yaml:"signing_secret"`
	// AppToken (xapp-…) turns Socket Mode on.
	AppToken text.Secret `yaml:"app_token"`
	// APIURL is where the Web API is, default https://slack.com/api/; another one is a private gateway, whose host may
	// then also serve response_urls.
	APIURL string `yaml:"api_url"`
	// Budget is {per_channel: 1/1s, burst: 20} or the word none; missing, it is those values.
	Budget any `yaml:"budget"`
}

// Budget is how much may be sent to one channel. The zero value allows nothing.
type Budget struct {
	None  bool          // no limit at all: private gateways
	Count int           // messages …
	Per   time.Duration // … in this time, in the long run
	Burst int           // messages at once
}

// defaultAPI is Slack's own Web API.
const defaultAPI = "https://slack.com/api/"

// defaultBudget is what Slack documents: one message a second and channel, with short bursts.
var defaultBudget = Budget{Count: 1, Per: time.Second, Burst: 20}

// Validate reports every fault at once. Secrets have to be named, not resolved: that is Open's business.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if !isID(c.TeamID, "TE") {
		fault("team_id: %q is no workspace id (T…)", c.TeamID)
	}
	if c.AppID != "" && !isID(c.AppID, "A") {
		fault("app_id: %q is no app id (A…)", c.AppID)
	}
	if c.Token.IsZero() {
		fault("token: is missing")
	}
	if c.SigningSecret.IsZero() && c.AppToken.IsZero() {
		fault("signing_secret: is missing (only app_token, for Socket Mode, does without)")
	}
	if _, err := apiBase(c.APIURL); err != nil {
		fault("api_url: %w", err)
	}
	if _, err := parseBudget(c.Budget); err != nil {
		fault("budget: %w", err)
	}
	return errors.Join(faults...)
}

// secrets says which secret is named but empty. An empty signing secret would let everybody in.
func (c Config) secrets() error {
	var faults []error
	for name, s := range map[string]text.Secret{"token": c.Token, "signing_secret": c.SigningSecret, "app_token": c.AppToken} {
		if !s.IsZero() && strings.TrimSpace(s.Reveal()) == "" {
			faults = append(faults, fmt.Errorf("%s: is empty", name))
		}
	}
	return errors.Join(faults...)
}

// isID says whether s looks like one of Slack's ids with one of the given first letters.
func isID(s, first string) bool {
	if len(s) < 2 || len(s) > 40 || !strings.ContainsRune(first, rune(s[0])) {
		return false
	}
	for _, r := range s {
		if (r < 'A' || r > 'Z') && (r < '0' || r > '9') {
			return false
		}
	}
	return true
}

// apiBase is the Web API's address with its closing slash. Plain http is for loopback gateways and test servers; the
// choice is the operator's, so it is not refused here.
func apiBase(s string) (*url.URL, error) {
	if s == "" {
		s = defaultAPI
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return nil, fmt.Errorf("is no http or https address")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("must not have a password, a query or a fragment")
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	return u, nil
}

func parseBudget(v any) (Budget, error) {
	switch b := v.(type) {
	case nil:
		return defaultBudget, nil
	case string:
		if b == "none" {
			return Budget{None: true}, nil
		}
		return Budget{}, fmt.Errorf("%q: write none or {per_channel: 1/1s, burst: 20}", b)
	case map[string]any:
		return parseBudgetMap(b)
	}
	return Budget{}, fmt.Errorf("write none or {per_channel: 1/1s, burst: 20}")
}

func parseBudgetMap(m map[string]any) (Budget, error) {
	out := defaultBudget
	for key, v := range m {
		switch key {
		case "per_channel":
			s, _ := v.(string)
			count, per, ok := strings.Cut(s, "/")
			n, err := strconv.Atoi(count)
			d, err2 := text.ParseDuration(per)
			if !ok || err != nil || err2 != nil || n < 1 || d <= 0 {
				return Budget{}, fmt.Errorf("per_channel: %v is not written COUNT/TIME, as 1/1s", v)
			}
			out.Count, out.Per = n, d
		case "burst":
			n, ok := wholeNumber(v)
			if !ok || n < 1 {
				return Budget{}, fmt.Errorf("burst: %v is no number of at least 1", v)
			}
			out.Burst = n
		default:
			return Budget{}, fmt.Errorf("%s: unknown key", key)
		}
	}
	return out, nil
}

// wholeNumber reads the number types that YAML and JSON decoders make.
func wholeNumber(v any) (int, bool) {
	switch n := v.(type) {
	case int:
		return n, true
	case int64:
		return int(n), true
	case uint64:
		return int(n), n < 1<<31
	case float64:
		return int(n), n == float64(int(n))
	}
	return 0, false
}
