package portal

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// directory remembers which extensions tenants have or had, as the log's own index
// says: asking the server for 100,000 subjects takes it a third of a second, for every
// page that is looked at. The tail of the log tells of new ones; while nobody follows
// it, nothing is remembered.
type directory struct {
	numbers func(ctx context.Context, tenant string) ([]string, error) // the log's index, sorted

	mu      sync.Mutex
	live    bool // somebody follows the log
	tenants map[string]*roll
}

// roll is what is remembered of a tenant.
type roll struct {
	read    chan struct{} // closed when it was read
	err     error
	numbers []string // sorted; replaced, never changed
	added   []string // since, maybe there already
	used    time.Time
}

const (
	rolls = 100 // tenants are remembered at most

	// changes are remembered of a tenant nobody looks at; with more it is forgotten.
	changes = 10_000
)

func newDirectory(numbers func(context.Context, string) ([]string, error)) *directory {
	return &directory{numbers: numbers, tenants: map[string]*roll{}}
}

// follows says that from now on every new extension is told by add, or not.
func (d *directory) follows(live bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.live = live
	clear(d.tenants)
}

// add takes a new extension in, or one that is there.
func (d *directory) add(x events.Extension) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.tenants[x.Tenant]
	if r == nil {
		return
	}
	if r.added = append(r.added, x.Number); len(r.added) > changes {
		delete(d.tenants, x.Tenant)
	}
}

// settle puts what was added in its place.
func (r *roll) settle() {
	if len(r.added) == 0 {
		return
	}
	all := slices.Concat(r.numbers, r.added)
	slices.SortFunc(all, byNumber)
	r.numbers, r.added = slices.Compact(all), nil
}

// of returns a tenant's numbers, sorted.
func (d *directory) of(ctx context.Context, tenant string) ([]string, error) {
	d.mu.Lock()
	if !d.live {
		d.mu.Unlock()
		return d.numbers(ctx, tenant)
	}
	r := d.tenants[tenant]
	if r == nil {
		r = &roll{read: make(chan struct{})}
		d.tenants[tenant] = r
		go d.read(context.WithoutCancel(ctx), tenant, r)
	}
	r.used = time.Now()
	d.mu.Unlock()
	select {
	case <-r.read:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	r.settle()
	return r.numbers, r.err
}

// read fills a roll for all who wait for it.
func (d *directory) read(ctx context.Context, tenant string, r *roll) {
	numbers, err := d.numbers(ctx, tenant)
	d.mu.Lock()
	defer d.mu.Unlock()
	r.numbers, r.err = numbers, err
	switch {
	case d.tenants[tenant] != r:
	case err != nil, len(numbers) == 0: // a tenant that anybody may make up displaces none
		delete(d.tenants, tenant)
	default:
		d.forget()
	}
	close(r.read)
}

// forget drops the tenant not used for longest, when there are too many.
func (d *directory) forget() {
	if len(d.tenants) <= rolls {
		return
	}
	oldest := ""
	for tenant, r := range d.tenants {
		if oldest == "" || r.used.Before(d.tenants[oldest].used) {
			oldest = tenant
		}
	}
	delete(d.tenants, oldest)
}

// makes tells whether an event is the kind that makes an extension.
func makes(m eventlog.Message) bool {
	return events.IsFactSource(m.Source()) && slices.ContainsFunc(makers(), func(d events.Data) bool { return d.EventName() == m.Name() })
}

// makers are the facts that make an extension.
func makers() []events.Data {
	return []events.Data{events.ExtensionRenamed{}, events.SoftphoneEnabled{}}
}
