//go:build !linux

package report

import (
	"os"
	"testing"

	"github.com/m2mscan/m2mscan/internal/peers"
)

// loseRootsRights skips the test for users whom the mode of a folder does not
// stop.
func loseRootsRights(t *testing.T) {
	t.Helper()
	if os.Geteuid() <= 0 {
		peers.LeftOut(t, "this user may write everywhere")
	}
}
