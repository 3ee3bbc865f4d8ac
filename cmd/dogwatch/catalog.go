package main

import (
	"errors"
	"fmt"

	"dogwatch/actions"
)

// fills is what an action carries out, in a runner's own keys: it puts itself into the definition.
type fills interface{ fill(*actions.Definition) }

func (r *commandRun) fill(d *actions.Definition) {
	d.Argv, d.Dir, d.Timeout = r.Argv, r.Dir, r.Timeout.Std()
}

// catalogOf compiles the configured actions.
func catalogOf(cfg *Config) (*actions.Catalog, error) {
	var all []actions.Definition
	for _, name := range keys(cfg.Actions) {
		d, err := definitionOf(name, cfg.Actions[name])
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	catalog, faults := actions.NewCatalog(all)
	var errs []error
	for _, f := range faults {
		errs = append(errs, f)
	}
	return catalog, errors.Join(errs...)
}

func definitionOf(name string, a *actionConfig) (actions.Definition, error) {
	d := actions.Definition{Name: name, Title: a.Title, Runner: a.Runner, Params: map[string]actions.Param{}, Approval: actions.Approval{
		None: a.Approval.None, Approvers: a.Approval.Approvers, Quorum: a.Approval.Quorum, Expires: a.Approval.Expires.Std(), Own: !a.Approval.FourEyes,
	}}
	run := runnerPlugins[a.Runner].run()
	if err := a.Run.Decode(run); err != nil {
		return d, err
	}
	f, ok := run.(fills)
	if !ok {
		return d, fmt.Errorf("define action %s: runner %s carries nothing out", name, a.Runner)
	}
	f.fill(&d)
	for p, c := range a.Params {
		d.Params[p] = actions.Param{Title: c.Title, Type: c.Type, Pattern: c.Pattern, Enum: c.Enum, MaxLength: c.MaxLength,
			Min: c.Min, Max: c.Max, Default: c.Default, Required: c.Required, LeadingDash: c.LeadingDash}
	}
	return d, nil
}
