package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"
)

var benchLine = regexp.MustCompile(`(?m)^Benchmark(\w+?)(?:-\d+)?\s+\d+\s+([\d.]+) ns/op`)

// onCall runs the benchmarks of schedules: three layers, ten people.
func onCall(ctx context.Context, b *bench, l *line) error {
	said, err := output(ctx, "go", "test", "-run=^$", "-bench=^(BenchmarkOnCall|BenchmarkShiftsYear)$", "-benchtime="+map[bool]string{true: "100ms", false: "1s"}[b.short], "./schedules")
	if err != nil {
		return err
	}
	got := map[string]float64{}
	for _, found := range benchLine.FindAllStringSubmatch(said, -1) {
		ns, err := strconv.ParseFloat(found[2], 64)
		if err != nil {
			return err
		}
		got[found[1]] = round(ns / 1000)
	}
	now, year := got["OnCall"], got["ShiftsYear"]
	if now == 0 || year == 0 {
		return errors.New("read benchmarks of schedules: OnCall and ShiftsYear are not both there")
	}
	l.figure("now_us", now)
	l.figure("year_us", year)
	l.atMost("now_us", now, 5)
	l.atMost("year_us", year, 200)
	return nil
}

// demoStart is from the start of the built program to the first page.
func demoStart(ctx context.Context, b *bench, l *line) error {
	dir, err := os.MkdirTemp(b.dir, "demo-")
	if err != nil {
		return err
	}
	began := time.Now()
	p, err := start("dogwatch demo", nil, b.program, "demo", "--data="+filepath.Join(dir, "data"), "--web.listen-address=127.0.0.1:0")
	if err != nil {
		return err
	}
	defer p.end(syscall.SIGTERM)
	err = until(ctx, 30*time.Second, "the demo shows a page", func() (bool, error) {
		url := listening.FindString(p.said.String())
		return url != "" && answers(ctx, url+"/"), p.lives()
	})
	if err != nil {
		return err
	}
	took := time.Since(began)
	l.Seconds = round(took.Seconds())
	l.atMost("seconds", l.Seconds, 2)
	return nil
}
