package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// sink is a chat service that takes everything, and knows how old the alerts are whose sending time stands in a post.
type sink struct {
	url  string
	http *http.Server

	mu    sync.Mutex
	posts []posted
	seen  map[int64]time.Duration // by sending time: how long it took to the first post
}

// posted is one post as it came.
type posted struct {
	at      time.Time
	path    string
	channel string
	size    int
	text    string // its first bytes
}

// textMax is how much of a post is kept.
const textMax = 2000

func newSink() (*sink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for chat: %w", err)
	}
	s := &sink{url: "http://" + l.Addr().String() + "/", seen: map[int64]time.Duration{}}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: answerWithin}
	go func() { _ = s.http.Serve(l) }() // it ends with close
	return s, nil
}

func (s *sink) close() { _ = s.http.Close() }

// marker is a sending time in JSON, in a form or in a message's text.
var marker = regexp.MustCompile(`sent_ns[^0-9]{0,20}(\d{19})`)

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	raw, err := io.ReadAll(io.LimitReader(r.Body, 64<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	text := string(raw)
	channel := ""
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		if form, err := url.ParseQuery(text); err == nil {
			channel = form.Get("channel")
			text = form.Get("blocks") + form.Get("attachments") + form.Get("text")
		}
	} else {
		var named struct {
			Channel string `json:"channel"`
		}
		if json.Unmarshal(raw, &named) == nil {
			channel = named.Channel
		}
	}
	s.note(posted{now, r.URL.Path, channel, len(raw), text})
	if channel == "" {
		channel = "C0LOAD"
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"ok":true,"channel":%q,"ts":"%d.%06d"}`, channel, now.Unix(), now.Nanosecond()/1000)
}

func (s *sink) note(p posted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, found := range marker.FindAllStringSubmatch(p.text, -1) {
		ns, err := strconv.ParseInt(found[1], 10, 64)
		if _, known := s.seen[ns]; err == nil && !known {
			s.seen[ns] = p.at.Sub(time.Unix(0, ns))
		}
	}
	p.text = p.text[:min(len(p.text), textMax)]
	s.posts = append(s.posts, p)
}

// arrived is how many sending times were seen, and how long each took.
func (s *sink) arrived() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]time.Duration, 0, len(s.seen))
	for _, d := range s.seen {
		out = append(out, d)
	}
	return out
}

// all is every post so far.
func (s *sink) all() []posted {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]posted(nil), s.posts...)
}

// quiet is how long nothing came.
func (s *sink) quiet() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.posts) == 0 {
		return 0
	}
	return time.Since(s.posts[len(s.posts)-1].at)
}
