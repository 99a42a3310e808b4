module github.com/mycloudpbx/softphone/services/standalone

go 1.26.0

require (
	github.com/emersion/go-message v0.18.2
	github.com/emersion/go-smtp v0.25.1
	github.com/google/go-cmp v0.7.0
	github.com/google/uuid v1.6.0
)

require (
	github.com/emersion/go-sasl v0.0.0-20241020182733-b788ff22d5a6 // indirect
	github.com/mycloudpbx/softphone/services/device-counter v0.0.0-00010101000000-000000000000
	github.com/mycloudpbx/softphone/services/license v0.0.0-00010101000000-000000000000
	github.com/mycloudpbx/softphone/services/mailer v0.0.0-00010101000000-000000000000
	github.com/mycloudpbx/softphone/services/name-sync v0.0.0-00010101000000-000000000000
	golang.org/x/text v0.43.0 // indirect
)

replace (
	github.com/mycloudpbx/softphone/events => ../../events
	github.com/mycloudpbx/softphone/services/internal => ../internal
)

replace github.com/mycloudpbx/softphone/services/license => ../license

replace github.com/mycloudpbx/softphone/services/device-counter => ../device-counter

replace github.com/mycloudpbx/softphone/services/mailer => ../mailer

replace github.com/mycloudpbx/softphone/services/name-sync => ../name-sync
