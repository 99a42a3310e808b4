package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal/api"
)

// floodRate is how many wrong passwords come a second.
const floodRate = 200

// Flood is how a portal answers others while wrong passwords come, each for another
// user from another address.
type Flood struct {
	API    Latency `json:"api"`        // of an administrator's request
	Page   Latency `json:"htmlPage"`   // of an extension's page
	Wrong  int     `json:"compared"`   // passwords that had their turn
	Busy   int     `json:"turnedAway"` // that had not
	Failed int     `json:"failed"`     // neither
}

// flood measures it for as long as sign-ins come at a rate elsewhere.
func (b *bench) flood(ctx context.Context, f *Flood) error {
	if err := b.world.empty(ctx); err != nil {
		return err
	}
	writer, err := newWriter(ctx, b.world.js)
	if err != nil {
		return err
	}
	x := events.Extension{Tenant: "acme", Number: "1001"}
	if _, err := writer.fact(ctx, events.NewFact(x, events.ExtensionRenamed{Name: "Ann Lee"})); err != nil {
		return err
	}
	if err := writer.flush(ctx); err != nil {
		return err
	}
	return b.office(ctx, func(ctx context.Context, o *office) error { return f.measure(ctx, b, o) })
}

func (f *Flood) measure(ctx context.Context, b *bench, o *office) error {
	b.progress.say("a flood of wrong passwords")
	ctx, stop := context.WithTimeout(ctx, b.sizes.Load)
	defer stop()
	var coming sync.WaitGroup
	var mu sync.Mutex
	coming.Go(func() {
		tick := time.NewTicker(time.Second / floodRate)
		defer tick.Stop()
		for i := 0; ctx.Err() == nil; i++ {
			<-tick.C
			coming.Go(func() {
				status := o.wrongly(context.WithoutCancel(ctx), i)
				mu.Lock()
				defer mu.Unlock()
				switch status {
				case http.StatusUnauthorized:
					f.Wrong++
				case http.StatusServiceUnavailable:
					f.Busy++
				default:
					f.Failed++
				}
			})
		}
	})
	var asked, looked []time.Duration
	for ctx.Err() == nil {
		for path, took := range map[string]*[]time.Duration{
			api.Prefix + "/tenants/acme/extensions/1001": &asked, "/tenants/acme/extensions/1001": &looked,
		} {
			began := time.Now()
			if _, err := o.get(context.WithoutCancel(ctx), path); err != nil {
				return err
			}
			*took = append(*took, time.Since(began))
		}
		time.Sleep(10 * pace)
	}
	coming.Wait()
	f.API, f.Page = latency(asked), latency(looked)
	return nil
}

// wrongly signs in as somebody, from somewhere, and returns how it is answered; 0: not.
func (o *office) wrongly(ctx context.Context, i int) int {
	body, err := json.Marshal(map[string]any{
		"username": fmt.Sprintf("%d@acme", i), "password": "not the one", "device": map[string]string{"id": "d1", "platform": "other"},
	})
	if err != nil {
		return 0
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, o.url+api.Prefix+"/softphone/sign-in", bytes.NewReader(body))
	if err != nil {
		return 0
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255))
	answer, err := o.client.Do(r)
	if err != nil {
		return 0
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

func (f *Flood) rows() []row {
	return []row{
		{"an extension, API", f.API.String(), nil},
		{"an extension's page, HTML", f.Page.String(), nil},
		{"passwords compared, turned away, not answered", fmt.Sprintf("%d, %d, %d", f.Wrong, f.Busy, f.Failed), nil},
	}
}
