package peers

import (
	"bufio"
	"io"
	"os/exec"
	"path/filepath"
	"testing"
)

// What a script that serves on inherited sockets says when it may be asked, and
// when it cannot run for want of a package.
const (
	saysReady   = "ready"
	saysMissing = "missing"
)

// startReady starts a script and returns when it says that it is ready. The
// kernel takes connections before, but nobody would answer for a while.
func startReady(tb testing.TB, cmd *exec.Cmd) {
	tb.Helper()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	start(tb, cmd)
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		switch lines.Text() {
		case saysReady:
			go func() { _, _ = io.Copy(io.Discard, stdout) }() // a full pipe would stop it
			return
		case saysMissing:
			LeftOut(tb, "a package that %s needs is not installed", filepath.Base(cmd.Path))
		}
	}
	tb.Fatalf("%s ended before it served", filepath.Base(cmd.Path))
}
