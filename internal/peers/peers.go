// Package peers starts real servers on loopback, from the system's packages,
// for tests that must not rest on our own idea of a protocol. Each has its own
// configuration in a folder of the test, and ends with the test.
//
// A server that is not installed skips its test, unless M2MSCAN_REAL=1 is set:
// then it fails, so that nothing is left out unseen where it must run.
package peers

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Find returns the path of a program, or skips or fails the test without it.
func Find(tb testing.TB, program string) string {
	tb.Helper()
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	// Debian keeps servers where a user's PATH does not look.
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"} {
		if path := filepath.Join(dir, program); executable(path) {
			return path
		}
	}
	LeftOut(tb, "%s is not installed", program)
	return ""
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// start runs cmd until the end of the test, and shows what it said if the
// test failed.
func start(tb testing.TB, cmd *exec.Cmd) *process {
	tb.Helper()
	p := &process{cmd: cmd, ended: make(chan struct{})}
	cmd.Stderr = &p.said
	endWithTest(cmd)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // a killed nginx would leave its worker behind
		p.wait()
		if tb.Failed() && p.said.String() != "" {
			tb.Logf("%s said:\n%s", filepath.Base(cmd.Path), p.said.String())
		}
	})
	return p
}

// process is a server that was started.
type process struct {
	cmd   *exec.Cmd
	said  transcript
	once  sync.Once
	ended chan struct{} // closed when wait returns
}

func (p *process) wait() {
	p.once.Do(func() {
		_ = p.cmd.Wait()
		close(p.ended)
	})
	<-p.ended
}

// startupLimit is how long a server may take until it accepts connections.
const startupLimit = 30 * time.Second

// awaitAccept returns when a connection to each address is accepted. What is
// connected is closed again at once.
func (p *process) awaitAccept(tb testing.TB, addrs ...string) {
	tb.Helper()
	go p.wait()
	limit := time.After(startupLimit)
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for _, addr := range addrs {
		for {
			c, err := net.Dial("tcp", addr)
			if err == nil {
				_ = c.Close()
				break
			}
			if !errors.Is(err, syscall.ECONNREFUSED) {
				tb.Fatal(err)
			}
			select {
			case <-again.C:
			case <-p.ended:
				tb.Fatalf("%s ended before it listened", filepath.Base(p.cmd.Path))
			case <-limit:
				tb.Fatalf("%s does not listen on %s", filepath.Base(p.cmd.Path), addr)
			}
		}
	}
}

// transcript keeps what a server writes.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements [io.Writer].
func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

// String returns all that was written.
func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// inherit opens n sockets that listen on loopback, and returns their addresses
// and the files that a server inherits them by. The kernel takes connections
// from this moment on, so there is nothing to wait for.
func inherit(tb testing.TB, n int) (addrs []string, files []*os.File) {
	tb.Helper()
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			tb.Fatal(err)
		}
		file, err := listener.(*net.TCPListener).File()
		if err != nil {
			tb.Fatal(err)
		}
		addrs = append(addrs, listener.Addr().String())
		listener.Close() // the duplicate in file stays open
		files = append(files, file)
	}
	return addrs, files
}

// firstInherited is the number of the first file that a server inherits.
const firstInherited = 3

func closeAll(files []*os.File) {
	for _, file := range files {
		_ = file.Close()
	}
}

// write puts a file into the test's folder and returns its path.
func write(tb testing.TB, dir, name, content string) string {
	tb.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// LeftOut skips a test that this system cannot run, or fails it where
// M2MSCAN_REAL=1 says that nothing may be left out.
func LeftOut(tb testing.TB, format string, args ...any) {
	tb.Helper()
	why := fmt.Sprintf(format, args...)
	if os.Getenv("M2MSCAN_REAL") == "1" {
		tb.Fatalf("%s, and M2MSCAN_REAL=1 demands it", why)
	}
	tb.Skipf("left out: %s", why)
}
