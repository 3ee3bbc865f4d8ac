package slacktest

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Options say which workspace is played. Everything has a default.
type Options struct {
	Listen        string // default 127.0.0.1:0
	Team          string // default T0WEB
	Domain        string // default dogwatch-test
	AppID         string // default A0DOGWATCH
	Token         string // the bot's; default xoxb-fake-0000
	AppToken      string // for Socket Mode; default xapp-fake-0000
	SigningSecret string // default fake-signing-secret
	Command       string // default /oncall

	// Target is the bot's base URL; the request URLs are Target plus /chat/slack/….
	Target string
	// Now is the clock's base, default time.Now; SigningNow stamps deliveries, default the fake's own clock.
	Now, SigningNow func() time.Time
	// Scopes of the installation; nil: all that an on-call bot needs.
	Scopes []string
	// Burst is how many messages a channel takes at once; default 20. NoLimits switches all rate limits off.
	Burst    int
	NoLimits bool
	// Lenient makes channels and people that nobody added appear when they are first named.
	Lenient  bool
	Users    []User
	Channels []Channel
	Groups   []Group
	// RetryAfter are the waits before an event's repeated deliveries; default 0, 1 min, 5 min.
	RetryAfter []time.Duration
	// Client delivers; default one that gives up after three seconds, as Slack does.
	Client *http.Client
}

// The bot's own ids.
const (
	BotUser = "U0BOTUSER"
	BotID   = "B0DOGWATCH"
)

// Server is a running fake. Safe for concurrent use.
type Server struct {
	Clock *Clock

	opt    Options
	client *http.Client
	http   *http.Server
	addr   string
	done   chan struct{}

	mu       sync.Mutex
	world    *world
	faults   []*Fault
	journal  []Entry
	changed  chan struct{}
	healed   chan struct{}
	buckets  map[string]*bucket
	triggers map[string]*trigger
	hooks    map[string]*hook
	sockets  []*socket
	tickets  map[string]bool
	acks     map[string]chan []byte
}

// New starts a workspace with alice, bob and carol, a guest, a stranger of another workspace, and the channels C0OPS,
// C0ALERTS, G0SECRET (private, without the bot) and C0OLD (archived), besides what o adds.
func New(o Options) (*Server, error) {
	o = o.withDefaults()
	s := &Server{
		Clock: newClock(o.Now), opt: o, client: o.Client, done: make(chan struct{}),
		world: newWorld(), changed: make(chan struct{}), healed: make(chan struct{}),
		buckets: map[string]*bucket{}, triggers: map[string]*trigger{}, hooks: map[string]*hook{},
		tickets: map[string]bool{}, acks: map[string]chan []byte{},
	}
	if s.opt.SigningNow == nil {
		s.opt.SigningNow = s.Clock.Now
	}
	s.seed()
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s.addr = l.Addr().String()
	s.http = &http.Server{Handler: s.mux(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(l) // ends with Close
	}()
	return s, nil
}

// Close ends the server, its sockets and every hanging call.
func (s *Server) Close() {
	s.Heal()
	s.closeSockets()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
	<-s.done
}

// URL is the base of everything this server serves.
func (s *Server) URL() string { return "http://" + s.addr }

// APIURL is what a client needs as the Web API's address.
func (s *Server) APIURL() string { return s.URL() + "/api/" }

// Options are the options with their defaults filled in.
func (s *Server) Options() Options { return s.opt }

// SetTarget says where the bot is.
func (s *Server) SetTarget(base string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opt.Target = base
}

func (s *Server) mux() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("/api/{method}", s.serveAPI)
	m.HandleFunc("POST /hooks/{kind}/{team}/{serial}/{secret}", s.serveHook)
	m.HandleFunc("/link/", s.serveSocket)
	s.admin(m)
	return m
}

func (o Options) withDefaults() Options {
	o.Listen = cmp.Or(o.Listen, "127.0.0.1:0")
	o.Team = cmp.Or(o.Team, "T0WEB")
	o.Domain = cmp.Or(o.Domain, "dogwatch-test")
	o.AppID = cmp.Or(o.AppID, "A0DOGWATCH")
	o.Token = cmp.Or(o.Token, "xoxb-fake-0000")
	o.AppToken = cmp.Or(o.AppToken, "xapp-fake-0000")
	o.SigningSecret = cmp.Or(o.SigningSecret, "fake-signing-secret")
	o.Command = cmp.Or(o.Command, "/oncall")
	o.Burst = cmp.Or(o.Burst, 20)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Scopes == nil {
		o.Scopes = allScopes
	}
	if o.RetryAfter == nil {
		o.RetryAfter = []time.Duration{0, time.Minute, 5 * time.Minute}
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 3 * time.Second}
	}
	return o
}

func (s *Server) seed() {
	for _, u := range append([]User{
		{ID: "U0ALICE", Name: "alice", Email: "alice@example.org", Locale: "zh-CN"},
		{ID: "U0BOB", Name: "bob", Email: "bob@example.org"},
		{ID: "U0CAROL", Name: "carol", Email: "carol@example.org"},
		{ID: "U0GUEST", Name: "guest", Email: "guest@example.net", Guest: true},
		{ID: "U0STRANGER", Name: "stranger", Team: "T0OTHER"},
		{ID: "U0GONE", Name: "gone", Email: "gone@example.org", Deleted: true},
	}, s.opt.Users...) {
		s.AddUser(u)
	}
	for _, c := range append([]Channel{
		{ID: "C0OPS", Name: "ops"}, {ID: "C0ALERTS", Name: "alerts"},
		{ID: "G0SECRET", Name: "secret", Private: true, NoBot: true}, {ID: "C0OLD", Name: "old", Archived: true},
		{ID: "C0FEW", Name: "few", Members: []string{"U0BOB"}},
	}, s.opt.Channels...) {
		s.AddChannel(c)
	}
	for _, g := range append([]Group{{ID: "S0ONCALL", Handle: "oncall", Users: []string{"U0BOB"}}}, s.opt.Groups...) {
		s.AddGroup(g)
	}
}

// AddUser adds a person or changes what is known of them.
func (s *Server) AddUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u.Team = cmp.Or(u.Team, s.opt.Team)
	u.Locale = cmp.Or(u.Locale, "en-US")
	s.world.users[u.ID] = u
}

// AddChannel adds a conversation or changes it (archives it, removes the bot).
func (s *Server) AddChannel(c Channel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.channels[c.ID] = &c
}

// AddGroup adds a user group or changes it.
func (s *Server) AddGroup(g Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.groups[g.ID] = &g
}

// AddMessage puts somebody else's message into a channel and returns it with its timestamp.
func (s *Server) AddMessage(m Message) Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.TS = s.world.ts(s.Clock.Now())
	s.world.messages[m.Channel] = append(s.world.messages[m.Channel], &m)
	return m
}
