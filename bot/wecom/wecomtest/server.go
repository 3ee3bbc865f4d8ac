package wecomtest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Options say which company and application the server plays. Zero values mean: everybody is a member, no robots, no
// callback address, the real clock.
type Options struct {
	CorpID  string
	AgentID int64
	Secret  string
	// Token and AESKey (43 characters) are those of the callback page.
	Token  string
	AESKey string
	// Target is the callback address of the application; without one, cards with buttons are refused (43012).
	Target string
	// Members are the user ids in the application's scope; empty: everybody is.
	Members []string
	// Robots are webhook keys by a name that Messages show.
	Robots map[string]string
	// Now is the clock to which Advance adds; nil is time.Now.
	Now func() time.Time
	// Patience is how long a callback may take before it is dropped and repeated; 0 is WeCom's five seconds.
	Patience time.Duration
	// RetryStatus repeats after every answer other than 200, and not only after silence. WeCom's documents say both.
	RetryStatus bool
	// FreshRetries gives every repeat a new time, nonce and signature; else a repeat is the same request.
	FreshRetries bool
	// TrustedIPs are the addresses that may call; empty: all.
	TrustedIPs []string
}

// Server is the fake. It is an http.Handler; Listen serves it.
type Server struct {
	opts   Options
	crypt  *crypt
	client *http.Client

	mu       sync.Mutex
	shift    time.Duration
	access   token
	wrong    map[string]int       // refused secrets by address
	banned   map[string]time.Time // until when
	asked    []time.Time          // calls of gettoken
	journal  []Call
	messages []*Message
	cards    map[string]*Card // by message id and user
	codes    map[string]*code
	tasks    map[string]bool
	repeats  map[string]repeat // by the whole body
	member   map[string][]time.Time
	robot    map[string][]time.Time
	faults   []*Fault
	last     *posted // for replays
	serial   int64
	http     *http.Server
}

type token struct {
	value   string
	expires time.Time
	dead    bool
}

// New makes a server; it listens nowhere yet.
func New(o Options) (*Server, error) {
	c, err := newCrypt(o.Token, o.AESKey)
	if err != nil {
		return nil, err
	}
	if o.CorpID == "" || o.Secret == "" || o.AgentID == 0 {
		return nil, errors.New("wecomtest: corp id, agent id and secret must be given")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Patience == 0 {
		o.Patience = 5 * time.Second
	}
	return &Server{
		opts: o, crypt: c,
		client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		wrong:  map[string]int{}, banned: map[string]time.Time{}, cards: map[string]*Card{}, codes: map[string]*code{},
		tasks: map[string]bool{}, repeats: map[string]repeat{}, member: map[string][]time.Time{}, robot: map[string][]time.Time{},
	}, nil
}

// Listen serves on addr ("127.0.0.1:0" for a free port) until Close, and gives the base URL.
func (s *Server) Listen(addr string) (string, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", fmt.Errorf("wecomtest: listen %s: %w", addr, err)
	}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(l) }()
	return "http://" + l.Addr().String(), nil
}

// Close ends what Listen began.
func (s *Server) Close() error {
	if s.http == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		return s.http.Close()
	}
	return nil
}

// SetTarget changes the callback address.
func (s *Server) SetTarget(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opts.Target = url
}

// Now is the server's time.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

func (s *Server) now() time.Time { return s.opts.Now().Add(s.shift) }

// Advance moves the server's clock on (or back).
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shift += d
}

// KillToken makes the present access token invalid before its time: the next call with it gets 40014.
func (s *Server) KillToken() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.access.dead = true
}

// ServeHTTP answers WeCom's calls below /cgi-bin and the test's below /_admin.
func (s *Server) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_admin/") {
		s.admin(rw, r)
		return
	}
	c := call{path: strings.TrimPrefix(r.URL.Path, "/cgi-bin/"), query: r.URL.Query(), method: r.Method}
	c.ip, _, _ = net.SplitHostPort(r.RemoteAddr)
	var err error
	if c.body, err = readAll(rw, r); err != nil {
		rw.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	fault := s.takeFault(c.path)
	if fault != nil && fault.before(rw, r) {
		s.note(Call{Path: c.path, Body: rawJSON(c.body), Fault: fault.name()})
		return
	}
	if fault != nil && fault.KillToken {
		s.KillToken()
	}
	reply := s.dispatch(c)
	entry := Call{Path: c.path, Body: rawJSON(c.body), Errcode: reply.code(), Note: reply.note}
	if fault != nil && fault.Cut {
		entry.Fault = fault.name()
		s.note(entry)
		hangUp(rw)
		return
	}
	s.note(entry)
	if reply.status != 0 {
		rw.WriteHeader(reply.status)
		return
	}
	rw.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_ = json.NewEncoder(rw).Encode(reply.body)
}

// call is a request as the handlers see it.
type call struct {
	path, method, ip string
	query            map[string][]string
	body             []byte
}

func (c call) arg(name string) string {
	if v := c.query[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// reply is what goes back, with a note for the journal.
type reply struct {
	body   map[string]any
	status int // 0: 200 with body
	note   string
}

func (r reply) code() int {
	n, _ := r.body["errcode"].(int)
	return n
}

func ok(fields map[string]any) reply {
	body := map[string]any{"errcode": 0, "errmsg": "ok"}
	for k, v := range fields {
		body[k] = v
	}
	return reply{body: body}
}

// fail is an error as WeCom words it: the text carries a hint that differs every time and must not be matched on.
func fail(code int, what string) reply {
	return reply{note: what, body: map[string]any{
		"errcode": code,
		"errmsg":  fmt.Sprintf("%s, hint: [%s], from ip: 203.0.113.9, more info at https://open.work.weixin.qq.com/devtool/query?e=%d", what, rand.Text()[:12], code),
	}}
}

func (s *Server) dispatch(c call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.opts.TrustedIPs) > 0 && !contains(s.opts.TrustedIPs, c.ip) && c.path != "webhook/send" {
		return fail(60020, "not allow to access from your ip")
	}
	want := http.MethodPost
	if c.path == "gettoken" {
		want = http.MethodGet
	}
	if c.method != want {
		return fail(43001, "require "+want+" method")
	}
	switch c.path {
	case "gettoken":
		return s.getToken(c)
	case "message/send":
		return s.withToken(c, s.send)
	case "message/update_template_card":
		return s.withToken(c, s.update)
	case "webhook/send":
		return s.webhook(c)
	}
	return reply{status: http.StatusNotFound, note: "unknown path"}
}
