package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dogwatch/schedules"
)

// What these commands print, and the API answers. Times carry the schedule's offset.
type (
	oncallReport struct {
		At time.Time `json:"at"`
		// Basis is "file" (computed from a file, without overrides kept in Redis) or "live" (a running dogwatch's answer).
		Basis     string           `json:"basis"`
		Schedules []oncallSchedule `json:"schedules"`
	}
	oncallSchedule struct {
		Name   string       `json:"name"`
		OnCall []oncallDuty `json:"on_call"`
	}
	oncallDuty struct {
		Person string     `json:"person"`
		Layer  string     `json:"layer"`
		Start  time.Time  `json:"start"`
		End    *time.Time `json:"end"` // nil: without end
	}
	shiftEntry struct {
		Start  time.Time `json:"start"`
		End    time.Time `json:"end"`
		Person string    `json:"person"`
	}
	gapEntry struct {
		Schedule string    `json:"schedule"`
		Start    time.Time `json:"start"`
		End      time.Time `json:"end"`
	}
)

// The bases of an answer.
const (
	basisFile = "file"
	basisLive = "live"
)

func oncallOf(s *schedules.Compiled, at time.Time) oncallSchedule {
	out := oncallSchedule{Name: s.Name(), OnCall: []oncallDuty{}}
	for _, d := range s.At(at) {
		duty := oncallDuty{Person: d.Person, Layer: d.Layer, Start: d.Start}
		if !d.End.IsZero() {
			duty.End = &d.End
		}
		out.OnCall = append(out.OnCall, duty)
	}
	return out
}

func shiftsOf(s *schedules.Compiled, from, to time.Time) []shiftEntry {
	out := []shiftEntry{}
	for _, x := range s.Shifts(from, to) {
		out = append(out, shiftEntry{x.Start, x.End, x.Person})
	}
	return out
}

func gapsOf(s *schedules.Compiled, from, to time.Time) []gapEntry {
	out := []gapEntry{}
	for _, g := range s.Gaps(from, to) {
		out = append(out, gapEntry{s.Name(), g.Start, g.End})
	}
	return out
}

// duties answers from a file or from a running dogwatch.
type duties struct {
	basis string
	// names are the schedules that were asked for, or all; one that does not exist is an error.
	names  func(asked []string) ([]string, error)
	oncall func(name string, at time.Time) (oncallSchedule, error)
	shifts func(name string, from, to time.Time) ([]shiftEntry, error)
	gaps   func(name string, from, to time.Time) ([]gapEntry, error)
}

// fromFile answers from a configuration alone.
func fromFile(c *Config) *duties {
	return &duties{
		basis: basisFile,
		names: func(asked []string) ([]string, error) {
			if len(asked) == 0 {
				return keys(c.compiled), nil
			}
			for _, name := range asked {
				if _, ok := c.compiled[name]; !ok {
					return nil, failed("there is no schedule %q (%s)", name, nearestOr(name, keys(c.compiled)))
				}
			}
			return asked, nil
		},
		oncall: func(name string, at time.Time) (oncallSchedule, error) { return oncallOf(c.compiled[name], at), nil },
		shifts: func(name string, from, to time.Time) ([]shiftEntry, error) {
			return shiftsOf(c.compiled[name], from, to), nil
		},
		gaps: func(name string, from, to time.Time) ([]gapEntry, error) {
			return gapsOf(c.compiled[name], from, to), nil
		},
	}
}

func newOncallCommand(a *app) *cobra.Command {
	c := &cobra.Command{Use: "oncall [SCHEDULE…]", Short: a.say("oncall")}
	output, place, at := a.formatFlag(c), a.placeFlags(c), &instant{}
	c.Flags().Var(at, "at", a.say("flag_at"))
	c.RunE = func(c *cobra.Command, asked []string) error {
		from, err := place.open(c.Context())
		if err != nil {
			return err
		}
		if !at.set {
			at.Time = a.now().Truncate(time.Second)
		}
		names, err := from.names(asked)
		if err != nil {
			return err
		}
		report := oncallReport{At: at.Time, Basis: from.basis, Schedules: []oncallSchedule{}}
		empty := false
		for _, name := range names {
			s, err := from.oncall(name, at.Time)
			if err != nil {
				return err
			}
			empty = empty || len(s.OnCall) == 0
			report.Schedules = append(report.Schedules, s)
		}
		if err := a.showOncall(report, output.value); err != nil {
			return err
		}
		if empty {
			return &notGood{}
		}
		return nil
	}
	return c
}

func (a *app) showOncall(r oncallReport, output string) error {
	if output == "json" {
		return a.printJSON(r)
	}
	rows := [][]string{{a.say("col_schedule"), a.say("col_person"), a.say("col_layer"), a.say("col_until")}}
	for _, s := range r.Schedules {
		for _, d := range s.OnCall {
			until := a.say("open_end")
			if d.End != nil {
				until = d.End.Format(time.RFC3339)
			}
			rows = append(rows, []string{s.Name, d.Person, d.Layer, until})
		}
		if len(s.OnCall) == 0 {
			rows = append(rows, []string{s.Name, a.say("nobody"), "", ""})
		}
	}
	if err := a.table(rows); err != nil {
		return err
	}
	a.basis(r.Basis)
	return nil
}

// basis says below a table what it was made from.
func (a *app) basis(basis string) { fmt.Fprintln(a.out, a.say("basis_"+basis)) }

func newShiftsCommand(a *app) *cobra.Command {
	c := &cobra.Command{Use: "shifts SCHEDULE", Short: a.say("shifts"), Args: cobra.ExactArgs(1)}
	output, place, span := a.formatFlag(c, "ics"), a.placeFlags(c), a.spanFlags(c)
	c.RunE = func(c *cobra.Command, asked []string) error {
		if err := span.check(); err != nil {
			return err
		}
		from, err := place.open(c.Context())
		if err != nil {
			return err
		}
		names, err := from.names(asked)
		if err != nil {
			return err
		}
		shifts, err := from.shifts(names[0], span.from.Time, span.to.Time)
		if err != nil {
			return err
		}
		return a.showShifts(names[0], shifts, from.basis, output.value)
	}
	return c
}

func (a *app) showShifts(schedule string, shifts []shiftEntry, basis, output string) error {
	switch output {
	case "json":
		return a.printJSON(shifts)
	case "ics":
		return a.writeCalendar(schedule, shifts)
	}
	rows := [][]string{{a.say("col_start"), a.say("col_end"), a.say("col_person")}}
	for _, s := range shifts {
		rows = append(rows, []string{s.Start.Format(time.RFC3339), s.End.Format(time.RFC3339), s.Person})
	}
	if err := a.table(rows); err != nil {
		return err
	}
	a.basis(basis)
	return nil
}

func newGapsCommand(a *app) *cobra.Command {
	c := &cobra.Command{Use: "gaps [SCHEDULE…]", Short: a.say("gaps")}
	output, place, span := a.formatFlag(c), a.placeFlags(c), a.spanFlags(c)
	c.RunE = func(c *cobra.Command, asked []string) error {
		if err := span.check(); err != nil {
			return err
		}
		from, err := place.open(c.Context())
		if err != nil {
			return err
		}
		names, err := from.names(asked)
		if err != nil {
			return err
		}
		all := []gapEntry{}
		for _, name := range names {
			gaps, err := from.gaps(name, span.from.Time, span.to.Time)
			if err != nil {
				return err
			}
			all = append(all, gaps...)
		}
		if err := a.showGaps(all, strings.Join(names, ", "), from.basis, output.value); err != nil {
			return err
		}
		if len(all) > 0 {
			return &notGood{}
		}
		return nil
	}
	return c
}

func (a *app) showGaps(gaps []gapEntry, names, basis, output string) error {
	if output == "json" {
		return a.printJSON(gaps)
	}
	if len(gaps) == 0 {
		fmt.Fprintln(a.out, a.say("no_gaps", "schedules", names))
	} else {
		rows := [][]string{{a.say("col_schedule"), a.say("col_start"), a.say("col_end")}}
		for _, g := range gaps {
			rows = append(rows, []string{g.Schedule, g.Start.Format(time.RFC3339), g.End.Format(time.RFC3339)})
		}
		if err := a.table(rows); err != nil {
			return err
		}
	}
	a.basis(basis)
	return nil
}
