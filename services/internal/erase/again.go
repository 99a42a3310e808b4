package erase

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/replay"
)

// Marker is one erasure, as a list of them has it.
type Marker struct {
	Extension string    `json:"extension"`
	At        time.Time `json:"at"`
	By        string    `json:"by"`
	Messages  int       `json:"messages"`
}

// Markers are all erasures that the log knows of, the oldest first. The list is to be kept apart from the backups of the
// log: with an older backup, Again needs it.
func Markers(ctx context.Context, log *eventlog.Log) (all []Marker, err error) {
	filter := events.LogSubject(events.AnyPartition, events.Operator, "*", "*", events.ExtensionErased{}.EventName())
	err = replay.Scan(ctx, log, replay.Range{Filters: []string{filter}}, func(m eventlog.Message) error {
		event, err := events.Decode(m.Subject, m.Data)
		if err != nil {
			return nil //nolint:nilerr // no worker reads it either
		}
		if data, is := event.Data.(events.ExtensionErased); is {
			all = append(all, Marker{Extension: event.Extension.String(), At: m.Time.UTC(), By: data.By, Messages: data.Messages})
		}
		return nil
	})
	return all, err
}

func parse(text string) (events.Extension, error) {
	tenant, number, _ := strings.Cut(text, "/")
	x := events.Extension{Tenant: tenant, Number: number}
	return x, x.Validate()
}

// Again erases once more what the log's markers cover, and what a list of markers from elsewhere names and the log has no
// marker of that time for. An extension of the list that is in use again is an error of its own, ErrLives; the others are
// erased all the same.
func (e Eraser) Again(ctx context.Context, list []Marker) (all []Done, faults []error) {
	known, err := Markers(ctx, e.Log)
	if err != nil {
		return nil, []error{err}
	}
	latest := map[string]time.Time{}
	for _, m := range known {
		latest[m.Extension] = m.At
	}
	for _, m := range list {
		x, err := parse(m.Extension)
		if err == nil && latest[m.Extension].Before(m.At) {
			_, err = e.Erase(ctx, x)
			latest[m.Extension] = m.At
		}
		if err != nil {
			faults = append(faults, err)
		}
	}
	names := map[string]bool{}
	for extension := range latest {
		x, err := parse(extension)
		var n int
		if err == nil {
			n, err = e.again(ctx, x)
		}
		if err != nil {
			faults = append(faults, err)
			continue
		}
		names[extension] = true
		all = append(all, Done{Extension: extension, Messages: n})
	}
	if _, err := e.rest(ctx, names); err != nil {
		faults = append(faults, err)
	}
	if err := errors.Join(e.rewrite(ctx), e.clearRaftLogs(ctx)); err != nil {
		faults = append(faults, err)
	}
	return all, faults
}
