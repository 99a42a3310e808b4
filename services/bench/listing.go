package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/api"
)

// Listing is what looking at the extensions of one large tenant costs.
type Listing struct {
	Extensions int     `json:"extensions"`
	ColdFirst  Latency `json:"firstPageCold"`  // of a portal just started
	ColdNone   Latency `json:"searchNoneCold"` //
	First      Latency `json:"firstPage"`      // through the API
	Middle     Latency `json:"middlePage"`     //
	One        Latency `json:"searchOne"`      // a search that finds one, the last
	None       Latency `json:"searchNone"`     // a search that finds none
	Page       Latency `json:"htmlPage"`       // the first page as a browser has it
}

// lookings is how often each is asked for.
const lookings = 50

const largeTenant = "large"

// listing fills a log with one tenant's extensions and looks at them through the
// portal.
func (b *bench) listing(ctx context.Context, l *Listing) error {
	if err := b.world.empty(ctx); err != nil {
		return err
	}
	writer, err := newWriter(ctx, b.world.js)
	if err != nil {
		return err
	}
	b.progress.say("listing: adding extensions")
	l.Extensions = b.sizes.Listing
	for i := range l.Extensions {
		x := events.Extension{Tenant: largeTenant, Number: number(i)}
		if _, err := writer.fact(ctx, events.NewFact(x, events.ExtensionRenamed{Name: fmt.Sprintf("Person %d", i)})); err != nil {
			return err
		}
	}
	if err := writer.flush(ctx); err != nil {
		return err
	}
	if err := b.office(ctx, func(ctx context.Context, o *office) error { return b.folded(ctx, o, l.Extensions) }); err != nil {
		return err
	}
	return b.office(ctx, func(ctx context.Context, o *office) error { return l.look(ctx, b, o) })
}

const list = api.Prefix + "/tenants/" + largeTenant + "/extensions"

// folded waits until the last page is whole.
func (b *bench) folded(ctx context.Context, o *office, extensions int) error {
	b.progress.say("listing: waiting for the view")
	for {
		found, err := o.get(ctx, list+"?from="+number(extensions-min(portal.PageSize, extensions)))
		switch {
		case err != nil:
			return err
		case strings.Count(found, `"extension":`) == min(portal.PageSize, extensions):
			return nil
		}
		time.Sleep(10 * pace)
	}
}

// look asks once of a portal that was just started, and then often.
func (l *Listing) look(ctx context.Context, b *bench, o *office) error {
	b.progress.say("listing: looking")
	for _, ask := range []struct {
		path  string
		times int
		took  *Latency
	}{
		{list, 1, &l.ColdFirst},
		{list + "?query=nobody+there", 1, &l.ColdNone},
		{list, lookings, &l.First},
		{list + "?from=" + number(l.Extensions/2), lookings, &l.Middle},
		{list + "?query=person+" + strconv.Itoa(l.Extensions-1), lookings, &l.One},
		{list + "?query=nobody+there", lookings, &l.None},
		{"/tenants/" + largeTenant, lookings, &l.Page},
	} {
		var err error
		if *ask.took, err = o.again(ctx, ask.times, ask.path); err != nil {
			return err
		}
	}
	return nil
}

// number of the tenant's extension i.
func number(i int) string { return strconv.Itoa(100_000 + i) }

func (l *Listing) rows() []row {
	return []row{
		{"the first page, API, portal just started", l.ColdFirst.String(), nil},
		{"a search that finds none, the first one", l.ColdNone.String(), nil},
		{"the first page, API", l.First.String(), nil},
		{"a page in the middle, API", l.Middle.String(), nil},
		{"a search that finds one, API", l.One.String(), nil},
		{"a search that finds none, API", l.None.String(), nil},
		{"the first page, HTML", l.Page.String(), nil},
	}
}
