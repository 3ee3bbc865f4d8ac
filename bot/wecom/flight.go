package wecom

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"dogwatch/bot"
	"dogwatch/internal/text"
)

// remember is how long a delivery's answer is kept for repeats. WeCom repeats within half a minute.
const remember = 2 * time.Minute

const (
	workers  = 64               // deliveries with the Inbox at one time
	workTime = 30 * time.Second // for one of them, its answer included
)

// flight is one delivery on its way through the Inbox. The first handler that meets it starts it; repeats join.
type flight struct {
	done chan struct{} // closed when reply and err are set
	// Guarded by WeCom.mu.
	waiting int // handlers that wait for the reply
	claimed bool
	ended   time.Time // zero while it is under way
	reply   string
	err     error
}

var errBusy = errors.New("too many callbacks at once, or the platform is not running")

// take brings a delivery to the Inbox, once, and waits a while for the answer. The status is 200, 500 if the delivery should
// be repeated, 503 if it was not begun. An answer that takes longer is sent as a message.
func (w *WeCom) take(ctx context.Context, m *inner, inbox bot.Inbox) (reply string, status int) {
	id := m.id()
	timer := time.NewTimer(w.wait)
	defer timer.Stop()
	f, mine := w.board(id)
	if mine {
		select {
		case w.jobs <- func(ctx context.Context) { w.fly(ctx, f, m, inbox) }:
		case <-timer.C:
			w.land(f, "", errBusy)
			return "", http.StatusServiceUnavailable
		case <-ctx.Done():
			w.land(f, "", ctx.Err())
			return "", http.StatusServiceUnavailable
		}
	}
	select {
	case <-f.done:
	case <-timer.C:
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	f.waiting--
	switch {
	case f.ended.IsZero():
		return "", http.StatusOK // the answer will follow as a message
	case f.err != nil:
		return "", http.StatusInternalServerError
	}
	return f.reply, http.StatusOK
}

// board is the delivery's flight and whether the caller must start it. One that failed is flown again.
func (w *WeCom) board(id string) (f *flight, mine bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	for old, f := range w.flights {
		if !f.ended.IsZero() && now.Sub(f.ended) > remember {
			delete(w.flights, old)
		}
	}
	f = w.flights[id]
	if f == nil || f.err != nil {
		claimed := f != nil && f.claimed
		f, mine = &flight{done: make(chan struct{}), claimed: claimed}, true
		w.flights[id] = f
	}
	f.waiting++
	return f, mine
}

// land ends a flight and says whether somebody waits for its reply.
func (w *WeCom) land(f *flight, reply string, err error) (heard bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	heard = f.waiting > 0
	if !heard {
		reply = "" // it goes as a message, and a later repeat must not show it twice
	}
	f.reply, f.err, f.ended = reply, err, w.now()
	close(f.done)
	return heard
}

// fly does the work of one delivery: claim it, ask the Inbox, land, send what the reply could not carry.
func (w *WeCom) fly(ctx context.Context, f *flight, m *inner, inbox bot.Inbox) {
	id := m.id()
	mine, err := w.claim(ctx, f, id)
	if err == nil && !mine {
		w.land(f, "", nil) // another replica, or this one before a restart, has it
		return
	}
	var a bot.Answer
	if m.isPress() {
		if err == nil {
			a, err = inbox.Press(ctx, m.press(id))
		}
		if err != nil {
			w.log.Error("wecom press not taken", "error", err.Error())
		}
		// The vendor documents text as a reply to messages, but not to a press, so that answer goes as a message.
		w.land(f, "", err)
		if err == nil {
			reply, rest := w.spoken(a, m.From, id)
			w.later(ctx, m.From, append(w.asMessage(m.From, reply), rest...))
		}
		return
	}
	if err == nil {
		a, err = inbox.Say(ctx, bot.Utterance{Account: m.account(), ID: id, Text: m.line()})
	}
	if err != nil {
		// No error to WeCom: it may not repeat, and the person would hear nothing. They can say it again.
		w.log.Error("wecom line not taken", "error", err.Error())
		a = bot.Answer{Text: text.Say(text.Chinese, "wecom.unavailable") + "\n" + text.Say(text.English, "wecom.unavailable")}
	}
	reply, rest := w.spoken(a, m.From, id)
	if !w.land(f, reply, nil) {
		rest = append(w.asMessage(m.From, reply), rest...)
	}
	w.later(ctx, m.From, rest)
}

// claim says whether the delivery is ours to handle. One that failed here after it was claimed still is.
func (w *WeCom) claim(ctx context.Context, f *flight, id string) (bool, error) {
	if f.claimed {
		return true, nil
	}
	first, err := w.seen(ctx, "wecom/"+id, seenFor)
	w.mu.Lock()
	defer w.mu.Unlock()
	f.claimed = err == nil && first
	return f.claimed, err
}

// Run does the work of the callbacks until ctx ends, and returns when all that was begun has ended. Without it every
// callback is answered 503.
func (w *WeCom) Run(ctx context.Context) error {
	var begun sync.WaitGroup
	defer begun.Wait()
	slots := make(chan struct{}, workers)
	for {
		select {
		case <-ctx.Done():
			return nil
		case slots <- struct{}{}:
		}
		select {
		case <-ctx.Done():
			return nil
		case do := <-w.jobs:
			begun.Go(func() {
				defer func() { <-slots }()
				ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), workTime)
				defer cancel()
				do(ctx)
			})
		}
	}
}
