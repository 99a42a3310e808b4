package credential

import "errors"

var (
	// ErrBusy says that more passwords wait to be compared than there is room for.
	ErrBusy = errors.New("too many passwords are being checked")

	// errHash says that a stored hash is not one this package wrote.
	errHash = errors.New("the stored hash is not argon2id in PHC form, or beyond what is worth computing")
)
