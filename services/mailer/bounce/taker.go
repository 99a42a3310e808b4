package bounce

import (
	"context"
	"errors"
)

// Taker puts a notification on record. It returns nil when the notification is on record,
// was there before, or is nothing new; ErrUnknownMail; or another error, after which it
// must get the same notification again.
type Taker func(ctx context.Context, n Notification) error

// ErrUnknownMail says that no mail of ours is known that is meant. A notification may come
// before it is on record that the mail was sent.
var ErrUnknownMail = errors.New("it is about no mail that was sent")
