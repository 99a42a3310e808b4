package credential

import "errors"

var (
	// ErrBusy says that more passwords wait to be compared than there is room for.
	ErrBusy = errors.New("too many passwords are being checked")

	// ErrSeal says that a stored credential was changed or moved, or sealed with a key that is
	// not known any more. A new password puts it right.
	ErrSeal = errors.New("a stored credential does not bear the seal of SOFTPHONE_CREDENTIAL_KEY")

	// errHash says that a stored hash is not one this package wrote.
	errHash = errors.New("the stored hash is not argon2id in PHC form, or beyond what is worth computing")
)
