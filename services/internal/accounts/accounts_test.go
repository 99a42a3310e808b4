package accounts_test

import (
	"os"
	"testing"

	"github.com/mycloudpbx/softphone/services/internal/accounts"
)

func TestTheFileIsWhatIsWrittenHere(t *testing.T) {
	file, err := os.ReadFile("../../../deploy/nats/accounts.conf")
	if err != nil {
		t.Fatal(err)
	}
	if string(file) != accounts.Config() {
		t.Error("deploy/nats/accounts.conf is not what accounts.go says: run `go generate ./services/internal/accounts`")
	}
}
