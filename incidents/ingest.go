package incidents

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"dogwatch/internal/failpoint"
	"dogwatch/internal/state"
	"dogwatch/internal/text"
)

//go:embed ingest.lua
var ingestSource string

var ingestScript = state.NewScript("ingest", ingestSource)

// RouteFunc is the routing of one configuration. It is pure and never fails: the last route takes everything.
type RouteFunc func(source string, r *Report) Decision

// chunk bounds how many alerts of a group one script call takes, so that no script runs long.
const chunk = 500

// group is the part of a body that goes to one incident, on its way there.
type group struct {
	routed  Decision
	source  string
	first   *Report
	reports []*Report
	sure    bool // unknown resolved alerts were looked for elsewhere
	direct  ID   // set: goes to this incident whatever its group says
	follow  ID   // set: begins a new incident after this resolved one
	looked  bool // its alerts were looked for in incidents of former routes
	// title and unlimited are the overflow incident's: it is never refused for there being too many.
	title     string
	unlimited bool
}

// Ingest routes, groups and keeps a body's reports. It returns when they are kept: an error means that some may not be,
// and that the sender must send the whole body again, which is harmless. accepted counts the reports that are kept.
func (s *Service) Ingest(ctx context.Context, source string, b Batch, route RouteFunc) (accepted int, err error) {
	work := s.divide(source, b, route)
	for try := 0; len(work) > 0; try++ {
		if try == 12 {
			return accepted, fmt.Errorf("keep alerts of %s: the group's incident changed %d times meanwhile", source, try)
		}
		work, accepted, err = s.round(ctx, work, accepted)
		if err != nil {
			return accepted, fmt.Errorf("keep alerts of %s: %w", source, err)
		}
		if len(work) > 0 {
			failpoint.Hit("alerts_between_rounds")
		}
	}
	return accepted, nil
}

// divide puts the reports into groups, in the order in which they came.
func (s *Service) divide(source string, b Batch, route RouteFunc) []*group {
	var out []*group
	byHash := make(map[string]*group, 1)
	for i := range b.Reports {
		r := &b.Reports[i]
		normalize(r)
		d := route(source, r)
		g := byHash[d.GroupID]
		if g == nil || len(g.reports) == chunk {
			g = &group{routed: d, source: source, first: r}
			byHash[d.GroupID] = g
			out = append(out, g)
		}
		if d.Severity < g.routed.Severity {
			g.routed.Severity = d.Severity
		}
		g.reports = append(g.reports, r)
	}
	return out
}

// normalize gives a report the identity that the script relies on.
func normalize(r *Report) {
	if !plainID(r.Fingerprint) {
		h := sha256.New()
		if r.Fingerprint != "" {
			h.Write([]byte(r.Fingerprint))
		} else {
			for _, k := range sortedKeys(r.Labels) {
				fmt.Fprintf(h, "%d:%s%d:%s", len(k), k, len(r.Labels[k]), r.Labels[k])
			}
		}
		r.Fingerprint = hex.EncodeToString(h.Sum(nil)[:16])
	}
}

// plainID says that a fingerprint may stand in history lines and keys as it is.
func plainID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// target says to which incident a group is offered, and as what.
type target struct {
	id     ID
	mode   string // cur, new, at
	prev   ID
	number int64
}

func (s *Service) aim(ctx context.Context, g *group) (target, error) {
	if g.direct != "" {
		return target{id: g.direct, mode: "at"}, nil
	}
	if g.follow == "" {
		if id, ok := s.groups.Get(g.routed.GroupID); ok && id != "" {
			return target{id: id, mode: "cur"}, nil
		}
	}
	n, err := s.blocks.take(ctx)
	if err != nil {
		return target{}, err
	}
	return target{id: NewID(s.store.ShardOf(g.routed.GroupID)), mode: "new", prev: g.follow, number: n}, nil
}

// round offers every group to its incident once and returns what must be offered again.
func (s *Service) round(ctx context.Context, work []*group, accepted int) ([]*group, int, error) {
	type part struct {
		groups  []*group
		targets []target
	}
	parts := map[int]*part{}
	var order []int
	work, err := s.adopt(ctx, work)
	if err != nil {
		return nil, accepted, err
	}
	for _, g := range work {
		t, err := s.aim(ctx, g)
		if err != nil {
			return nil, accepted, err
		}
		// The overflow incident is not bound by the number of open ones, so it travels in a call of its own.
		n := 2 * t.id.Shard()
		if g.unlimited {
			n++
		}
		if parts[n] == nil {
			parts[n] = &part{}
			order = append(order, n)
		}
		parts[n].groups = append(parts[n].groups, g)
		parts[n].targets = append(parts[n].targets, t)
	}
	calls := make([]state.Call, 0, len(order))
	for _, n := range order {
		calls = append(calls, s.call(n/2, parts[n].groups, parts[n].targets))
	}
	replies, err := s.commit(ctx, calls)
	if err != nil {
		return nil, accepted, err
	}
	var again []*group
	for i, n := range order {
		if replies[i].Err != nil {
			return nil, accepted, replies[i].Err
		}
		rows, _ := replies[i].Value.([]any)
		if len(rows) != len(parts[n].groups) {
			return nil, accepted, fmt.Errorf("ingest returned %d results for %d groups", len(rows), len(parts[n].groups))
		}
		for j, g := range parts[n].groups {
			row, _ := rows[j].(string)
			rest, took, err := s.settle(ctx, g, parts[n].targets[j], row)
			if err != nil {
				return nil, accepted, err
			}
			accepted += took
			again = append(again, rest...)
		}
	}
	return again, accepted, nil
}

// settle reads a group's result and says what of it must be offered again.
func (s *Service) settle(ctx context.Context, g *group, t target, row string) ([]*group, int, error) {
	f := strings.Split(row, "\x1f")
	switch f[0] {
	case "moved":
		if t.mode == "new" {
			s.blocks.giveBack(t.number)
		}
		if t.mode == "at" {
			g.direct = ""
		}
		s.groups.Remove(g.routed.GroupID)
		if len(f) > 1 && f[1] != "" {
			s.groups.Add(g.routed.GroupID, ID(f[1]))
		}
		g.follow = ""
		return []*group{g}, 0, nil
	case "over":
		s.blocks.giveBack(t.number)
		return []*group{g.overflow(s.cfg.MaxOpen)}, 0, nil
	case "ok":
	default:
		return nil, 0, fmt.Errorf("ingest returned %q", row)
	}
	if len(f) != 5 {
		return nil, 0, fmt.Errorf("ingest returned %d fields", len(f))
	}
	if t.mode == "new" && !strings.Contains(f[2], "o") {
		s.blocks.giveBack(t.number)
	} else if t.mode != "at" {
		s.groups.Add(g.routed.GroupID, t.id)
	}
	g.follow = ""
	need, lost := g.pick(f[3]), g.pick(f[4])
	took := len(g.reports)
	var again []*group
	if need != nil {
		took -= len(need.reports)
		need.follow = t.id
		again = append(again, need)
	}
	if lost != nil {
		took -= len(lost.reports)
		found, err := s.findByPrint(ctx, lost)
		if err != nil {
			return nil, 0, err
		}
		again = append(again, found...)
	}
	return again, took, nil
}

// pick makes a group of the reports whose numbers (from 1, by comma) are in list; nil for none.
func (g *group) pick(list string) *group {
	if list == "" {
		return nil
	}
	out := &group{routed: g.routed, source: g.source, sure: g.sure, title: g.title, unlimited: g.unlimited}
	for n := range strings.SplitSeq(list, ",") {
		i, err := strconv.Atoi(n)
		if err == nil && i >= 1 && i <= len(g.reports) {
			out.reports = append(out.reports, g.reports[i-1])
		}
	}
	out.first = out.reports[0]
	return out
}

// overflow is the group that joins the source's overflow incident because too many are open.
func (g *group) overflow(limit int) *group {
	o := *g
	sum := sha256.Sum256([]byte("overflow\x00" + g.source))
	o.routed.GroupID, o.routed.GroupKey = hex.EncodeToString(sum[:16]), "{}"
	o.title = text.Say(text.English, "incidents.overflow", "n", limit)
	o.unlimited, o.direct, o.follow = true, "", ""
	return &o
}

// call is the script call for the groups of one shard.
func (s *Service) call(shard int, groups []*group, targets []target) state.Call {
	k := s.keys
	keys := make([]string, 0, 7+4*len(groups))
	for _, name := range []string{"groups", "open", "created", "numbers", "prints", "timers", "dirty"} {
		keys = append(keys, k.shard(shard, name))
	}
	allowed := max(1, s.cfg.MaxOpen/s.store.Shards())
	if groups[0].unlimited {
		allowed = 0
	}
	n := 6
	for _, g := range groups {
		n += 11 + 5*len(g.reports)
	}
	args := make([]any, 0, n)
	args = append(args, s.cfg.ReopenWindow.Milliseconds(), s.cfg.FlapHold.Milliseconds(), max(0, s.cfg.StaleAfter.Milliseconds()), s.cfg.FullTexts, allowed, len(groups))
	for i, g := range groups {
		t := targets[i]
		ik := k.incident(t.id)
		keys = append(keys, ik[0], ik[1], ik[2], ik[3])
		args = append(args, g.routed.GroupID, string(t.id), t.mode, string(t.prev), t.number, flag(g.sure), g.routed.Severity, g.fields(t.mode), g.routed.Policy, g.source, len(g.reports))
		for _, r := range g.reports {
			st := "F"
			if r.Status == Resolved {
				st = "R"
			}
			ends := int64(0)
			if st == "R" {
				ends = told(r.EndsAt)
			}
			args = append(args, r.Fingerprint, st, told(r.StartsAt), ends, pack(r))
		}
	}
	return state.Call{Script: ingestScript, Shard: shard, Keys: keys, Args: args}
}

// told is a report's time in ms; 0 for none, which the script takes as the shard's time: those of processes may differ, and
// an end that seems older than its beginning would count for nothing.
func told(t time.Time) int64 { return max(0, t.UnixMilli()) }

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// fields are the fields of a new incident's hash, each closed by \x1f; "" when none can be made by this call.
func (g *group) fields(mode string) string {
	if mode != "new" {
		return ""
	}
	d := &g.routed
	title := g.title
	if title == "" {
		title = Title(g.first)
	}
	var b strings.Builder
	for _, v := range []string{"title", title, "severity", d.Severity, "source", g.source, "route", d.Name, "policy", d.Policy,
		"group_key", clean(d.GroupKey, 2000), "channels", strings.Join(d.Channels, "\n"), "show", strings.Join(d.Show, "\n"),
		"summary", g.summary(), "labels", jsonOf(g.first.Labels), "ver", "1", "step", "-1", "round", "0"} {
		b.WriteString(v)
		b.WriteByte('\x1f')
	}
	return b.String()
}

// summary is the first alert's annotations that the route shows, as JSON.
func (g *group) summary() string {
	m := map[string]string{}
	for _, name := range g.routed.Show {
		if v := g.first.Annotations[name]; v != "" {
			m[name] = clean(v, 1000)
		}
	}
	return jsonOf(m)
}

// jsonOf is a map as JSON; "" for an empty one.
func jsonOf(m map[string]string) string {
	if len(m) == 0 {
		return ""
	}
	out, err := json.Marshal(m)
	if err != nil {
		return ""
	}
	return string(out)
}

// Title is one line that says what an alert is about: its summary, else its name.
func Title(r *Report) string {
	for _, v := range []string{r.Annotations["summary"], r.Annotations["title"], r.Labels["alertname"], r.Annotations["description"]} {
		if v = clean(v, 200); v != "" {
			return v
		}
	}
	return r.Fingerprint
}

// clean makes one line of plain text of data: no controls, no direction marks, at most n bytes on a rune's border.
func clean(s string, n int) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, s))
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}
