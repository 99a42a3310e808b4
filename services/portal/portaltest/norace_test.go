//go:build !race

package portaltest_test

// raced tells that the race detector is on.
const raced = false
