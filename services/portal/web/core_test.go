package web_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/portal"
)

// core stands in for the PBX core: extensions in memory, and a count of what was
// asked of it.
type core struct {
	mu         sync.Mutex
	extensions map[events.Extension]*portal.Details
	history    map[events.Extension][]portal.Happened
	calls      map[string]int
	slow       chan struct{} // when set, a change waits for it
	fail       error         // when set, everything fails with it
	failGet    error
	version    uint64
}

func newCore(all ...portal.Details) *core {
	c := &core{
		extensions: map[events.Extension]*portal.Details{}, history: map[events.Extension][]portal.Happened{}, calls: map[string]int{}, version: 100,
	}
	for _, d := range all {
		if d.Version == 0 {
			d.Version = 10
		}
		c.extensions[d.Extension] = &d
	}
	return c
}

// theirs is what the portal says when a tenant is another's.
func theirs(ctx context.Context, tenant string) error {
	if who := portal.ActorOf(ctx); who.Tenant != portal.EveryTenant && who.Tenant != tenant {
		return &portal.Forbidden{Detail: "this is another tenant's"}
	}
	return nil
}

func (c *core) called(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[name]
}

// change does work on an extension whose version is right.
func (c *core) change(ctx context.Context, name string, x events.Extension, version uint64, work func(*portal.Details)) error {
	if err := theirs(ctx, x.Tenant); err != nil {
		return err
	}
	c.mu.Lock()
	slow := c.slow
	c.calls[name]++
	c.mu.Unlock()
	if slow != nil {
		<-slow
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.extensions[x]
	switch {
	case c.fail != nil:
		return c.fail
	case ctx.Err() != nil:
		return ctx.Err()
	case d == nil:
		return portal.ErrNotFound
	case version != portal.Any && version != d.Version:
		return &portal.Conflict{Who: events.Actor{Kind: events.ActorAdministrator, Name: "Bob"}, What: events.ExtensionRenamed{}.EventName(), When: time.Now()}
	}
	c.version++
	d.Version = c.version
	work(d)
	return nil
}

func (c *core) List(ctx context.Context, tenant, query, _ string) (page []portal.Summary, next string, err error) {
	if err := theirs(ctx, tenant); err != nil {
		return nil, "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		return nil, "", c.fail
	}
	for x, d := range c.extensions {
		if x.Tenant == tenant && strings.Contains(x.Number+d.Name, query) {
			page = append(page, portal.Summary{
				Extension: x, Name: d.Name, Email: d.Email, Username: d.Username, Enabled: d.Enabled, Used: d.Used, Limit: d.Limit, Welcome: d.Welcome,
			})
		}
	}
	slices.SortFunc(page, func(a, b portal.Summary) int { return strings.Compare(a.Extension.Number, b.Extension.Number) })
	return page, "", nil
}

func (c *core) Get(ctx context.Context, x events.Extension) (portal.Details, error) {
	if err := theirs(ctx, x.Tenant); err != nil {
		return portal.Details{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failGet != nil {
		return portal.Details{}, c.failGet
	}
	d := c.extensions[x]
	if d == nil {
		return portal.Details{}, portal.ErrNotFound
	}
	return *d, nil
}

func (c *core) History(ctx context.Context, x events.Extension, before uint64) (page []portal.Happened, next uint64, err error) {
	if err := theirs(ctx, x.Tenant); err != nil {
		return nil, 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		return nil, 0, c.fail
	}
	if c.history[x] == nil {
		return nil, 0, portal.ErrNotFound
	}
	for _, h := range c.history[x] { // the newest first, two a page
		switch {
		case before > 0 && h.Sequence >= before:
		case len(page) == 2:
			return page, page[1].Sequence, nil
		default:
			page = append(page, h)
		}
	}
	return page, 0, nil
}

func (c *core) Add(ctx context.Context, x events.Extension, name string) (uint64, error) {
	if err := theirs(ctx, x.Tenant); err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls["Add"]++
	if c.extensions[x] != nil {
		return 0, portal.ErrExists
	}
	c.extensions[x] = &portal.Details{Extension: x, Name: name, Version: 1}
	return 1, nil
}

func (c *core) Save(ctx context.Context, x events.Extension, version uint64, name string) (now uint64, err error) {
	return version + 1, c.change(ctx, "Save", x, version, func(d *portal.Details) { d.Name = name })
}

func (c *core) Delete(ctx context.Context, x events.Extension, version uint64) error {
	return c.change(ctx, "Delete", x, version, func(*portal.Details) { delete(c.extensions, x) })
}

// made is the password it generates.
const made = "made-password-Canary9"

func (c *core) Enable(ctx context.Context, x events.Extension, version uint64, email, password string) (portal.Enabled, error) {
	if !strings.Contains(email, "@") {
		return portal.Enabled{}, &events.FieldError{Field: "email", Problem: "is not an address"}
	}
	if password == "" {
		password = made
	}
	err := c.change(ctx, "Enable", x, version, func(d *portal.Details) {
		d.Enabled, d.Granted, d.Email, d.Username, d.Limit = true, true, email, x.Number+"@"+x.Tenant, 4
	})
	return portal.Enabled{Username: x.Number + "@" + x.Tenant, Password: process.NewSecret(password), Limit: 4}, err
}

func (c *core) Disable(ctx context.Context, x events.Extension, version uint64) error {
	return c.change(ctx, "Disable", x, version, func(d *portal.Details) { d.Enabled, d.Granted, d.Used, d.Devices = false, false, 0, nil })
}

func (c *core) ResetPassword(ctx context.Context, x events.Extension, version uint64, password string, signOut bool) (portal.Reset, error) {
	if password == "" {
		password = made
	}
	if len(password) < 15 {
		return portal.Reset{}, &events.FieldError{Field: "password", Problem: "is too short: use 15 characters or more"}
	}
	err := c.change(ctx, "ResetPassword", x, version, func(*portal.Details) {
		if signOut {
			c.calls["SignOut"]++
		}
	})
	return portal.Reset{Username: x.Number + "@" + x.Tenant, Password: process.NewSecret(password)}, err
}

func (c *core) RemoveDevice(ctx context.Context, x events.Extension, version uint64, deviceID string) error {
	return c.change(ctx, "RemoveDevice", x, version, func(d *portal.Details) {
		d.Devices = slices.DeleteFunc(slices.Clone(d.Devices), func(v portal.Device) bool { return v.ID == deviceID })
		d.Used = len(d.Devices)
	})
}

func (c *core) ChangeEmail(ctx context.Context, x events.Extension, version uint64, email string) (uint64, error) {
	if err := (events.SoftphoneEmailChanged{Email: email}).Validate(); err != nil {
		return 0, err
	}
	err := c.change(ctx, "ChangeEmail", x, version, func(d *portal.Details) { d.Email = email })
	return version + 1, err
}

func (c *core) SendWelcome(ctx context.Context, x events.Extension, version uint64) error {
	return c.change(ctx, "SendWelcome", x, version, func(*portal.Details) {})
}

func (c *core) Watch(ctx context.Context, x events.Extension) (<-chan portal.Change, error) {
	if err := theirs(ctx, x.Tenant); err != nil {
		return nil, err
	}
	changes := make(chan portal.Change, 1)
	changes <- portal.Change{Sequence: 1}
	go func() {
		<-ctx.Done()
		close(changes)
	}()
	return changes, nil
}
