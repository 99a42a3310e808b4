package servertest

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"
)

// Idle says whether a durable consumer has settled all it is to read. Its own count of
// what waits is not enough: for a moment after a message is stored it is not in there.
func Idle(ctx context.Context, js jetstream.JetStream, stream, durable string) (bool, error) {
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return false, err
	}
	c, err := s.Consumer(ctx, durable)
	if err != nil {
		return false, err
	}
	var newest uint64
	for _, filter := range append(c.CachedInfo().Config.FilterSubjects, c.CachedInfo().Config.FilterSubject) {
		if filter == "" {
			continue
		}
		m, err := s.GetLastMsgForSubject(ctx, filter)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		newest = max(newest, m.Sequence)
	}
	info := c.CachedInfo()
	return info.AckFloor.Stream >= newest && info.NumPending == 0 && info.NumAckPending == 0, nil
}
