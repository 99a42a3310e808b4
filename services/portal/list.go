package portal

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/fold"
	"github.com/mycloudpbx/softphone/services/internal/worker"
)

// The list of a tenant has two sources. Which extensions there are is the log's own
// index: the subjects of the facts that make one. What is shown of each is a view
// folded from the log into Redis, by the same runtime as the workers'. So there is
// no list that could be lost or disagree; the view may be a moment behind.

// ViewName is the view's name among the workers: its part of Redis, its partitions.
const ViewName = "portal"

// PageSize is how many extensions a page of a list has.
const PageSize = 50

// ViewRules are the view, which reads every event there is, without anything to run it on.
func ViewRules() fold.Rules[row] {
	return fold.Rules[row]{
		Worker: ViewName,
		Inputs: events.Inputs(events.All()...), // so that an extension's last event says whether its row is of now
		Decide: decide,
		Load:   load,
		Save:   save,
	}
}

// RunView folds the view until the context ends.
func RunView(ctx context.Context, c worker.Config) error {
	return worker.Run(ctx, c, ViewRules(), func(s row, current bool) any {
		return struct {
			Current bool   `json:"current"`
			Name    string `json:"name"`
			Enabled bool   `json:"enabled"`
			Used    int    `json:"used"`
			Limit   int    `json:"limit"`
			Email   string `json:"email,omitempty"` // state of the last welcome e-mail
		}{current, s.Name, s.Enabled, s.Used, s.Limit, s.Mail.State}
	})
}

// List returns a page of a tenant's extensions by number, at most PageSize, and
// where the next page starts ("" after the last). A query is looked for in number,
// name, e-mail address and username.
func (s *Service) List(ctx context.Context, tenant, query, from string) (page []Summary, next string, err error) {
	if err := authorize(ctx, opList, tenant); err != nil {
		return nil, "", err
	}
	if err := (events.Extension{Tenant: tenant, Number: "0"}).Validate(); err != nil {
		return nil, "", err
	}
	numbers, err := s.directory.of(ctx, tenant)
	if err != nil {
		return nil, "", away(err)
	}
	at, _ := slices.BinarySearchFunc(numbers, from, byNumber)
	query = strings.TrimSpace(foldText(query))
	for chunk := range growing(numbers[at:]) {
		rows, err := s.rows(ctx, tenant, chunk)
		if err != nil {
			return nil, "", away(err)
		}
		for i, row := range rows {
			x := events.Extension{Tenant: tenant, Number: chunk[i]}
			if !row.Exists || !row.matches(x, query) {
				continue
			}
			if len(page) == PageSize {
				return page, x.Number, nil
			}
			page = append(page, row.summary(x))
		}
	}
	return page, "", nil
}

// growing are chunks: the first is a page and a few, for most pages come from there;
// a search that finds little goes on in larger steps, which are fewer.
func growing(numbers []string) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		for size := 2 * PageSize; len(numbers) > 0; size = min(4*size, 100*PageSize) {
			chunk := numbers[:min(size, len(numbers))]
			if numbers = numbers[len(chunk):]; !yield(chunk) {
				return
			}
		}
	}
}

func (s row) matches(x events.Extension, query string) bool {
	for _, text := range []string{x.Number, s.Name, s.Email, s.Username} {
		if strings.Contains(foldText(text), query) {
			return true
		}
	}
	return false
}

// byNumber orders as people count: 99 before 100. What is no number comes after those
// that are; "", where a list begins, is the first of all.
func byNumber(a, b string) int {
	switch x, y := isNumber(a), isNumber(b); {
	case x && y:
		x, y := strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
		return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y), strings.Compare(a, b))
	case x:
		return -1
	case y:
		return 1
	}
	return strings.Compare(a, b)
}

func isNumber(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// numbers are the extensions a tenant has or had.
func (s *Service) numbers(ctx context.Context, tenant string) ([]string, error) {
	stream, err := s.log.JetStream().Stream(ctx, events.Stream)
	if err != nil {
		return nil, fmt.Errorf("listing extensions: %w", err)
	}
	makers := events.Inputs(makers()...)
	found := make([][]string, len(makers))
	group, ctx := errgroup.WithContext(ctx)
	for i, maker := range makers {
		group.Go(func() error {
			filter := events.LogSubject(events.PartitionOf(tenant), maker.Source, tenant, "*", maker.Name)
			info, err := stream.Info(ctx, jetstream.WithSubjectFilter(filter))
			if err != nil {
				return fmt.Errorf("listing extensions: %w", err)
			}
			for subject := range info.State.Subjects {
				if route, is := events.SplitSubject(subject); is {
					found[i] = append(found[i], route.Extension.Number)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := slices.Concat(found...)
	slices.SortFunc(all, byNumber)
	return slices.Compact(all), nil
}

// rows reads what the view has of some extensions.
func (s *Service) rows(ctx context.Context, tenant string, numbers []string) ([]row, error) {
	keys, places := map[int][]events.Extension{}, map[int][]int{}
	for i, number := range numbers {
		key := events.Extension{Tenant: tenant, Number: number}
		p := key.Partition()
		keys[p], places[p] = append(keys[p], key), append(places[p], i)
	}
	ctx, cancel := context.WithTimeout(ctx, s.patience.redis)
	defer cancel()
	all := make([]row, len(numbers))
	group, ctx := errgroup.WithContext(ctx)
	for p := range keys {
		group.Go(func() error {
			hashes, _, err := fold.StatesOf(s.redis, ViewName, p).Read(ctx, keys[p])
			if err != nil {
				return fmt.Errorf("reading the list: %w", err)
			}
			for i, hash := range hashes {
				if hash == nil {
					continue
				}
				if all[places[p][i]], err = load(hash); err != nil {
					return fmt.Errorf("reading the list: %w", err)
				}
			}
			return nil
		})
	}
	return all, group.Wait()
}

// inView waits until the list shows what is in the log of an extension now, for a
// moment at most: whoever changed something wants to see it there, but the change
// holds already.
func (s *Service) inView(ctx context.Context, x events.Extension) {
	ctx, cancel := context.WithTimeout(ctx, s.patience.look)
	defer cancel()
	for {
		last, err := s.log.LastAbout(ctx, x)
		if err != nil {
			return
		}
		if entry, err := s.view.Read(ctx, x); err != nil || entry.AsOf(last) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(viewPause):
		}
	}
}

const viewPause = 10 * time.Millisecond
