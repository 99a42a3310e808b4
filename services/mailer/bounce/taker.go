package bounce

import (
	"context"
	"errors"
)

// Taker puts a notification on record. It returns nil when it is there, or is no
// news, also when it was there before; ErrUnknownMail; or another error, after
// which the same notification is to be handed over again.
type Taker func(ctx context.Context, n Notification) error

// ErrUnknownMail says that no mail of ours is meant, as far as is known: a
// notification may come before it is on record that the mail was sent.
var ErrUnknownMail = errors.New("it is about no mail that was sent")
