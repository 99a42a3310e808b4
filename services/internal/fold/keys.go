package fold

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// keys names what a worker keeps in one partition. The braces are Redis Cluster's
// hash tag: a partition is one slot, so that one script may touch all of it.
type keys struct{ prefix string }

const tagged = "softphone:{p"

func keysOf(worker string, partition int) keys {
	return keys{prefix: tagged + strconv.Itoa(partition) + "}:" + worker + ":"}
}

func (k keys) checkpoint() string { return k.prefix + "checkpoint" }

func (k keys) state(key eventlog.Key) string {
	tenant, extension := key.Tokens()
	return k.prefix + tenant + ":" + extension
}

// keyOf is the key whose state of a worker has a name in Redis, and its partition;
// false for what is no state.
func keyOf(worker, name string) (partition int, key eventlog.Key, is bool) {
	rest, ours := strings.CutPrefix(name, tagged)
	number, rest, cut := strings.Cut(rest, "}:"+worker+":")
	tenant, extension, two := strings.Cut(rest, ":")
	partition, err := strconv.Atoi(number)
	if !ours || !cut || !two || err != nil || partition < 0 || partition >= events.Partitions || strings.ContainsAny(rest, ".") || strings.Contains(extension, ":") {
		return 0, "", false
	}
	return partition, eventlog.Key(tenant + "." + extension), true
}

// page is how many keys Redis is asked for at a time.
const page = 1000

// Keys calls each with the keys a worker has states of in Redis, some of a partition
// at a time, in no order and some perhaps twice. Redis goes through all it has for
// that, whosever it is, so nobody should ask for each partition. On a cluster every
// master is asked.
func Keys(ctx context.Context, client redis.UniversalClient, worker string, each func(partition int, keys []eventlog.Key) error) error {
	cluster, is := client.(*redis.ClusterClient)
	if !is {
		return scan(ctx, client, worker, each)
	}
	var one sync.Mutex // the masters are asked at once
	return cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
		return scan(ctx, master, worker, func(partition int, keys []eventlog.Key) error {
			one.Lock()
			defer one.Unlock()
			return each(partition, keys)
		})
	})
}

func scan(ctx context.Context, node redis.Cmdable, worker string, each func(int, []eventlog.Key) error) error {
	for cursor := uint64(0); ; {
		names, next, err := node.Scan(ctx, cursor, tagged+"*}:"+worker+":*:*", page).Result()
		if err != nil {
			return fmt.Errorf("listing states: %w", err)
		}
		found := map[int][]eventlog.Key{}
		for _, name := range names {
			if partition, key, is := keyOf(worker, name); is {
				found[partition] = append(found[partition], key)
			}
		}
		for partition, keys := range found {
			if err := each(partition, keys); err != nil {
				return err
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}
