package web

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"
)

// A live page is a stream of server-sent events, each of which is the changing part of the page as it is now. Nothing is lost
// when events are: the next one holds everything.
const (
	pace     = 200 * time.Millisecond // between two events of a page about one thing
	broad    = time.Second            // between two of a page about everything: in a storm it changes all the time
	beat     = 15 * time.Second       // a comment at least this often, so that proxies keep the stream
	lookEach = 5 * time.Second        // how often the session is looked at
	longest  = 15 * time.Minute       // of one stream; the browser comes back
)

func (v *visit) live(rw http.ResponseWriter, p page) {
	select {
	case v.streams <- struct{}{}:
		defer func() { <-v.streams }()
	default:
		rw.Header().Set("Retry-After", "10")
		http.Error(rw, "too many live pages", http.StatusServiceUnavailable)
		return
	}
	ctx, cancel := context.WithTimeout(v.r.Context(), longest)
	defer cancel()
	rw.Header().Set("Content-Type", "text/event-stream")
	rw.Header().Set("X-Accel-Buffering", "no")
	s := stream{visit: v, page: p, to: rw, flush: http.NewResponseController(rw).Flush}
	s.run(ctx)
}

// stream is one live page.
type stream struct {
	*visit
	page   page
	to     io.Writer
	flush  func() error
	last   string    // what the browser shows
	told   time.Time // when it was last written to
	looked time.Time // when the session was last looked at
}

func (s *stream) run(ctx context.Context) {
	watch := s.console.Watch()
	defer watch.Stop()
	s.looked, s.told = time.Now(), time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	for {
		if !s.stillIn() {
			s.event("over", "1")
			return
		}
		sh, err := s.update(ctx)
		if err != nil {
			return // the browser comes back and is told then
		}
		watch.Only(sh.Subjects...)
		again := sh.Again
		if again == 0 {
			again = calm
		}
		timer.Reset(again)
		select {
		case <-ctx.Done():
			return
		case <-s.drain:
			return
		case <-watch.C:
			rest := pace
			if len(sh.Subjects) == 0 {
				rest = broad
			}
			if !s.wait(ctx, timer, rest) {
				return
			}
		case <-timer.C:
		}
	}
}

// wait lets changes that come together be one event.
func (s *stream) wait(ctx context.Context, timer *time.Timer, d time.Duration) bool {
	timer.Reset(d)
	select {
	case <-ctx.Done():
		return false
	case <-s.drain:
		return false
	case <-timer.C:
		return true
	}
}

// stillIn looks now and then whether the session stands, without keeping it alive.
func (s *stream) stillIn() bool {
	if time.Since(s.looked) < lookEach {
		return true
	}
	s.looked = time.Now()
	now, ok, err := s.enter(s.r, "look")
	if err != nil {
		return true // the store is away; what is shown stays
	}
	if ok {
		s.who = now.who
	}
	return ok
}

// update sends what the page shows now, if that is something else.
func (s *stream) update(ctx context.Context) (shown, error) {
	sc, sh, err := s.screen(ctx, s.page)
	if err != nil {
		return sh, err
	}
	html, err := s.region(sc)
	switch {
	case err != nil:
		s.log.Error("live page not rendered", "page", s.page.name, "error", err)
	case html != s.last:
		s.last = html
		err = s.event("", fresh(html))
	case time.Since(s.told) >= beat:
		err = s.line(":\n\n")
	}
	return sh, err
}

func (s *stream) event(name, data string) error {
	var b strings.Builder
	if name != "" {
		b.WriteString("event: " + name + "\n")
	}
	for line := range strings.Lines(data) {
		b.WriteString("data: " + strings.TrimRight(line, "\r\n") + "\n")
	}
	return s.line(b.String() + "\n")
}

func (s *stream) line(text string) error {
	if _, err := io.WriteString(s.to, text); err != nil {
		return err
	}
	s.told = time.Now()
	return s.flush()
}
