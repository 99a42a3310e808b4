package portal

import (
	"context"

	"github.com/mycloudpbx/softphone/events"
)

// Service is the operations. It is safe for concurrent use.
type Service struct{}

// List returns a page of a tenant's extensions by number, at most PageSize, and
// where the next page starts ("" after the last). A query is looked for in number,
// name, e-mail address and username.
func (s *Service) List(ctx context.Context, tenant, query, from string) (page []Summary, next string, err error) {
	panic("not yet")
}

// Get returns an extension, or [ErrNotFound].
func (s *Service) Get(ctx context.Context, x events.Extension) (Details, error) { panic("not yet") }

// Add makes an extension, or returns [ErrExists].
func (s *Service) Add(ctx context.Context, x events.Extension, name string) (version uint64, err error) {
	panic("not yet")
}

// Save renames.
func (s *Service) Save(ctx context.Context, x events.Extension, version uint64, name string) (now uint64, err error) {
	panic("not yet")
}

// Delete removes an extension, its license with it.
func (s *Service) Delete(ctx context.Context, x events.Extension, version uint64) error {
	panic("not yet")
}

// Enable grants a softphone. A password of "" makes one.
func (s *Service) Enable(ctx context.Context, x events.Extension, version uint64, email, password string) (Enabled, error) {
	panic("not yet")
}

// Disable revokes it.
func (s *Service) Disable(ctx context.Context, x events.Extension, version uint64) error {
	panic("not yet")
}

// ResetPassword replaces the password; "" makes one.
func (s *Service) ResetPassword(ctx context.Context, x events.Extension, version uint64, password string) (Reset, error) {
	panic("not yet")
}

// RemoveDevice frees a device's seat.
func (s *Service) RemoveDevice(ctx context.Context, x events.Extension, version uint64, deviceID string) error {
	panic("not yet")
}

// SendWelcome asks for the welcome e-mail once more.
func (s *Service) SendWelcome(ctx context.Context, x events.Extension, version uint64) error {
	panic("not yet")
}

// SignIn lets a device in.
func (s *Service) SignIn(ctx context.Context, in SignIn) (SignedIn, error) { panic("not yet") }

// Profile is what the device of a token shows, or [ErrUnauthorized].
func (s *Service) Profile(ctx context.Context, token string) (Profile, error) { panic("not yet") }

// SignOut ends a token. The device keeps its seat.
func (s *Service) SignOut(ctx context.Context, token string) error { panic("not yet") }

// Watch tells that an extension may look different, until the context ends; then
// the channel is closed. Changes that are not taken at once are told as one.
func (s *Service) Watch(ctx context.Context, x events.Extension) <-chan Change { panic("not yet") }

// GeneratePassword suggests one: 20 unambiguous characters in groups.
func (s *Service) GeneratePassword() string { panic("not yet") }
