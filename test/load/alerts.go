package main

import (
	"strconv"
	"time"
)

// population is a set of alerts, each told by its number: the same seed and number are the same alert.
type population struct {
	seed  string
	epoch time.Time // about when they began
	v2    bool      // as Prometheus posts to Alertmanager, not as Alertmanager's webhook
}

// body says what one request carries: alerts of one group, numbered from first.
type body struct {
	group    int
	first, n int
	resolved bool
	severity string // "" is critical
	summary  string // "" is a usual one
}

const (
	layout = "2006-01-02T15:04:05.000Z"
	extra  = 4 // labels beyond the six that each alert has
)

// append writes a request's body behind what is in b.
func (p *population) append(b []byte, r body, now time.Time) []byte {
	if r.severity == "" {
		r.severity = "critical"
	}
	if r.summary == "" {
		r.summary = "the disk fills up"
	}
	status := "firing"
	if r.resolved {
		status = "resolved"
	}
	if p.v2 {
		b = append(b, '[')
	} else {
		b = p.appendHead(b, r, status)
	}
	for i := range r.n {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '{')
		if !p.v2 {
			b = append(b, `"status":"`+status+`","fingerprint":"`...)
			b = p.appendPrint(b, r.first+i)
			b = append(b, `",`...)
		}
		b = p.appendAlert(b, r, r.first+i, now)
		b = append(b, '}')
	}
	b = append(b, ']')
	if !p.v2 {
		b = append(b, '}')
	}
	return b
}

func (p *population) appendHead(b []byte, r body, status string) []byte {
	b = append(b, `{"version":"4","status":"`+status+`","receiver":"dogwatch","truncatedAlerts":0,"externalURL":"http://127.0.0.1:9093","groupKey":"{}:{alertname=\"`...)
	b = p.appendName(b, r.group)
	b = append(b, `\"}","groupLabels":{"alertname":"`...)
	b = p.appendName(b, r.group)
	b = append(b, `"},"commonLabels":{"alertname":"`...)
	b = p.appendName(b, r.group)
	return append(b, `","env":"prod","job":"node"},"commonAnnotations":{},"alerts":[`...)
}

func (p *population) appendAlert(b []byte, r body, id int, now time.Time) []byte {
	b = append(b, `"labels":{"alertname":"`...)
	b = p.appendName(b, r.group)
	b = append(b, `","env":"prod","instance":"`...)
	b = p.appendInstance(b, id)
	b = append(b, `","job":"node","service":"service-`...)
	b = strconv.AppendInt(b, int64(r.group%10), 10)
	b = append(b, `","severity":"`+r.severity+`"`...)
	for i := range extra {
		b = append(b, `,"extra`...)
		b = strconv.AppendInt(b, int64(i), 10)
		b = append(b, `":"value-`...)
		b = strconv.AppendInt(b, int64(i), 10)
		b = append(b, '"')
	}
	b = append(b, `},"annotations":{"description":"The file system of `...)
	b = p.appendInstance(b, id)
	b = append(b, ` has less than 5% left and is filling up.","runbook_url":"http://127.0.0.1/runbooks/disk","sent_ns":"`...)
	b = strconv.AppendInt(b, now.UnixNano(), 10)
	b = append(b, `","summary":"`+r.summary+`"},"startsAt":"`...)
	b = p.epoch.Add(time.Duration(id%1000)*time.Millisecond).UTC().AppendFormat(b, layout)
	b = append(b, `","endsAt":"`...)
	switch {
	case r.resolved:
		b = now.UTC().AppendFormat(b, layout)
	case p.v2:
		b = now.Add(time.Hour).UTC().AppendFormat(b, layout)
	default:
		b = append(b, "0001-01-01T00:00:00Z"...)
	}
	return append(b, `","generatorURL":"http://127.0.0.1:9090/graph?g0.expr=up"`...)
}

func (p *population) appendName(b []byte, group int) []byte {
	b = append(b, "Load"...)
	b = append(b, p.seed...)
	b = append(b, 'g')
	return strconv.AppendInt(b, int64(group), 10)
}

func (p *population) appendInstance(b []byte, id int) []byte {
	b = append(b, "host-"...)
	b = append(b, p.seed...)
	b = append(b, '-')
	b = strconv.AppendInt(b, int64(id), 10)
	return append(b, ":9100"...)
}

// appendPrint writes an alert's fingerprint: sixteen hexadecimal digits, as Alertmanager's, a mix of seed and number that
// never gives two numbers the same.
func (p *population) appendPrint(b []byte, id int) []byte {
	v := uint64(14695981039346656037)
	for _, c := range []byte(p.seed) {
		v = (v ^ uint64(c)) * 1099511628211
	}
	v = (v ^ uint64(id)) * 0x9e3779b97f4a7c15
	v ^= v >> 32
	const digits = "0123456789abcdef"
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, digits[v>>shift&15])
	}
	return b
}
