package intake

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"dogwatch/incidents"
)

// Path is the prefix of the paths that Handler serves; the source's name follows it.
const Path = "/alerts/"

// Doors take alerts in over HTTP. Make them with New; all methods may be used from several goroutines.
type Doors struct {
	config  Config
	doors   atomic.Pointer[map[string]*door]
	unknown tally
	started time.Time

	closed   atomic.Bool
	requests atomic.Int64
	bytes    atomic.Int64

	changing sync.Mutex // one SetSources at a time
}

// door is one source with its counters.
type door struct {
	Source
	tally *tally
}

// New makes doors without sources: until SetSources everything is answered 401.
func New(config Config) (*Doors, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	d := &Doors{config: config.withDefaults(), started: time.Now()}
	d.doors.Store(&map[string]*door{})
	return d, nil
}

// SetSources replaces all sources at once. Requests under way end under the old ones; a source that stays keeps
// its counters. On an error nothing has changed.
func (d *Doors) SetSources(sources []Source) error {
	d.changing.Lock()
	defer d.changing.Unlock()
	before := *d.doors.Load()
	after := make(map[string]*door, len(sources))
	var faults []error
	for _, source := range sources {
		if err := source.Validate(); err != nil {
			faults = append(faults, err)
		}
		if _, twice := after[source.Name]; twice {
			faults = append(faults, fmt.Errorf("check source %s: there are two of that name", source.Name))
		}
		counts := new(tally)
		if old, stays := before[source.Name]; stays {
			counts = old.tally
		}
		after[source.Name] = &door{Source: source, tally: counts}
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	d.doors.Store(&after)
	return nil
}

// Handler serves POST /alerts/{source}. A wrapper around its ResponseWriter must have Unwrap, or the time limit on
// reading the body cannot be set and every request is answered 500.
func (d *Doors) Handler() http.Handler { return http.HandlerFunc(d.serve) }

func (d *Doors) serve(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutPrefix(r.URL.Path, Path)
	if !ok || name == "" || strings.Contains(name, "/") {
		problem(w, http.StatusNotFound, fault{Detail: "alerts are posted to " + Path + "{source}"})
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		problem(w, http.StatusMethodNotAllowed, fault{Detail: "alerts are posted"})
		return
	}
	door := d.authenticate(name, r)
	if door == nil {
		w.Header().Set("WWW-Authenticate", `Bearer realm="alerts"`)
		problem(w, http.StatusUnauthorized, fault{})
		return
	}
	if d.closed.Load() || d.requests.Load() >= int64(d.config.MaxRequests) {
		door.tally.overloaded.Add(1)
		w.Header().Set("Connection", "close") // rather than read a body that nobody wants
		d.later(w)
		return
	}
	d.receive(visit{w, r, door})
}

// Close turns every further request away with 503, so that its sender goes to another replica or comes again.
// Requests that have been let in go on to their end.
func (d *Doors) Close() { d.closed.Store(true) }

// authenticate finds the door that the request may pass, and is nil when there is none.
func (d *Doors) authenticate(name string, r *http.Request) *door {
	token := presentedToken(r)
	door, known := (*d.doors.Load())[name]
	if !known {
		// The same work as for a known source, so that time does not tell which names exist.
		(&Source{Tokens: make([]TokenHash, 1)}).opens(token)
		d.unknown.requests.Add(1)
		d.unknown.unauthorized.Add(1)
		return nil
	}
	door.tally.requests.Add(1)
	if door.opens(token) {
		return door
	}
	door.tally.unauthorized.Add(1)
	if due(&door.tally.notedUnauthorized, time.Since(d.started), d.config.NoteEvery) {
		d.config.Note(context.WithoutCancel(r.Context()), name, NoteUnauthorized)
	}
	return nil
}

// visit is one request that has been let in.
type visit struct {
	w    http.ResponseWriter
	r    *http.Request
	door *door
}

// receive reads the body of an authenticated request. Only then does the request take one of the places: slow
// senders, however many, do not keep the others out.
func (d *Doors) receive(v visit) {
	body := d.openBody()
	defer body.close()
	if err := body.read(v.w, v.r); err != nil {
		d.refuseBody(v, body, err)
		return
	}
	v.door.tally.bytes.Add(uint64(len(body.data)))
	defer d.requests.Add(-1)
	if d.requests.Add(1) > int64(d.config.MaxRequests) {
		v.door.tally.overloaded.Add(1)
		d.later(v.w)
		return
	}
	d.keep(v, body.data)
}

// keep decodes a body, hands it over and answers.
func (d *Doors) keep(v visit, data []byte) {
	batch, err := d.decode(v.door, data)
	if err != nil {
		d.refuseWhole(v, data, err)
		return
	}
	if len(batch.Rejected) > 0 && len(batch.Reports) == 0 {
		d.refuseAll(v, data, &batch)
		return
	}
	answer := accepted{Rejected: len(batch.Rejected), rejections: batch.Rejected}
	if answer.Rejected > 0 {
		// First the body, then the good alerts: whatever fails, the sender repeats both.
		if answer.DeadLetter, err = d.config.Bury(v.r.Context(), v.door.Name, reasonOf(&batch), data); err != nil {
			v.door.tally.failed.Add(1)
			d.later(v.w)
			return
		}
	}
	if answer.Accepted, err = d.config.Take(v.r.Context(), v.door.Name, batch); err != nil {
		v.door.tally.failed.Add(1)
		d.later(v.w)
		return
	}
	v.door.tally.taken.Add(1)
	v.door.tally.accepted.Add(uint64(answer.Accepted))
	v.door.tally.rejected.Add(uint64(answer.Rejected))
	v.door.tally.truncated.Add(uint64(batch.Truncated))
	v.door.tally.marked.Add(uint64(len(batch.Marks)))
	answer.write(v.w)
}

// decode runs the source's decoder and turns its panic into an ordinary refusal: one poisonous body must not take
// the connection, and must be kept for whoever mends the decoder.
func (d *Doors) decode(door *door, body []byte) (batch incidents.Batch, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			door.tally.panicked.Add(1)
			d.config.Log.Error("decoder panicked", "source", door.Name, "type", door.Type, "stack", string(debug.Stack()))
			batch, err = incidents.Batch{}, &BodyError{Where: "body", Reason: "dogwatch failed on it; this is a fault of dogwatch"}
		}
	}()
	return door.Decode(body)
}
