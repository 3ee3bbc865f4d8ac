package kill

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

// TestRandomKills ends one of two replicas every 50 to 500 ms, and Redis now and then, while alerts, acknowledgements,
// requests and approvals go on; then it lets everything come to rest and compares all records. KILL_ROUNDS asks for more than
// thirty rounds, KILL_SEED for the same choices again.
func TestRandomKills(t *testing.T) {
	rounds := number(t, "KILL_ROUNDS", 30)
	seed := uint64(number(t, "KILL_SEED", int(time.Now().UnixNano()%1e9)))
	w := newWorld(t, twoSteps)
	s := &storm{world: w, pair: []*replica{w.replica("a"), w.replica("b")}, seed: seed}
	for _, r := range s.pair {
		r.start("")
	}
	s.baseline = s.resources()
	s.begin()
	pick := rand.New(rand.NewPCG(seed, 0))
	for round := range rounds {
		pause(t.Context(), time.Duration(50+pick.IntN(450))*time.Millisecond)
		if round%8 == 7 {
			w.redis.Kill()
			w.redis.Up()
			s.redisKills++
		}
		victim := s.pair[pick.IntN(2)]
		victim.kill()
		s.kills++
		s.pair[pick.IntN(2)].face()
		victim.launch("")
	}
	s.end()
	s.rest()
	s.check()
	summary, err := json.Marshal(s.figures)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", summary)
}

func number(t *testing.T, name string, usual int) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv(name), strconv.Itoa(usual)))
	if err != nil || n < 1 {
		t.Fatalf("%s is %q, want a number", name, os.Getenv(name))
	}
	return n
}

// figures are what a storm was made of, for the log.
type figures struct {
	Test       string `json:"test"`
	Seed       uint64 `json:"seed"`
	Kills      int    `json:"kills"`
	RedisKills int    `json:"redis_kills"`
	Webhooks   int    `json:"webhooks"`
	Attempts   int    `json:"attempts"`
	Alerts     int    `json:"alerts"`
	Incidents  int    `json:"incidents"`
	Acks       int    `json:"acknowledged"`
	Pages      int    `json:"pages"`
	Requests   int    `json:"requests"`
	Runs       int    `json:"runs"`
	Unknown    int    `json:"unknown"`
	ExtraPages int    `json:"extra_pages"`
	ExtraCards int    `json:"extra_cards"`
	LookUps    int    `json:"look_ups"`
	Lost       int    `json:"lost"`
	RestMS     int64  `json:"rest_ms"`
}

// storm is the load and what it was told.
type storm struct {
	*world
	pair              []*replica
	seed              uint64
	kills, redisKills int
	baseline          map[string]float64
	figures           figures

	begun time.Time
	stop  context.CancelFunc
	all   sync.WaitGroup

	mu   sync.Mutex
	last map[string]alert // what was last answered with 2xx, by fingerprint
	acks map[string]bool  // incidents whose acknowledgement was answered with 2xx
	made map[string]bool  // requests that were answered with 201
}

// begin starts the load: four sources, two people who acknowledge, one who asks and one who approves.
func (s *storm) begin() {
	s.last, s.acks, s.made = map[string]alert{}, map[string]bool{}, map[string]bool{}
	ctx, stop := context.WithCancel(s.Context())
	s.stop, s.begun = stop, time.Now()
	for n, work := range []func(context.Context, *rand.Rand){
		s.alerts(0), s.alerts(1), s.alerts(2), s.alerts(3), s.acknowledge, s.click, s.remedy, s.remedy,
	} {
		s.all.Go(func() { work(ctx, rand.New(rand.NewPCG(s.seed, uint64(n)+1))) })
	}
}

func (s *storm) end() { s.stop(); s.all.Wait() }

// some is one of the replicas, up or not.
func (s *storm) some(pick *rand.Rand) *replica { return s.pair[pick.IntN(2)] }

// alerts is a source with alerts of its own in groups that all sources share; every two seconds they turn to twenty new groups, so
// that incidents begin until the end. Each alert is raised, repeated, resolved and raised anew.
func (s *storm) alerts(n int) func(context.Context, *rand.Rand) {
	return func(ctx context.Context, pick *rand.Rand) {
		src := &source{client: quick, at: func() string { return s.some(pick).at() }}
		own := map[string]alert{}
		for ctx.Err() == nil {
			var body []alert
			taken := map[string]bool{}
			wave := int(time.Since(s.begun) / (2 * time.Second))
			for range 1 + pick.IntN(5) {
				name, host := fmt.Sprintf("Group-%d-%02d", wave, pick.IntN(20)), fmt.Sprintf("host-%d-%d", n, pick.IntN(5))
				id := name + host
				if taken[id] {
					continue
				}
				taken[id] = true
				before, known := own[id]
				now := before
				switch {
				case !known || before.Status == "resolved":
					now = firing(name, host)
				case pick.IntN(3) == 0:
					now = before.ended()
				}
				own[id] = now
				body = append(body, now)
			}
			// A source that is to end still delivers what it has begun.
			d := src.send(s.Context(), body...)
			s.note(d)
			pause(ctx, time.Duration(5+pick.IntN(30))*time.Millisecond)
		}
	}
}

func (s *storm) note(d delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.figures.Webhooks++
	s.figures.Attempts += len(d.answers)
	if !d.kept {
		s.figures.Lost++
		return
	}
	for _, a := range d.alerts {
		s.last[a.Fingerprint] = a
	}
}

// persist makes a call until it is answered for good, under one key; 0: the test ended first.
func (s *storm) persist(pick *rand.Rand, a asked) int {
	a.key = strconv.FormatUint(pick.Uint64(), 36)
	for s.Context().Err() == nil {
		status, err := s.some(pick).call(a)
		if status != 0 && status/100 != 5 && (err == nil || status/100 != 2) {
			return status
		}
		pause(s.Context(), 30*time.Millisecond)
	}
	return 0
}

// open is one of the open incidents; "" if there is none or nobody answers.
func (s *storm) open(pick *rand.Rand, state string) string {
	var page struct {
		Incidents []incident `json:"incidents"`
	}
	_, err := s.some(pick).call(asked{person: "alice", method: "GET", path: "incidents?limit=100&state=" + state, into: &page})
	if err != nil || len(page.Incidents) == 0 {
		return ""
	}
	return page.Incidents[pick.IntN(len(page.Incidents))].ID
}

// acknowledge is somebody at the API.
func (s *storm) acknowledge(ctx context.Context, pick *rand.Rand) {
	for ctx.Err() == nil {
		if id := s.open(pick, "triggered"); id != "" {
			if s.persist(pick, asked{person: "bob", method: "POST", path: "incidents/" + id + "/acknowledge", body: map[string]any{}}) == 200 {
				s.mu.Lock()
				s.acks[id] = true
				s.mu.Unlock()
			}
		}
		pause(ctx, time.Duration(100+pick.IntN(300))*time.Millisecond)
	}
}

// click is somebody in the channel, whose presses may find nobody.
func (s *storm) click(ctx context.Context, pick *rand.Rand) {
	for ctx.Err() == nil {
		all := cards(s.slack.Messages(ops))
		if len(all) > 0 {
			s.tap("U0ALICE", "Acknowledge", all[pick.IntN(len(all))].TS)
		}
		pause(ctx, time.Duration(100+pick.IntN(300))*time.Millisecond)
	}
}

// remedy asks for an action on an open incident and has it approved: at the API of one replica, of both at once, or on Slack too.
func (s *storm) remedy(ctx context.Context, pick *rand.Rand) {
	for ctx.Err() == nil {
		body := map[string]any{}
		if id := s.open(pick, "open"); id != "" {
			body["incident"] = id
		}
		var q request
		if s.persist(pick, asked{person: "alice", method: "POST", path: "actions/append/requests", body: body, into: &q}) == 201 {
			s.mu.Lock()
			s.made[q.ID] = true
			s.mu.Unlock()
			s.consent(pick, q)
		}
		pause(ctx, time.Duration(50+pick.IntN(150))*time.Millisecond)
	}
}
