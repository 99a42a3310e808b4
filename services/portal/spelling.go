package portal

import (
	"context"
	"slices"
	"strings"

	"github.com/mycloudpbx/softphone/events"
)

// meant is the extension that somebody means who typed x: the one of exactly that
// spelling, or else the only one of the tenant that differs in nothing but case. A phone writes the
// first letter large. Of two that differ only in case, only the exact one is meant.
//
// How long it takes does not say which extensions there are: it looks at the tenant's index, which
// is in memory except for the first time. Digits have no case, so most usernames skip the index.
// Only a number that was ever used in two spellings costs more.
func (s *Service) meant(ctx context.Context, x events.Extension) (events.Extension, error) {
	same, err := s.spellings(ctx, x)
	if err == nil && len(same) > 1 {
		var exact standing
		if exact, err = s.standing(ctx, x); err != nil || exact.exists {
			return x, err
		}
		same, err = s.existing(ctx, x.Tenant, same)
	}
	if err == nil && len(same) == 1 {
		x.Number = same[0]
	}
	return x, err
}

// spellings are the tenant's numbers, now or ever, that equal one but for case.
func (s *Service) spellings(ctx context.Context, x events.Extension) (same []string, err error) {
	if strings.ToLower(x.Number) == strings.ToUpper(x.Number) {
		return nil, nil
	}
	all, err := s.directory.of(ctx, x.Tenant)
	for _, number := range all {
		if strings.EqualFold(number, x.Number) {
			same = append(same, number)
		}
	}
	return same, err
}

// existing keeps the numbers whose extensions are not deleted, as the view has them.
func (s *Service) existing(ctx context.Context, tenant string, numbers []string) ([]string, error) {
	rows, err := s.rows(ctx, tenant, numbers)
	if err != nil {
		return nil, err
	}
	at := -1
	return slices.DeleteFunc(numbers, func(string) bool { at++; return !rows[at].Exists }), nil
}
