package fold

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/events"
)

// keys names a worker's Redis keys in one partition. The braces are Redis Cluster's hash tag: a partition is in one slot,
// so one script may touch all of it.
type keys struct{ prefix string }

const tagged = "softphone:{p"

func keysOf(worker string, partition int) keys {
	return keys{prefix: tagged + strconv.Itoa(partition) + "}:" + worker + ":"}
}

func (k keys) checkpoint() string { return k.prefix + "checkpoint" }

func (k keys) state(x events.Extension) string { return k.prefix + x.Tenant + ":" + x.Number }

// parseState takes the name of a worker's state apart; false for any other name.
func parseState(worker, name string) (partition int, x events.Extension, is bool) {
	rest, ours := strings.CutPrefix(name, tagged)
	number, rest, cut := strings.Cut(rest, "}:"+worker+":")
	tenant, extension, two := strings.Cut(rest, ":")
	partition, err := strconv.Atoi(number)
	if !ours || !cut || !two || err != nil || partition < 0 || partition >= events.Partitions || strings.ContainsAny(rest, ".") || strings.Contains(extension, ":") {
		return 0, events.Extension{}, false
	}
	return partition, events.Extension{Tenant: tenant, Number: extension}, true
}

// scanCount is how many keys Redis goes through for one answer.
const scanCount = 1000

// Extensions calls each with the extensions that have a state of a worker in Redis, some of one partition at a time, in
// no order, some perhaps twice. Redis goes through all its keys for that, so do not call it per partition. On a cluster
// every master is scanned.
func Extensions(ctx context.Context, client redis.UniversalClient, worker string, each func(partition int, some []events.Extension) error) error {
	cluster, is := client.(*redis.ClusterClient)
	if !is {
		return scan(ctx, client, worker, each)
	}
	var mu sync.Mutex // the masters are scanned at the same time
	return cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
		return scan(ctx, master, worker, func(partition int, some []events.Extension) error {
			mu.Lock()
			defer mu.Unlock()
			return each(partition, some)
		})
	})
}

func scan(ctx context.Context, node redis.Cmdable, worker string, each func(int, []events.Extension) error) error {
	for cursor := uint64(0); ; {
		names, next, err := node.Scan(ctx, cursor, tagged+"*}:"+worker+":*:*", scanCount).Result()
		if err != nil {
			return fmt.Errorf("listing states: %w", err)
		}
		found := map[int][]events.Extension{}
		for _, name := range names {
			if partition, x, is := parseState(worker, name); is {
				found[partition] = append(found[partition], x)
			}
		}
		for partition, some := range found {
			if err := each(partition, some); err != nil {
				return err
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}
