package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Whoever follows the output of a request that is not decided must not hold up a shutdown until its time is over.
func TestFollowersOfOutputDoNotHoldUpAShutdown(t *testing.T) {
	w := startHouse(t)
	call := func(method, path, body, accept string) *http.Response {
		t.Helper()
		r, err := http.NewRequest(method, "http://"+w.houses[0].address+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+w.env["TOKEN_ALICE"])
		r.Header.Set("Accept", accept)
		answer, err := w.client.Do(r)
		if err != nil || answer.StatusCode/100 != 2 {
			t.Fatal(answer, err)
		}
		t.Cleanup(func() { answer.Body.Close() })
		return answer
	}
	var request struct {
		ID string `json:"id"`
	}
	made := call(http.MethodPost, "/api/v1/actions/restart/requests", `{"params":{"unit":"a.service"}}`, "application/json")
	if err := json.NewDecoder(made.Body).Decode(&request); err != nil {
		t.Fatal(err)
	}
	call(http.MethodGet, "/api/v1/requests/"+request.ID+"/logs", "", "text/event-stream")
	begun := time.Now()
	w.stop(w.houses[0])
	if took := time.Since(begun); took > drainFor/2 {
		t.Errorf("the shutdown took %v", took)
	}
}
