package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"dogwatch/escalation"
	"dogwatch/incidents"
	"dogwatch/internal/state"
	"dogwatch/schedules"
)

// overrideView is an override as the API shows it.
type overrideView struct {
	ID     string    `json:"id"`
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
	Person string    `json:"person"`
}

// addOverride is POST /api/v1/schedules/{name}/overrides {"person","start","end"}.
func (h *house) addOverride(ctx context.Context, who caller, r *http.Request) (int, any, error) {
	var in struct {
		Person string    `json:"person"`
		Start  time.Time `json:"start"`
		End    time.Time `json:"end"`
	}
	if err := read(r, &in); err != nil {
		return 0, nil, err
	}
	o, err := h.override(ctx, who.by(r), r.PathValue("name"), schedules.Override{Person: in.Person, Start: in.Start, End: in.End})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, overrideView{o.ID, o.Start, o.End, o.Person}, nil
}

// override puts somebody in for somebody else, whichever way the wish came, and puts it in force here at once.
func (h *house) override(ctx context.Context, by incidents.By, schedule string, o schedules.Override) (schedules.Override, error) {
	if err := h.incidents.Allowed("override", by); err != nil {
		return o, err
	}
	c := h.config.Load().compiled[schedule]
	if c == nil {
		return o, refuse(http.StatusNotFound, "there is no schedule of this name")
	}
	made, err := h.overrides.Add(ctx, schedules.By{Person: by.Person, Via: by.Via, Request: by.Request}, c, o)
	var taken *schedules.ConflictError
	switch {
	case errors.As(err, &taken):
		return o, conflict(err.Error(), "taken", taken.Existing.Person, taken.Existing.Start)
	case errors.Is(err, schedules.ErrUnknownPerson):
		return o, invalid("person", err.Error())
	case errors.Is(err, schedules.ErrPast), errors.Is(err, schedules.ErrEmptyOverride):
		return o, invalid("end", err.Error())
	case errors.Is(err, schedules.ErrTooMany):
		return o, refuse(http.StatusConflict, err.Error())
	case err != nil:
		return o, err
	}
	// It is kept and said in the log, which every replica follows; here it counts from now on, also if the caller has gone.
	if err := h.refreshRoster(context.WithoutCancel(ctx)); err != nil {
		h.log.Warn("an override counts here a little later", "schedule", schedule, "error", err.Error())
	}
	return made, nil
}

func (h *house) listOverrides(ctx context.Context, _ caller, r *http.Request) (int, any, error) {
	if _, err := h.schedule(r); err != nil {
		return 0, nil, err
	}
	list, err := h.overrides.List(ctx, r.PathValue("name"))
	if err != nil {
		return 0, nil, err
	}
	out := []overrideView{}
	for _, o := range list {
		out = append(out, overrideView{o.ID, o.Start, o.End, o.Person})
	}
	return http.StatusOK, map[string]any{"overrides": out}, nil
}

// refreshRoster reads the kept overrides, lays them over the configured schedules and puts the result in force.
func (h *house) refreshRoster(ctx context.Context) error {
	h.rosterMu.Lock()
	defer h.rosterMu.Unlock()
	cfg := h.config.Load()
	kept := map[string][]schedules.Override{}
	for name := range cfg.compiled {
		list, err := h.overrides.List(ctx, name)
		if err != nil {
			return err
		}
		kept[name] = list
	}
	h.kept = kept
	h.engine.Use(h.setup(cfg))
	return nil
}

// firstRoster reads the overrides of a new configuration, at the start before anything runs: whoever stands in for somebody must
// be paged from the first page on.
func (h *house) firstRoster() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return h.refreshRoster(ctx)
}

// useRoster puts a configuration in force together with the overrides that are known.
func (h *house) useRoster(cfg *Config) {
	h.rosterMu.Lock()
	defer h.rosterMu.Unlock()
	h.config.Store(cfg)
	h.engine.Use(h.setup(cfg))
}

// setup is the half of the escalation engine that the configuration gives, with the overrides that are known.
func (h *house) setup(cfg *Config) *escalation.Setup {
	setup := setupOf(cfg)
	over := map[string]*schedules.Compiled{}
	for name, c := range cfg.compiled {
		over[name] = c.WithOverrides(h.kept[name])
	}
	setup.Roster.Schedules = over
	return setup
}

// followOverrides keeps the roster equal to what other replicas enter.
func (h *house) followOverrides(ctx context.Context) error {
	changed := make(chan struct{}, 1)
	poke := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	done := make(chan struct{})
	followed := 0
	for n := range h.store.Shards() {
		followed++
		go func() {
			h.store.Follow(ctx, n, func(list []state.Change) {
				for _, c := range list {
					if c.Kind == "override" || c.Kind == "uncover" {
						poke()
					}
				}
			}, poke)
			done <- struct{}{}
		}()
	}
	t := time.NewTicker(time.Minute)
	defer t.Stop()
	for ctx.Err() == nil {
		if err := h.refreshRoster(ctx); err != nil && ctx.Err() == nil {
			h.log.Warn("overrides cannot be read; those known stay in force", "error", err.Error())
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-t.C:
		}
	}
	for range followed {
		<-done
	}
	return nil
}
