package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"dogwatch/incidents"
)

// Take keeps a batch and returns how many of its reports were accepted. It returns nil only when they are kept;
// any error makes the sender try again. The batch's texts share the memory of one body: whoever keeps one of them
// for long should clone it.
type Take func(ctx context.Context, source string, b incidents.Batch) (accepted int, err error)

// Bury keeps a body that could not be taken, wholly or in part, and returns the dead letter's id. It must not keep
// body itself, whose buffer is used again.
type Bury func(ctx context.Context, source, reason string, body []byte) (id string, err error)

// Note tells that a source is being turned away, for the incident "source rejected". It is called at most once
// a NoteEvery for a source and kind, and not for sources that are not configured.
type Note func(ctx context.Context, source, kind string)

// The kinds of Note.
const (
	NoteUnauthorized = "unauthorized" // a request with a wrong token, or none
	NoteTooLarge     = "too large"    // a body over the limit, which honest senders do not send again
)

// Config is what Doors need. Zero sizes and times take the defaults; the three functions must be set.
type Config struct {
	Take Take
	Bury Bury
	Note Note
	// Log gets the panics of decoders. nil: slog.Default.
	Log *slog.Logger

	MaxBody     int           // bytes of one body, inflated; default 8 MiB
	MaxRatio    int           // inflated bytes for each compressed one, looked at from 64 KiB on; default 100
	MaxRequests int           // requests under way between the end of their body and their answer; default 1024
	MaxBytes    int64         // bytes of all bodies under way, read and decoded; default 64 MiB
	ReadTimeout time.Duration // for the whole of one body; default 10 s
	RetryAfter  time.Duration // what a 503 asks for, in whole seconds; default 1 s
	NoteEvery   time.Duration // least time between two notes of one kind about one source; default 1 min
}

// DefaultConfig has all defaults and none of the functions.
func DefaultConfig() Config {
	return Config{
		MaxBody:     8 << 20,
		MaxRatio:    100,
		MaxRequests: 1024,
		MaxBytes:    64 << 20,
		ReadTimeout: 10 * time.Second,
		RetryAfter:  time.Second,
		NoteEvery:   time.Minute,
	}
}

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	d := DefaultConfig()
	orElse(&c.MaxBody, d.MaxBody)
	orElse(&c.MaxRatio, d.MaxRatio)
	orElse(&c.MaxRequests, d.MaxRequests)
	orElse(&c.MaxBytes, d.MaxBytes)
	orElse(&c.ReadTimeout, d.ReadTimeout)
	orElse(&c.RetryAfter, d.RetryAfter)
	orElse(&c.NoteEvery, d.NoteEvery)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

func orElse[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

// Validate reports all faults at once.
func (c Config) Validate() error {
	c = c.withDefaults()
	var faults []error
	if c.Take == nil || c.Bury == nil || c.Note == nil {
		faults = append(faults, errors.New("check intake: Take, Bury and Note must all be set"))
	}
	for name, value := range map[string]int64{
		"MaxBody": int64(c.MaxBody), "MaxRatio": int64(c.MaxRatio), "MaxRequests": int64(c.MaxRequests), "MaxBytes": c.MaxBytes,
		"ReadTimeout": int64(c.ReadTimeout), "RetryAfter": int64(c.RetryAfter), "NoteEvery": int64(c.NoteEvery),
	} {
		if value < 0 {
			faults = append(faults, fmt.Errorf("check intake: %s is negative", name))
		}
	}
	// A body's buffer grows to one byte more than the body may have, and never starts smaller than firstBuffer.
	if most := int64(max(c.MaxBody+1, keptBuffer)) + int64(c.MaxBody)*decodedWeight; c.MaxBytes < most {
		faults = append(faults, fmt.Errorf("check intake: MaxBytes %d is less than %d, what one body of MaxBody %d needs", c.MaxBytes, most, c.MaxBody))
	}
	return errors.Join(faults...)
}
