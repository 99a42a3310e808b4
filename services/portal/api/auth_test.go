package api

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
)

// The hash of nothing, which is what a shell makes of a variable that is not set, would
// let in everybody who shows no token at all.
func TestHashOfNothingIsNoToken(t *testing.T) {
	t.Parallel()
	nothing := sha256.Sum256(nil)
	tokens, err := ParseTokens("crm * " + hex.EncodeToString(nothing[:]))
	if err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("%d tokens, %v", len(tokens), err)
	}
}
