package main

import (
	"math"
	"slices"
	"time"
)

// line is what a scenario prints.
type line struct {
	Load    string  `json:"load"`
	Short   bool    `json:"short,omitempty"`
	N       int     `json:"n,omitempty"`
	Batch   int     `json:"batch,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
	Rate    float64 `json:"alerts_per_s,omitempty"`
	P50     float64 `json:"p50_ms,omitempty"`
	P99     float64 `json:"p99_ms,omitempty"`
	// CPU seconds for 1000 alerts while the load ran, and how much of the machine was idle or used by others meanwhile.
	ServerCPU float64        `json:"server_cpu_s_per_1000,omitempty"`
	RedisCPU  float64        `json:"redis_cpu_s_per_1000,omitempty"`
	LoaderCPU float64        `json:"loader_cpu_s_per_1000,omitempty"`
	Idle      float64        `json:"idle_cpus,omitempty"`
	Others    float64        `json:"other_cpus,omitempty"`
	RSS       float64        `json:"rss_mib,omitempty"`
	Peak      float64        `json:"peak_rss_mib,omitempty"`
	Figures   map[string]any `json:"figures,omitempty"`
	Rival     *line          `json:"alertmanager,omitempty"`
	Ratio     float64        `json:"ratio,omitempty"`
	Targets   []target       `json:"targets,omitempty"`
	Good      bool           `json:"checks_ok"`
	Failed    string         `json:"failed,omitempty"`
}

// target is a figure, what it should reach, and whether it does.
type target struct {
	Figure  string  `json:"figure"`
	Got     float64 `json:"got"`
	AtLeast float64 `json:"at_least,omitempty"`
	AtMost  float64 `json:"at_most,omitempty"`
	Reached bool    `json:"reached"`
}

func (l *line) atLeast(figure string, got, reach float64) {
	l.Targets = append(l.Targets, target{Figure: figure, Got: got, AtLeast: reach, Reached: got >= reach})
}

func (l *line) atMost(figure string, got, reach float64) {
	l.Targets = append(l.Targets, target{Figure: figure, Got: got, AtMost: reach, Reached: got <= reach})
}

func (l *line) figure(name string, value any) {
	if l.Figures == nil {
		l.Figures = map[string]any{}
	}
	l.Figures[name] = value
}

// quantile of durations, in ms. It sorts them; 0 for none.
func quantile(all []time.Duration, q float64) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return ms(all[int(q*float64(len(all)-1)+0.5)])
}

func ms(d time.Duration) float64 { return round(float64(d) / float64(time.Millisecond)) }

// round keeps four digits: nothing here is known better.
func round(v float64) float64 {
	if v == 0 {
		return 0
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}
