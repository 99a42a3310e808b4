module github.com/mycloudpbx/softphone/services/internal

go 1.26
