package wecom

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"

	"dogwatch/internal/text"
)

// DefaultURL is WeCom's own address, used when api_url is not given.
const DefaultURL = "https://qyapi.weixin.qq.com"

// Config is platforms.wecom of the configuration. The application's five keys belong together: all or none.
type Config struct {
	CorpID  string      `yaml:"corp_id" json:"corp_id"`
	AgentID int64       `yaml:"agent_id" json:"agent_id"`
	Secret  text.Secret `yaml:"secret" json:"secret"`
	// Token and EncodingAESKey are those of the application's callback page.
	Token          text.Secret `yaml:"token" json:"token"`
	EncodingAESKey text.Secret `yaml:"encoding_aes_key" json:"encoding_aes_key"`
	// APIURL is for private deployments and gateways; "" is DefaultURL.
	APIURL string           `yaml:"api_url" json:"api_url"`
	Robots map[string]Robot `yaml:"robots" json:"robots"`
	// Budget is nil for WeCom's limits, the word "none", or {robot: 20/1m, member: 30/1m, member_hour: 1000/1h}.
	Budget any `yaml:"budget" json:"budget"`
}

// Robot is a group's webhook. The key is the last part of the webhook's address and is all that is needed to post.
type Robot struct {
	Key text.Secret `yaml:"key" json:"key"`
}

// Limit is a number of messages in a length of time.
type Limit struct {
	N   int
	Per time.Duration
}

// WeCom's published limits. More to a member is dropped without an error.
var (
	robotLimits  = []Limit{{N: 20, Per: time.Minute}}
	memberLimits = []Limit{{N: 30, Per: time.Minute}, {N: 1000, Per: time.Hour}}
)

var (
	robotName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)
	userID    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_\-@.]{0,63}$`)
)

// hasApp says that the configuration names an application and not robots alone.
func (c *Config) hasApp() bool {
	return c.CorpID != "" || c.AgentID != 0 || !c.Secret.IsZero() || !c.Token.IsZero() || !c.EncodingAESKey.IsZero()
}

// Validate reports all faults at once, without looking at the values of secrets.
func (c *Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if !c.hasApp() && len(c.Robots) == 0 {
		fault("wecom has neither an application (corp_id, agent_id, secret, token, encoding_aes_key) nor robots")
	}
	if c.hasApp() {
		for _, k := range []struct {
			name    string
			missing bool
		}{
			{"corp_id", c.CorpID == ""}, {"agent_id", c.AgentID <= 0}, {"secret", c.Secret.IsZero()},
			{"token", c.Token.IsZero()}, {"encoding_aes_key", c.EncodingAESKey.IsZero()},
		} {
			if k.missing {
				fault("%s is missing: an application needs corp_id, agent_id, secret, token and encoding_aes_key", k.name)
			}
		}
	}
	for _, name := range c.robotNames() {
		if !robotName.MatchString(name) {
			fault("robots: %q is not a name of letters, digits, dot, dash and underscore", name)
		}
		if c.Robots[name].Key.IsZero() {
			fault("robots.%s: key is missing", name)
		}
	}
	if u, err := url.Parse(c.apiURL()); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" {
		fault("api_url is not an http or https address")
	}
	if _, _, err := c.budget(); err != nil {
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// values reports secrets that are empty once resolved. An empty one would verify what anybody sends.
func (c *Config) values() error {
	var faults []error
	if c.hasApp() {
		for _, s := range []struct {
			name  string
			value text.Secret
		}{{"secret", c.Secret}, {"token", c.Token}, {"encoding_aes_key", c.EncodingAESKey}} {
			if s.value.Reveal() == "" {
				faults = append(faults, fmt.Errorf("%s is empty", s.name))
			}
		}
	}
	for _, name := range c.robotNames() {
		if c.Robots[name].Key.Reveal() == "" {
			faults = append(faults, fmt.Errorf("robots.%s: key is empty", name))
		}
	}
	return errors.Join(faults...)
}

func (c *Config) robotNames() []string {
	names := make([]string, 0, len(c.Robots))
	for name := range c.Robots {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func (c *Config) apiURL() string {
	if c.APIURL == "" {
		return DefaultURL
	}
	return strings.TrimRight(c.APIURL, "/")
}

// budget reads the limits for robots and members; nil slices are no limit.
func (c *Config) budget() (robot, member []Limit, err error) {
	robot, member = robotLimits, append([]Limit(nil), memberLimits...)
	switch b := c.Budget.(type) {
	case nil:
		return robot, member, nil
	case string:
		if b == "none" {
			return nil, nil, nil
		}
	case map[string]any:
		for name, v := range b {
			l, err := parseLimit(fmt.Sprint(v))
			if err != nil {
				return nil, nil, fmt.Errorf("budget.%s: %w", name, err)
			}
			switch name {
			case "robot":
				robot = []Limit{l}
			case "member":
				member[0] = l
			case "member_hour":
				member[1] = l
			default:
				return nil, nil, fmt.Errorf("budget.%s is unknown: it has robot, member and member_hour", name)
			}
		}
		return robot, member, nil
	}
	return nil, nil, errors.New("budget is none, or robot, member and member_hour written like 20/1m")
}

func parseLimit(s string) (Limit, error) {
	count, per, ok := strings.Cut(s, "/")
	n, err := strconv.Atoi(count)
	if !ok || err != nil || n <= 0 {
		return Limit{}, fmt.Errorf("%q is not a limit; write it like 20/1m", s)
	}
	d, err := text.ParseDuration(per)
	if err != nil || d <= 0 {
		return Limit{}, fmt.Errorf("%q is not a limit; write it like 20/1m", s)
	}
	return Limit{N: n, Per: d}, nil
}
