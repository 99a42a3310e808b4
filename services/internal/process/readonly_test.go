package process

import (
	"context"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// TestReadOnlyRedis: after a failover a proxy may leave us connected to a server that takes no writes any more. Whatever it
// calls that, the next call has to connect again.
func TestReadOnlyRedis(t *testing.T) {
	t.Parallel()
	set := redis.NewScript(`return redis.call('SET', KEYS[1], ARGV[1])`)
	calls := map[string]func(context.Context, redis.UniversalClient) error{
		"a command": func(ctx context.Context, c redis.UniversalClient) error { return c.Set(ctx, "key", "value", 0).Err() },
		"a script": func(ctx context.Context, c redis.UniversalClient) error {
			return set.Run(ctx, c, []string{"key"}, "value").Err()
		},
		"a pipeline": func(ctx context.Context, c redis.UniversalClient) error {
			_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error { return p.Set(ctx, "key", "value", 0).Err() })
			return err
		},
	}
	for _, answer := range []string{
		"READONLY You can't write against a read only replica.",
		"ERR READONLY You can't write against a read only replica.",
		"ERR Error running script: READONLY You can't write against a read only replica.",
	} {
		for name, call := range calls {
			t.Run(name+" answered "+answer, func(t *testing.T) {
				t.Parallel()
				server := miniredis.RunT(t)
				client, err := Redis{URL: "redis://" + server.Addr() + "/?max_retries=-1"}.Connect(t.Context(), "test")
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = client.Close() }()
				before := server.TotalConnectionCount()
				server.SetError(answer)
				if err := call(t.Context(), client); err == nil {
					t.Fatal("a server that takes no writes took one")
				}
				server.SetError("")
				if err := call(t.Context(), client); err != nil {
					t.Fatalf("after the failover: %v", err)
				}
				if after := server.TotalConnectionCount(); after == before {
					t.Errorf("still on a connection to the server that takes no writes: %d connections in all", after)
				}
			})
		}
	}
}
