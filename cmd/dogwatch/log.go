package main

import (
	"io"
	"log/slog"
)

// newLog makes the log of a running dogwatch: JSON by default, one object a line. Values are data and are escaped by slog.
func newLog(w io.Writer, level, shape string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, usage("--log.level is debug, info, warn or error; %q is none", level)
	}
	o := &slog.HandlerOptions{Level: l}
	switch shape {
	case "json":
		return slog.New(slog.NewJSONHandler(w, o)), nil
	case "text", "logfmt":
		return slog.New(slog.NewTextHandler(w, o)), nil
	}
	return nil, usage("--log.format is json or text; %q is neither", shape)
}
