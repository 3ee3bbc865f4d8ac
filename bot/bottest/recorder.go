package bottest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"dogwatch/bot"
)

// Call is one call of a Recorder's method, as it came.
type Call struct {
	Op      string // "send", "edit", "find"
	To      bot.Address
	Message bot.Message
	Ref     bot.Ref
	At      time.Time
	Err     error // what was answered
}

// Standing is a message as it stands on a Recorder.
type Standing struct {
	Ref     bot.Ref
	Message bot.Message
	Edits   int
}

// Fault is how a call fails. After: the effect stands and only the answer is lost.
type Fault struct {
	Err   error
	After bool
}

// Recorder is a platform that remembers. The zero value answers everything, has no threads, no limits and finds by key.
type Recorder struct {
	Name string
	// HasThreads, Blind (it cannot look messages up), Limits and Fixed (nothing can be edited) are what it says of itself.
	HasThreads, Blind, Fixed bool
	Limits                   []bot.Budget
	// Once makes every message changeable once per code, as WeCom's cards are.
	Once bool
	// Fail decides how a call fails; nil, or a nil result: it does not. It may block until ctx ends.
	Fail func(ctx context.Context, c Call) *Fault

	mu    sync.Mutex
	calls []Call
	order []string
	at    map[string]*Standing
	next  int
}

// Budgets are the limits of every address.
func (r *Recorder) Budgets(string) []bot.Budget { return r.Limits }

// Threads says whether replies exist.
func (r *Recorder) Threads() bool { return r.HasThreads }

// Editable says whether messages can be changed.
func (r *Recorder) Editable(string) bool { return !r.Fixed }

// Send keeps a message.
func (r *Recorder) Send(ctx context.Context, m bot.Message) (bot.Ref, error) {
	var ref bot.Ref
	err := r.call(ctx, Call{Op: "send", To: m.To, Message: m}, func() error {
		r.next++
		ref = bot.Ref{Platform: r.Name, Channel: m.To.To, ID: fmt.Sprintf("m%d", r.next)}
		if r.Once && m.Card != nil {
			ref.Code, ref.Task = "code-"+ref.ID, "task-"+ref.ID
		}
		if r.at == nil {
			r.at = map[string]*Standing{}
		}
		r.at[ref.ID] = &Standing{Ref: ref, Message: m}
		r.order = append(r.order, ref.ID)
		return nil
	})
	return ref, err
}

// Edit changes a message.
func (r *Recorder) Edit(ctx context.Context, ref bot.Ref, m bot.Message) (bot.Ref, error) {
	err := r.call(ctx, Call{Op: "edit", To: m.To, Message: m, Ref: ref}, func() error {
		s := r.at[ref.ID]
		if s == nil || r.Fixed || r.Once && ref.Code == "" {
			return &bot.SendError{Kind: bot.Gone, Code: "gone"}
		}
		s.Message = m
		s.Edits++
		return nil
	})
	ref.Code = ""
	return ref, err
}

// Find looks a message up by its key.
func (r *Recorder) Find(ctx context.Context, to bot.Address, key string, _ time.Time) (bot.Ref, bool, error) {
	var ref bot.Ref
	found := false
	err := r.call(ctx, Call{Op: "find", To: to, Message: bot.Message{Key: key}}, func() error {
		if r.Blind {
			return bot.ErrCannotFind
		}
		for _, id := range r.order {
			if s := r.at[id]; s != nil && s.Message.Key == key && s.Message.To == to {
				ref, found = s.Ref, true
			}
		}
		return nil
	})
	return ref, found, err
}

// call notes a call and fails as it is told to, before or after the effect.
func (r *Recorder) call(ctx context.Context, c Call, effect func() error) error {
	c.At = time.Now()
	var fault *Fault
	if r.Fail != nil {
		fault = r.Fail(ctx, c)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	err := ctx.Err()
	if fault != nil {
		err = fault.Err
	}
	if err == nil || fault != nil && fault.After {
		if done := effect(); err == nil {
			err = done
		}
	}
	c.Err = err
	r.calls = append(r.calls, c)
	if err != nil && !errors.Is(err, bot.ErrCannotFind) {
		var known *bot.SendError
		if !errors.As(err, &known) {
			err = &bot.SendError{Kind: bot.Unknown, Code: "lost", Err: err}
		}
	}
	return err
}

// Calls are all calls of one kind, "" for all, in order.
func (r *Recorder) Calls(op string) []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Call
	for _, c := range r.calls {
		if op == "" || c.Op == op {
			out = append(out, c)
		}
	}
	return out
}

// Standing are the messages at an address in the order in which they came; without replies in threads.
func (r *Recorder) Standing(to string) []Standing {
	return r.standing(func(s *Standing) bool { return s.Message.To.To == to && s.Message.Thread == nil })
}

// Replies are the messages in the thread of a message.
func (r *Recorder) Replies(ref bot.Ref) []Standing {
	return r.standing(func(s *Standing) bool { return s.Message.Thread != nil && s.Message.Thread.ID == ref.ID })
}

func (r *Recorder) standing(which func(*Standing) bool) []Standing {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Standing
	for _, id := range r.order {
		if s := r.at[id]; s != nil && which(s) {
			out = append(out, *s)
		}
	}
	return out
}

// Delete removes a message as a person could.
func (r *Recorder) Delete(ref bot.Ref) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.at, ref.ID)
	r.order = slices.DeleteFunc(r.order, func(id string) bool { return id == ref.ID })
}
