//go:build !linux

package report

import (
	"os"
	"testing"
)

// loseRootsRights skips the test for users whom the mode of a folder does not
// stop.
func loseRootsRights(t *testing.T) {
	t.Helper()
	if os.Geteuid() <= 0 {
		leftOut(t, "this user may write everywhere")
	}
}
