package main

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"dogwatch/internal/text"
)

type serverConfig struct {
	Listen      string        `yaml:"listen" jsonschema_description:"Address and port, default 127.0.0.1:8080."`
	ExternalURL string        `yaml:"external_url" jsonschema_description:"How people's browsers reach the console; links in messages begin with it."`
	Data        string        `yaml:"data" jsonschema_description:"Folder for ledger, audit file and embedded Redis; made with mode 0700. Default /var/lib/dogwatch."`
	Fallback    string        `yaml:"fallback" jsonschema_description:"Channel that hears when a whole round of a policy reaches nobody. Default: the last route's first channel."`
	Tokens      []tokenConfig `yaml:"tokens" jsonschema_description:"API, CLI and sign-in to the console; a token acts as its person."`
}

func (s *serverConfig) setDefaults() {
	s.Listen, s.Data = "127.0.0.1:8080", "/var/lib/dogwatch"
}

type tokenConfig struct {
	Name   string      `yaml:"name"`
	Person string      `yaml:"person"`
	Token  text.Secret `yaml:"token"`
	Scope  string      `yaml:"scope" jsonschema:"enum=full,enum=read"`
}

func (t *tokenConfig) setDefaults() { t.Scope = "read" }

type storeConfig struct {
	Redis   redisAddress `yaml:"redis" jsonschema_description:"embedded, redis://, rediss://, redis+sentinel://h1,h2,h3/MASTER/0 or redis+cluster://h1,h2,h3."`
	Prefix  string       `yaml:"prefix" jsonschema_description:"First part of every key, default dogwatch."`
	Require string       `yaml:"require" jsonschema:"enum=durable,enum=any" jsonschema_description:"durable (default): not ready unless Redis keeps what it acknowledged."`
	Wait    string       `yaml:"wait" jsonschema_description:"Replicas that must have a write before it counts: auto (1 if there are replicas, default), 0 or a number."`
}

func (s *storeConfig) setDefaults() {
	s.Redis, s.Prefix, s.Require, s.Wait = redisAddress{written: "embedded"}, "dogwatch", "durable", "auto"
}

// Replicas is Wait as a number; -1 is auto.
func (s storeConfig) Replicas() int {
	n, err := strconv.Atoi(s.Wait)
	if err != nil {
		return -1
	}
	return n
}

// redisAddress is the word embedded, an address without a password, or env:NAME or file:PATH of one with.
type redisAddress struct {
	written string
	secret  text.Secret
}

// Embedded says that dogwatch runs a Redis of its own.
func (r redisAddress) Embedded() bool { return r.written == "embedded" }

// URL is the address; "" for an embedded Redis, and for a secret one before Config.Resolve.
func (r redisAddress) URL() string {
	switch {
	case r.Embedded():
		return ""
	case r.secret.IsZero():
		return r.written
	}
	return r.secret.Reveal()
}

// String is what may be shown: the address as it was written, which holds no password.
func (r redisAddress) String() string {
	if !r.secret.IsZero() {
		return r.secret.Ref()
	}
	return r.written
}

var redisSchemes = []string{"redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster"}

func (r *redisAddress) decodeNode(d *decoder, n *yaml.Node, path string) {
	const kinds = "embedded, redis://HOST:6379/0, redis+sentinel://h1,h2,h3/MASTER/0, redis+cluster://h1,h2,h3, or env:NAME of one with a password"
	if n.ShortTag() == "!!null" || !d.isScalar(n, path, "an address") {
		return
	}
	*r = redisAddress{written: n.Value}
	if s, err := text.ParseSecret(n.Value); err == nil {
		*r = redisAddress{secret: s}
		return
	}
	scheme, rest, ok := strings.Cut(n.Value, "://")
	host, _, _ := strings.Cut(rest, "/")
	switch {
	case r.Embedded():
	case !ok || rest == "":
		d.refuse(n, path, "this is no address of a Redis").Hint = kinds
	case strings.Contains(host, "@"):
		d.refuse(n, path, "an address with a user or password is a secret and must not stand here").Hint = "put the whole address into the environment and write env:NAME"
	case !slices.Contains(redisSchemes, scheme):
		d.refuse(n, path, "unknown kind of Redis %q", scheme).Hint = nearestOr(scheme, redisSchemes)
	}
}

// limitsConfig bounds what is taken in and sent. Sizes are bytes, written 8MiB, 64KiB or as a number.
type limitsConfig struct {
	Body             byteSize      `yaml:"body" jsonschema_description:"Largest body at an alert door, inflated. Default 8MiB."`
	OtherBody        byteSize      `yaml:"other_body" jsonschema_description:"Largest body at other doors. Default 1MiB."`
	InflateRatio     int           `yaml:"inflate_ratio" jsonschema_description:"Most that a compressed body may grow. Default 100."`
	Alerts           int           `yaml:"alerts" jsonschema_description:"Most alerts in a request. Default 10000."`
	Labels           int           `yaml:"labels" jsonschema_description:"Most labels of an alert. Default 64."`
	LabelName        byteSize      `yaml:"label_name" jsonschema_description:"Default 128."`
	LabelValue       byteSize      `yaml:"label_value" jsonschema_description:"Default 4KiB."`
	Annotation       byteSize      `yaml:"annotation" jsonschema_description:"Default 16KiB."`
	JSONDepth        int           `yaml:"json_depth" jsonschema_description:"Default 16."`
	Header           byteSize      `yaml:"header" jsonschema_description:"Largest request header. Default 16KiB."`
	ReadTimeout      text.Duration `yaml:"read_timeout" jsonschema_description:"Time to read a request. Default 10s."`
	SourceRate       rate          `yaml:"source_rate" jsonschema_description:"Requests a source may send, as 100/1s; none is the default: overload is answered with 503."`
	TextsPerIncident int           `yaml:"texts_per_incident" jsonschema_description:"Alerts of an incident whose full text is kept. Default 500."`
	OpenIncidents    int           `yaml:"open_incidents" jsonschema_description:"Further groups join one overflow incident. Default 10000."`
	ChatRate         rate          `yaml:"chat_rate" jsonschema_description:"Messages to a channel where the platform has no better figure. Default 20/1m."`
	Session          text.Duration `yaml:"session" jsonschema_description:"Longest console session. Default 12h."`
	SessionIdle      text.Duration `yaml:"session_idle" jsonschema_description:"Console session without a request. Default 1h."`
	StaleAfter       text.Duration `yaml:"stale_after" jsonschema_description:"A firing alert that is not repeated for so long counts as resolved. Default 24h."`
}

func (l *limitsConfig) setDefaults() {
	*l = limitsConfig{
		Body: 8 << 20, OtherBody: 1 << 20, InflateRatio: 100, Alerts: 10_000, Labels: 64, LabelName: 128, LabelValue: 4 << 10,
		Annotation: 16 << 10, JSONDepth: 16, Header: 16 << 10, ReadTimeout: duration("10s"), TextsPerIncident: 500,
		OpenIncidents: 10_000, ChatRate: rate{20, duration("1m")}, Session: duration("12h"), SessionIdle: duration("1h"),
		StaleAfter: duration("24h"),
	}
}

// duration is a default that is known to be well written.
func duration(s string) text.Duration {
	d, err := text.ParseDuration(s)
	if err != nil {
		panic("default duration: " + err.Error())
	}
	return text.Duration(d)
}

func (c *checker) server() {
	s := c.Server
	if _, port, err := net.SplitHostPort(s.Listen); err != nil || !isPort(port) {
		c.fault("server.listen", "write it like 127.0.0.1:8080 or :8080", "%q is not an address and a port", s.Listen)
	}
	if u, err := url.Parse(s.ExternalURL); s.ExternalURL != "" &&
		(err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" || u.User != nil) {
		c.fault("server.external_url", "write it like https://dogwatch.example.org", "%q is not an address people could open", s.ExternalURL)
	}
	if s.Data == "" {
		c.fault("server.data", "", "a folder is needed")
	}
	if s.Fallback != "" {
		c.channel("server.fallback", s.Fallback)
	}
	names := map[string]bool{}
	for i, t := range s.Tokens {
		at := fmt.Sprintf("server.tokens[%d]", i)
		c.need(at+".name", t.Name)
		if names[t.Name] {
			c.fault(at+".name", "", "two tokens are named %q", t.Name)
		}
		names[t.Name] = true
		if c.need(at+".person", t.Person) {
			c.person(at+".person", t.Person)
		}
		if t.Token.IsZero() && !c.mentioned(at+".token") {
			c.fault(at+".token", "env:NAME or file:PATH", "the token is missing")
		}
		c.oneOf(at+".scope", t.Scope, "full", "read")
	}
}

func isPort(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 0 && n <= 65535
}

var prefixShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$`)

func (c *checker) store() {
	s := c.Store
	if !prefixShape.MatchString(s.Prefix) {
		c.fault("store.prefix", "letters, digits, _ . -, at most 32", "%q cannot begin a key", s.Prefix)
	}
	c.oneOf("store.require", s.Require, "durable", "any")
	if n, err := strconv.Atoi(s.Wait); s.Wait != "auto" && (err != nil || n < 0) {
		c.fault("store.wait", "auto, 0 or a number of replicas", "%q is not a number of replicas", s.Wait)
	}
}

func (c *checker) limits() {
	l := c.Limits
	for name, n := range map[string]int64{
		"body": int64(l.Body), "other_body": int64(l.OtherBody), "inflate_ratio": int64(l.InflateRatio), "alerts": int64(l.Alerts),
		"labels": int64(l.Labels), "label_name": int64(l.LabelName), "label_value": int64(l.LabelValue), "annotation": int64(l.Annotation),
		"json_depth": int64(l.JSONDepth), "header": int64(l.Header), "texts_per_incident": int64(l.TextsPerIncident),
		"open_incidents": int64(l.OpenIncidents),
	} {
		if n < 1 {
			c.fault("limits."+name, "", "%s must be at least 1", name)
		}
	}
	c.atLeastSecond("limits.read_timeout", l.ReadTimeout)
	c.atLeastSecond("limits.session", l.Session)
	c.atLeastSecond("limits.session_idle", l.SessionIdle)
	c.atLeastSecond("limits.stale_after", l.StaleAfter)
}

// byteSize is a number of bytes, written 8MiB, 64KiB or plain.
type byteSize int64

// UnmarshalText reads a size.
func (b *byteSize) UnmarshalText(s []byte) error {
	digits, unit := string(s), int64(1)
	for suffix, size := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if d, ok := strings.CutSuffix(string(s), suffix); ok {
			digits, unit = d, size
		}
	}
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is not a size; write it like 8MiB, 64KiB or 4096", s)
	}
	*b = byteSize(n * unit)
	return nil
}

// rate is a count in a time, written 20/1m; "none" and the zero value are no limit.
type rate struct {
	Count int
	Per   text.Duration
}

// UnmarshalText reads a rate.
func (r *rate) UnmarshalText(s []byte) error {
	if string(s) == "none" {
		*r = rate{}
		return nil
	}
	count, per, ok := strings.Cut(string(s), "/")
	n, err := strconv.Atoi(count)
	d, errPer := text.ParseDuration(per)
	if !ok || err != nil || errPer != nil || n < 1 || d <= 0 {
		return fmt.Errorf("%q is not a rate; write it like 20/1m or none", s)
	}
	*r = rate{n, text.Duration(d)}
	return nil
}
