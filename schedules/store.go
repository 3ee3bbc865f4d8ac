package schedules

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"dogwatch/internal/state"
)

//go:embed override.lua
var overrideSource string

//go:embed uncover.lua
var uncoverSource string

var (
	overrideScript = state.NewScript("override", overrideSource)
	uncoverScript  = state.NewScript("uncover", uncoverSource)
)

// Bounds of what is kept for one schedule.
const (
	keptAfterEnd  = 30 * day
	mostOverrides = 500
)

// The answers that refuse an override, beside *ConflictError.
var (
	ErrPast          = errors.New("the override is over already")
	ErrEmptyOverride = errors.New("the override ends before it starts")
	ErrUnknownPerson = errors.New("nobody is called so")
	ErrTooMany       = errors.New("the schedule has too many overrides")
	ErrNoOverride    = errors.New("there is no such override")
)

// ConflictError refuses an override that has an instant in common with Existing.
type ConflictError struct{ Existing Override }

func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s is already put in from %s to %s", e.Existing.Person,
		e.Existing.Start.Format(time.RFC3339), e.Existing.End.Format(time.RFC3339))
}

// By is who makes a change, through which door, and the request that makes a repeat the same change ("": none does).
type By struct{ Person, Via, Request string }

// Overrides keeps the overrides that people make by hand. All methods are safe for concurrent use. Whether the person may
// make them is the caller's to decide, before.
type Overrides struct {
	store *state.Store
	keys  keys
}

// NewOverrides are the overrides kept in a store.
func NewOverrides(s *state.Store) *Overrides { return &Overrides{s, keys{s}} }

// Add keeps an override of a schedule and returns it with its ID. It is refused with *ConflictError if it has an instant in
// common with one that is kept or one of the file, and with ErrPast, ErrEmptyOverride, ErrUnknownPerson or ErrTooMany.
func (k *Overrides) Add(ctx context.Context, by By, c *Compiled, o Override) (Override, error) {
	o.Start, o.End = c.zone.time(seconds(o.Start)), c.zone.time(seconds(o.End))
	if err := c.judge(o); err != nil {
		return Override{}, fmt.Errorf("override schedule %s: %w", c.name, err)
	}
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return Override{}, fmt.Errorf("override schedule %s: make id: %w", c.name, err)
	}
	o.ID = hex.EncodeToString(random[:])
	f, err := k.store.Do(ctx, state.Call{
		Script: overrideScript, Shard: k.keys.shard(c.name), Request: by.repeat("override", c.name),
		// The id is not in the entry: a repeat draws another one, and what is entered must be what was asked.
		Audit: by.entry("schedule.override", c.name, map[string]any{"person": o.Person, "start": o.Start.Unix(), "end": o.End.Unix()}),
		Keys:  []string{k.keys.overrides(c.name)},
		Args: []any{c.name, o.ID, o.Start.Unix(), o.End.Unix(), o.Person, clean(by.Person), clean(by.Via),
			int64(keptAfterEnd), mostOverrides},
	})
	if err != nil {
		return Override{}, fmt.Errorf("override schedule %s: %w", c.name, err)
	}
	switch {
	case f[0] == "ok" && len(f) == 2:
		o.ID = f[1]
		return o, nil
	case f[0] == "conflict" && len(f) == 5:
		var existing Override
		if existing, err = readOverride(f[1], f[2:]); err == nil {
			err = &ConflictError{existing}
		}
	case f[0] == "past":
		err = ErrPast
	case f[0] == "full":
		err = ErrTooMany
	default:
		err = fmt.Errorf("unexpected answer %q", f)
	}
	return Override{}, fmt.Errorf("override schedule %s: %w", c.name, err)
}

// judge refuses what can be refused without Redis.
func (c *Compiled) judge(o Override) error {
	if !o.Start.Before(o.End) {
		return ErrEmptyOverride
	}
	if _, known := c.directory.Person(o.Person); !known {
		return ErrUnknownPerson
	}
	for _, s := range c.written {
		if s.Overlaps(o) {
			return &ConflictError{s}
		}
	}
	return nil
}

// Remove takes an override away; ErrNoOverride if there is none with this ID.
func (k *Overrides) Remove(ctx context.Context, by By, schedule, id string) error {
	f, err := k.store.Do(ctx, state.Call{
		Script: uncoverScript, Shard: k.keys.shard(schedule), Request: by.repeat("uncover", schedule+"\x00"+id),
		Audit: by.entry("schedule.override.remove", schedule, map[string]any{"override": id}),
		Keys:  []string{k.keys.overrides(schedule)},
		Args:  []any{schedule, id},
	})
	if err == nil && f[0] != "ok" {
		err = ErrNoOverride
	}
	if err != nil {
		return fmt.Errorf("remove override %s of schedule %s: %w", id, schedule, err)
	}
	return nil
}

// List are the overrides kept for a schedule by start, those that ended in the last month too: what WithOverrides takes.
func (k *Overrides) List(ctx context.Context, schedule string) ([]Override, error) {
	kept, err := k.store.Client().HGetAll(ctx, k.keys.overrides(schedule)).Result()
	if err != nil {
		return nil, fmt.Errorf("list overrides of schedule %s: %w", schedule, err)
	}
	var all []Override
	for id, packed := range kept {
		o, err := readOverride(id, strings.Split(packed, "\x1f"))
		if err != nil {
			return nil, fmt.Errorf("list overrides of schedule %s: %w", schedule, err)
		}
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b Override) int { return a.Start.Compare(b.Start) })
	return all, nil
}

// readOverride reads start, end and person.
func readOverride(id string, fields []string) (Override, error) {
	if len(fields) < 3 {
		return Override{}, fmt.Errorf("read override %s: %d fields", id, len(fields))
	}
	start, err := strconv.ParseInt(fields[0], 10, 64)
	end, errEnd := strconv.ParseInt(fields[1], 10, 64)
	if err = errors.Join(err, errEnd); err != nil {
		return Override{}, fmt.Errorf("read override %s: %w", id, err)
	}
	return Override{ID: id, Person: fields[2], Start: time.Unix(start, 0).UTC(), End: time.Unix(end, 0).UTC()}, nil
}

// repeat is the request id under which the shard remembers this change.
func (by By) repeat(verb, subject string) string {
	if by.Request == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(verb + "\x00" + subject + "\x00" + by.Request))
	return "rq-" + hex.EncodeToString(sum[:16])
}

// entry is the audit's canonical JSON: keys in alphabetical order, no spaces.
func (by By) entry(do, schedule string, data map[string]any) []byte {
	out, err := json.Marshal(map[string]any{"do": do, "schedule": schedule, "by": by.Person, "via": by.Via, "data": data})
	if err != nil {
		return []byte(`{"do":"` + do + `"}`) // cannot be: it holds only text and numbers
	}
	return out
}

// clean takes the separator of packed fields out of a text.
func clean(s string) string { return strings.ReplaceAll(s, "\x1f", " ") }
