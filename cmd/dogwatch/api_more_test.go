package main

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
)

func TestAPISchedules(t *testing.T) {
	t.Parallel()
	c := newTester(t)
	c.says(c.does("bob GET /api/v1/schedules", 200, ""), `"name":"first"`, `"timezone":"Europe/Berlin"`)
	c.says(c.does("bob GET /api/v1/schedules/first/oncall", 200, ""), `"person":"bob"`, `"basis":"live"`)
	c.says(c.does("bob GET /api/v1/schedules/first/oncall?at=2026-03-02T12:00:00Z", 200, ""), `"at":"2026-03-02T12:00:00Z"`)
	c.says(c.does("bob GET /api/v1/schedules/empty/oncall", 200, ""), `"on_call":[]`)
	c.says(c.does("bob GET /api/v1/oncall", 200, ""), `"name":"empty"`, `"name":"second"`)
	c.does("bob GET /api/v1/schedules/third/oncall", 404, "")
	c.says(c.does("bob GET /api/v1/schedules/first/oncall?at=noon", 422, ""), `"path":"at"`)
	span := "from=2040-01-01T00:00:00Z&to=2040-01-08T00:00:00Z"
	c.says(c.does("bob GET /api/v1/schedules/first/shifts?"+span, 200, ""), `"person":"bob"`)
	c.says(c.does("bob GET /api/v1/schedules/empty/gaps?"+span, 200, ""), `"schedule":"empty"`)
	c.says(c.does("bob GET /api/v1/gaps?"+span, 200, ""), `"schedule":"empty"`)
	c.says(c.does("bob GET /api/v1/gaps?from=2040-01-08T00:00:00Z&to=2040-01-01T00:00:00Z", 422, ""), `"path":"to"`)
	c.says(c.does("bob GET /api/v1/schedules/first/shifts", 422, ""), `"path":"from"`)

	override := `{"person":"carol","start":"2040-01-02T00:00:00Z","end":"2040-01-03T00:00:00Z"}`
	made := c.does("bob POST /api/v1/schedules/first/overrides", 201, override)
	c.says(c.does("bob GET /api/v1/schedules/first/overrides", 200, ""), field(t, made, "id"))
	c.says(c.does("bob GET /api/v1/schedules/first/oncall?at=2040-01-02T12:00:00Z", 200, ""), `"person":"carol"`, `"layer":"override"`)
	c.says(c.does("alice POST /api/v1/schedules/first/overrides", 409, strings.Replace(override, "carol", "alice", 1)), `"by":"carol"`)
	c.does("bob POST /api/v1/schedules/third/overrides", 404, override)
	c.says(c.does("bob POST /api/v1/schedules/first/overrides", 422, strings.Replace(override, "carol", "zoe", 1)), `"path":"person"`)
	c.says(c.does("bob POST /api/v1/schedules/first/overrides", 422, `{"person":"carol","start":"2041-01-02T00:00:00Z","end":"2041-01-01T00:00:00Z"}`), `"path":"end"`)
	c.does("bob POST /api/v1/schedules/first/overrides", 400, `{"person":"carol","start":"tomorrow","end":"later"}`)
	c.does("bob GET /api/v1/schedules/third/overrides", 404, "")

	body := `{"version":"4","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"Disk","severity":"critical"},"annotations":{},"startsAt":"2040-01-02T12:00:00Z","fingerprint":"f"}]}`
	c.says(c.does("bob POST /api/v1/route?source=prom&at=2040-01-02T12:00:00Z", 200, body), `"severity":"P1"`, `"person":"bob"`)
	c.says(c.does("bob POST /api/v1/route?source=none", 422, body), `"path":"body"`)
	if got := c.does("bob GET /api/v1/incidents", 200, ""); !strings.Contains(got, `"incidents":[]`) {
		t.Errorf("a dry run stored something: %s", got)
	}
}

func TestAPIActions(t *testing.T) {
	t.Parallel()
	c := newTester(t)
	c.says(c.does("bob GET /api/v1/actions", 200, ""), `"name":"restart"`, `"expires":"10m0s"`, `"four_eyes":true`)
	ask := "bob POST /api/v1/actions/restart/requests"
	c.says(c.does(ask, 422, `{"params":{"unit":"nginx; reboot"}}`), `"path":"params.unit"`)
	c.says(c.does(ask, 422, `{"params":{}}`), `"path":"params.unit"`)
	c.says(c.does(ask, 422, `{"params":{"unit":"a.service","more":1}}`), `"path":"params.more"`)
	c.says(c.does(ask, 422, `{"params":{"unit":"a.service"},"incident":"99"}`), `"path":"incident"`)
	c.does("bob POST /api/v1/actions/none/requests", 404, `{}`)
	incident := field(t, c.does("bob POST /api/v1/incidents", 201, `{"title":"slow","severity":"P2"}`), "id")
	made := c.does(ask, 201, `{"params":{"unit":"nginx.service"},"incident":1,"reason":"it hangs"}`)
	c.says(made, `"state":"pending"`, `"incident":"`+incident+`"`, `"argv":["effect","nginx.service"]`, `"requester":"bob"`)
	at := "/api/v1/requests/" + field(t, made, "id")
	c.does("bob GET "+at, 200, "")
	c.does("bob GET /api/v1/requests/00aaaaaaaaaaaaaaaa", 404, "")
	c.does("bob GET /api/v1/requests/nonsense/logs", 404, "")
	c.does("bob POST "+at+"/approve", 403, `{}`) // one's own
	c.does("vera POST "+at+"/approve", 403, `{}`)
	c.does("carol POST "+at+"/approve", 409, `{"digest":"not this"}`)
	c.does("carol POST "+at+"/pause", 409, `{}`)
	c.does("carol POST "+at+"/bless", 404, `{}`)
	c.does("carol POST "+at+"/approve", 200, `{"digest":"`+field(t, made, "digest")+`"}`)
	j := &journey{world: c.world, file: "api", text: "succeeded"}
	j.want([]string{"request", "1", "state=succeeded", "exit_code=0"})
	c.says(c.does("bob GET "+at+"/logs", 200, ""), "done with nginx.service", `"ended":true`)
	c.says(c.does("alice POST "+at+"/approve", 409, `{}`), `"state":"succeeded"`)
	c.does("alice POST "+at+"/cancel", 409, `{}`)
	c.does("alice POST "+at+"/reject", 409, `{}`)
	again := c.does("bob POST "+at+"/retry", 201, `{}`)
	c.says(again, `"retry_of":"`+field(t, made, "id")+`"`, `"state":"pending"`)
	c.says(c.does("alice POST /api/v1/requests/"+field(t, again, "id")+"/reject", 200, `{"reason":"no"}`), `"state":"rejected"`)
	third := field(t, c.does(ask, 201, `{"params":{"unit":"c.service"}}`), "id")
	c.says(c.does("bob POST /api/v1/requests/"+third+"/cancel", 200, `{}`), `"state":"cancelled"`)
	c.says(c.does("bob GET /api/v1/requests?state=rejected,cancelled&action=restart&limit=10", 200, ""), third)
	c.does("bob POST /api/v1/incidents/"+incident+"/resolve", 200, "{}")
	c.does(ask, 409, `{"params":{"unit":"d.service"},"incident":"1"}`)
}

// Output comes while the command runs, and the stream ends with it.
func TestAPILogsAsTheyCome(t *testing.T) {
	t.Parallel()
	c := newTester(t)
	id := field(t, c.does("bob POST /api/v1/actions/look/requests", 201, `{"params":{"unit":"wait.service"}}`), "id")
	r, err := http.NewRequest(http.MethodGet, "http://"+c.houses[0].address+"/api/v1/requests/"+id+"/logs", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.env["TOKEN_BOB"])
	r.Header.Set("Accept", "text/event-stream")
	resp, err := c.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	await := func(words string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), words) {
				return
			}
		}
		t.Fatalf("the stream ended without %q: %v", words, lines.Err())
	}
	await("at work on wait.service") // it waits for us: this is live
	(&journey{world: c.world}).letGo(nil)
	await("done with wait.service")
	for lines.Scan() {
		continue // to its end, which comes by itself
	}
	if lines.Err() != nil {
		t.Error(lines.Err())
	}
}
