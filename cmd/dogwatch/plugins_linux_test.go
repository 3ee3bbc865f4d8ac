package main

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dogwatch/actions/command"
)

// The keys of runners.command that check and schema know are those that the runner decodes; they are written out in
// plugins.go because the runner is there on Linux only.
func TestCommandSettings(t *testing.T) {
	tags := func(of reflect.Type) (all []string) {
		for i := range of.NumField() {
			all = append(all, of.Field(i).Tag.Get("yaml")+" "+of.Field(i).Type.String())
		}
		return all
	}
	want, got := tags(reflect.TypeFor[command.Config]()), tags(reflect.TypeFor[commandSettings]())
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-runner +here):\n%s", diff)
	}
}
