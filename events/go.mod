module github.com/mycloudpbx/softphone/events

go 1.26
