package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// incident is what the load reads of the API's.
type incident struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"created_at"`
	Alerts    struct {
		Firing   int `json:"firing"`
		Total    int `json:"total"`
		Received int `json:"received"`
	} `json:"alerts"`
	AlertList []struct {
		Received int `json:"received"`
	} `json:"alert_list"`
	Timeline []struct {
		At   time.Time       `json:"at"`
		Kind string          `json:"kind"`
		Data json.RawMessage `json:"data"`
	} `json:"timeline"`
}

// api reads with keep-alive from one replica.
type api struct {
	url  string
	http *http.Client
}

func newAPI(url string) *api {
	return &api{url: url, http: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: readers}}}
}

func (a *api) get(ctx context.Context, path string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+path, http.NoBody)
	if err != nil {
		return fmt.Errorf("ask for %s: %w", path, err)
	}
	r.Header.Set("Authorization", "Bearer "+apiToken)
	answer, err := a.http.Do(r)
	if err != nil {
		return fmt.Errorf("ask for %s: %w", path, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("ask for %s: %s", path, answer.Status)
	}
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// list is all incidents, page by page.
func (a *api) list(ctx context.Context) ([]incident, error) {
	var all []incident
	for cursor := ""; ; {
		var page struct {
			Incidents  []incident `json:"incidents"`
			NextCursor string     `json:"next_cursor"`
		}
		if err := a.get(ctx, "/api/v1/incidents?limit=500&cursor="+url.QueryEscape(cursor), &page); err != nil {
			return nil, err
		}
		all = append(all, page.Incidents...)
		if cursor = page.NextCursor; cursor == "" {
			return all, nil
		}
	}
}

// readers is how many incidents are read at a time.
const readers = 4

// each reads every incident whole and hands it over, one at a time.
func (a *api) each(ctx context.Context, all []incident, see func(*incident)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan string)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			for id := range work {
				var in incident
				if err := a.get(ctx, "/api/v1/incidents/"+id, &in); err != nil {
					cancel(err)
					return
				}
				mu.Lock()
				see(&in)
				mu.Unlock()
			}
		})
	}
	for i := range all {
		select {
		case work <- all[i].ID:
		case <-ctx.Done():
		}
	}
	close(work)
	wg.Wait()
	return context.Cause(ctx)
}

// kept is what the API says of the alerts of all incidents.
type kept struct{ incidents, firing, total, received, listed, reports int }

// expect compares what is kept with what was sent: reports in all, distinct alerts, incidents.
func (p *place) expect(ctx context.Context, received, distinct, incidents int) error {
	a := newAPI(p.replicas[0].url)
	all, err := a.list(ctx)
	if err != nil {
		return err
	}
	var got kept
	err = a.each(ctx, all, func(in *incident) {
		got.incidents++
		got.firing += in.Alerts.Firing
		got.total += in.Alerts.Total
		got.received += in.Alerts.Received
		got.listed += len(in.AlertList)
		for _, one := range in.AlertList {
			got.reports += one.Received
		}
	})
	if err != nil {
		return err
	}
	if want := (kept{incidents, distinct, distinct, received, distinct, received}); got != want {
		return fmt.Errorf("compare what is kept with what was sent: kept %+v, sent %+v", got, want)
	}
	return nil
}
