package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Whoever stands in for somebody stands in after a reload and a restart too, from the first page on.
func TestOverridesOutliveReloadAndRestart(t *testing.T) {
	w := startHouse(t)
	body := fmt.Sprintf(`{"person":"carol","start":%q,"end":%q}`, time.Now().Add(-time.Minute).Format(time.RFC3339), time.Now().Add(time.Hour).Format(time.RFC3339))
	r, err := http.NewRequest(http.MethodPost, "http://"+w.houses[0].address+"/api/v1/schedules/first/overrides", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.env["TOKEN_ALICE"])
	answer, err := w.client.Do(r)
	if err != nil || answer.StatusCode != http.StatusCreated {
		t.Fatal(answer, err)
	}
	answer.Body.Close()
	onCall := func(when string) {
		t.Helper()
		if got := w.houses[0].house.engine.Roster().OnCall("first", time.Now()); len(got) != 1 || got[0] != "carol" {
			t.Errorf("%s %v is on call, not carol who stands in for bob", when, got)
		}
	}
	onCall("before")
	for range 3 {
		if err := w.houses[0].house.reload(); err != nil {
			t.Fatal(err)
		}
		onCall("right after a reload")
	}
	w.restart()
	onCall("right after a restart")
}
