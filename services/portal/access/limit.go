package access

import (
	"context"
	"fmt"
	"strings"

	"github.com/mycloudpbx/softphone/events"
)

const tenantKeys = "_tenant"

// limits of a tenant, as they are kept.
type limits struct {
	Devices int `json:"devices"`
}

// MaxDevices is the highest device limit that tokens and administrators of a tenant may
// give a license: what was set for it, or the usual limit.
func (s *Store) MaxDevices(ctx context.Context, tenant string) (int, error) {
	var l limits
	found, err := s.get(ctx, tenantKeys+"."+tenant, &l)
	if err != nil || found {
		return l.Devices, err
	}
	return events.DefaultDeviceLimit, nil
}

// SetMaxDevices sets it; 0 goes back to the usual limit. Licenses that are granted already
// keep theirs.
func (s *Store) SetMaxDevices(ctx context.Context, tenant string, devices int) error {
	if err := (events.Extension{Tenant: tenant, Number: "0"}).Validate(); err != nil {
		return err
	}
	switch {
	case devices == 0:
		return s.remove(ctx, tenantKeys+"."+tenant)
	case devices < 0 || devices > events.MaxDeviceLimit:
		return &events.FieldError{Field: "devices", Problem: fmt.Sprintf("must be 1 to %d, or 0 for the usual %d", events.MaxDeviceLimit, events.DefaultDeviceLimit)}
	}
	return s.put(ctx, tenantKeys+"."+tenant, limits{Devices: devices})
}

// AllMaxDevices are those that were set, by tenant.
func (s *Store) AllMaxDevices(ctx context.Context) (map[string]int, error) {
	keys, err := s.keys(ctx, tenantKeys)
	if err != nil {
		return nil, err
	}
	all := map[string]int{}
	for _, key := range keys {
		tenant := strings.TrimPrefix(key, tenantKeys+".")
		if all[tenant], err = s.MaxDevices(ctx, tenant); err != nil {
			return nil, err
		}
	}
	return all, nil
}
