module github.com/mycloudpbx/softphone/services/softphonectl

go 1.26

require (
	github.com/mycloudpbx/softphone/events v0.0.0-00010101000000-000000000000
	github.com/mycloudpbx/softphone/services/internal v0.0.0-00010101000000-000000000000
)

replace (
	github.com/mycloudpbx/softphone/events => ../../events
	github.com/mycloudpbx/softphone/services/internal => ../internal
)
