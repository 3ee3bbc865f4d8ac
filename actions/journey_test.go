package actions_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"dogwatch/actions"
	"dogwatch/actions/actionstest"
	"dogwatch/actions/command"
	"dogwatch/internal/redistest"
	"dogwatch/internal/state"
)

func TestMain(m *testing.M) {
	command.Main()
	actionstest.Main()
	if len(os.Args) == 3 && os.Args[1] == "full-disk" {
		if err := fullDisk(os.Args[2]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("whole")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// The whole way with real parts: request, approval, a real command that daemonises and hangs, cancel, nothing left. On one Redis and on
// a Cluster of three masters, where a script that touched two shards would be refused.
func TestRealCommandFromRequestToResult(t *testing.T) {
	cluster, _ := redistest.Cluster(t)
	for name, url := range map[string]string{"one": redistest.Start(t).URL(), "cluster": cluster} {
		t.Run(name, func(t *testing.T) {
			b := &bench{}
			b.begin(t, redistest.OpenURL(t, state.Config{URL: url}))
			w := actionstest.NewWitness(t)
			team := actions.Approval{Approvers: []string{"team:web"}}
			b.defs = []actions.Definition{
				{Name: "hang", Runner: "play", Argv: actionstest.Command("daemonise", string(w), "stay"), Timeout: time.Minute, Approval: team},
				{Name: "say", Runner: "play", Argv: actionstest.Command("say", "one", "two"), Timeout: time.Minute, Approval: team},
			}
			b.use()
			r, err := command.Open(func(v any) error { v.(*command.Config).Grace = "100ms"; return nil })
			if err != nil {
				t.Fatal(err)
			}
			b.work(r, t.TempDir())
			for range 8 { // over several shards
				said := b.until(b.approved("say").ID, actions.Succeeded)
				var all string
				err := b.s.Follow(t.Context(), said.ID, "", func(p actions.OutputPage) error {
					for _, c := range p.Chunks {
						all += c.Text
					}
					return nil
				})
				if err != nil || all != "one\ntwo\n" || said.Bytes != 8 {
					t.Fatalf("%q of %d bytes, %v", all, said.Bytes, err)
				}
			}
			hangs := b.approved("hang")
			redistest.Until(t, 15*time.Second, "the daemon to be up", func() bool { return w.Lived(t) == 3 })
			if _, err := b.s.Cancel(t.Context(), hangs.ID, by("alice", ""), ""); err != nil {
				t.Fatal(err)
			}
			got := b.until(hangs.ID, actions.Cancelled)
			if !w.Alone(t) || got.Signal != "killed" {
				t.Fatalf("alone %v, %+v", w.Alone(t), got)
			}
			if k := b.kinds(hangs.ID); !slices.Equal(k, strings.Fields("request_created request_approved run_started run_cancel_asked run_cancelled")) {
				t.Fatal(k)
			}
			if list, _, err := b.s.List(t.Context(), actions.Filter{}); err != nil || len(list) != 9 {
				t.Fatalf("%d requests, %v", len(list), err)
			}
		})
	}
}
