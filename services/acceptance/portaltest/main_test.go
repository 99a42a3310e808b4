package portaltest_test

import (
	"testing"

	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m, nil) }
