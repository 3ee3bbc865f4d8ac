package main

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"dogwatch/schedules"
)

// span of a query: ?from=&to=, RFC 3339, from before to, at most ten years apart.
func spanOf(r *http.Request) (from, to time.Time, err error) {
	q := r.URL.Query()
	if from, err = time.Parse(time.RFC3339, q.Get("from")); err != nil {
		return from, to, invalid("from", "a time as 2026-01-05T09:00:00+08:00")
	}
	if to, err = time.Parse(time.RFC3339, q.Get("to")); err != nil {
		return from, to, invalid("to", "a time as 2026-01-05T09:00:00+08:00")
	}
	if !from.Before(to) || to.Sub(from) > 10*366*24*time.Hour {
		return from, to, invalid("to", "after from, and at most ten years after it")
	}
	return from, to, nil
}

func instantOf(r *http.Request) (time.Time, error) {
	v := r.URL.Query().Get("at")
	if v == "" {
		return time.Now().Truncate(time.Second), nil
	}
	at, err := time.Parse(time.RFC3339, v)
	if err != nil {
		return at, invalid("at", "a time as 2026-01-05T09:00:00+08:00")
	}
	return at, nil
}

// schedule finds the schedule of a path, with the overrides that are kept in Redis.
func (h *house) schedule(r *http.Request) (*schedules.Compiled, error) {
	c := h.engine.Roster().Schedules[r.PathValue("name")]
	if c == nil {
		return nil, refuse(http.StatusNotFound, "there is no schedule "+strconv.Quote(r.PathValue("name")))
	}
	return c, nil
}

func (h *house) listSchedules(context.Context, caller, *http.Request) (int, any, error) {
	type shown struct {
		Name     string `json:"name"`
		Timezone string `json:"timezone"`
	}
	out := []shown{}
	all := h.engine.Roster().Schedules
	for _, name := range keys(all) {
		out = append(out, shown{name, all[name].Timezone()})
	}
	return http.StatusOK, map[string]any{"schedules": out}, nil
}

func (h *house) scheduleOnCall(_ context.Context, _ caller, r *http.Request) (int, any, error) {
	c, err := h.schedule(r)
	if err != nil {
		return 0, nil, err
	}
	at, err := instantOf(r)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, oncallReport{At: at, Basis: basisLive, Schedules: []oncallSchedule{oncallOf(c, at)}}, nil
}

func (h *house) allOnCall(_ context.Context, _ caller, r *http.Request) (int, any, error) {
	at, err := instantOf(r)
	if err != nil {
		return 0, nil, err
	}
	report := oncallReport{At: at, Basis: basisLive, Schedules: []oncallSchedule{}}
	all := h.engine.Roster().Schedules
	for _, name := range keys(all) {
		report.Schedules = append(report.Schedules, oncallOf(all[name], at))
	}
	return http.StatusOK, report, nil
}

func (h *house) scheduleShifts(_ context.Context, _ caller, r *http.Request) (int, any, error) {
	c, err := h.schedule(r)
	if err != nil {
		return 0, nil, err
	}
	from, to, err := spanOf(r)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, shiftsOf(c, from, to), nil
}

func (h *house) scheduleGaps(_ context.Context, _ caller, r *http.Request) (int, any, error) {
	c, err := h.schedule(r)
	if err != nil {
		return 0, nil, err
	}
	from, to, err := spanOf(r)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, gapsOf(c, from, to), nil
}

func (h *house) allGaps(_ context.Context, _ caller, r *http.Request) (int, any, error) {
	from, to, err := spanOf(r)
	if err != nil {
		return 0, nil, err
	}
	out := []gapEntry{}
	all := h.engine.Roster().Schedules
	for _, name := range keys(all) {
		out = append(out, gapsOf(all[name], from, to)...)
	}
	return http.StatusOK, out, nil
}

// dryRoute is POST /api/v1/route?source=&at=: nothing is stored or sent.
func (h *house) dryRoute(_ context.Context, _ caller, r *http.Request) (int, any, error) {
	at, err := instantOf(r)
	if err != nil {
		return 0, nil, err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, nil, refuse(http.StatusRequestEntityTooLarge, "the body is larger than 1 MiB")
	}
	report, err := h.config.Load().dryRun(r.URL.Query().Get("source"), body, at, basisLive)
	if err != nil {
		return 0, nil, invalid("body", err.Error())
	}
	return http.StatusOK, report, nil
}
