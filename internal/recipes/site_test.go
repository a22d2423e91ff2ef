// Package recipes runs what docs/ci.md and action.yml tell people to paste: each
// script of each recipe, with the program of this tree, against servers on
// loopback, and with stand-ins for what only a CI service has.
package recipes

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/internal/lab"
	"github.com/m2mscan/m2mscan/internal/peers"
)

// release is the version that the docs and the tests use.
const release = "v0.6.0"

// root is the repository's.
var root = filepath.Join("..", "..")

// scratch holds what is made once for all tests.
var scratch string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if scratch, err = os.MkdirTemp("", "m2mscan-recipes-"); err != nil {
			panic(err)
		}
		defer os.RemoveAll(scratch)
		return m.Run()
	}())
}

var build = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "m2mscan")
	out, err := exec.Command("go", "build", "-o", path, "../../cmd/m2mscan").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

// program is the path of the program of this tree.
func program(t *testing.T) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// A peer is a server that an inventory lists.
type peer string

const (
	good    peer = "good"    // passes
	expired peer = "expired" // breaches a gate at high
	refused peer = "refused" // cannot be assessed
)

// site is a checkout on a machine that runs jobs.
type site struct {
	dir string            // the checkout
	bin string            // stand-ins for programs, first on the PATH
	env map[string]string // of every script
}

// newSite makes a checkout whose inventory lists peers of these kinds.
func newSite(t *testing.T, kinds ...peer) *site {
	t.Helper()
	if runtime.GOOS == "windows" {
		peers.LeftOut(t, "no bash on Windows that knows its paths")
	}
	peers.Find(t, "bash")
	home := t.TempDir()
	s := &site{dir: filepath.Join(home, "work", "ours"), bin: filepath.Join(home, "bin")}
	s.env = map[string]string{
		"HOME": home, "PATH": s.bin + ":" + tools(t, home),
		"M2MSCAN_REQUEST_RATE": "1000", // the servers are our own
	}
	for _, dir := range []string{s.bin, filepath.Join(s.dir, ".git"), filepath.Join(s.dir, "inventory")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	ca, err := lab.NewCA("recipes")
	if err != nil {
		t.Fatal(err)
	}
	var inventory strings.Builder
	inventory.WriteString("version: 1\nvendors:\n  - id: acme\n    endpoints:\n")
	for i, kind := range kinds {
		fmt.Fprintf(&inventory, "      - {id: %s-%d, url: \"https://%s/\", tls: {ca: \"file:ca.pem\"}, auth: {type: bearer, token: \"${ACME_TOKEN}\"}}\n",
			kind, i, serve(t, ca, kind))
	}
	s.write(t, "inventory/links.yaml", inventory.String())
	s.write(t, "inventory/ca.pem", string(ca.PEM()))
	s.write(t, ".m2mscan.yaml", "fail-on: high\n")
	return s
}

// tools makes a folder with the programs that scripts may expect of a machine,
// and no others: what else is installed here makes no difference.
func tools(t *testing.T, home string) string {
	t.Helper()
	dir := filepath.Join(home, "tools")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields("awk bash cat chmod cp curl dirname env gzip head id ln ls mkdir mktemp mv od rm sed " +
		"sh sha256sum shasum sort tar touch tr unzip wc") {
		path, err := exec.LookPath(name)
		if err != nil {
			continue // such as shasum, where there is sha256sum
		}
		if err := os.Symlink(path, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// serve starts a server and returns its address.
func serve(t *testing.T, ca *lab.CA, kind peer) string {
	t.Helper()
	ctx := context.Background() // it is closed below
	options := lab.LeafOptions{Names: []string{"127.0.0.1"}}
	if kind == expired {
		options.NotBefore, options.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-time.Hour)
	}
	cert, err := ca.Leaf(options)
	if err != nil {
		t.Fatal(err)
	}
	var server *lab.Server
	if kind == refused {
		server, err = lab.Refuse(ctx)
	} else {
		server, err = lab.HTTPS(ctx, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
			http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("WWW-Authenticate", "Bearer")
				w.WriteHeader(http.StatusUnauthorized)
			}))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	return server.Address()
}

// write writes a file of the checkout.
func (s *site) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// read returns a file of the checkout.
func (s *site) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// has reports whether the checkout holds a file.
func (s *site) has(name string) bool {
	_, err := os.Stat(filepath.Join(s.dir, filepath.FromSlash(name)))
	return err == nil
}

// standIn puts a shell script in place of a program.
func (s *site) standIn(t *testing.T, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.bin, name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
}

// installer stands in for the Go command: it installs the program of this
// tree, under the name and version that the docs give.
func (s *site) installer(t *testing.T) {
	t.Helper()
	s.standIn(t, "go", fmt.Sprintf(`[ "$*" = "install github.com/m2mscan/m2mscan/cmd/m2mscan@%s" ] || { echo "go $* is not run here" >&2; exit 9; }
mkdir -p "${GOPATH:=$HOME/go}/bin" && ln -sf '%s' "$GOPATH/bin/m2mscan"
`, release, program(t)))
}

// result is what a script did.
type result struct {
	code int
	log  string // stdout and stderr, as a CI service shows them
}

// Shells, as CI services call them.
var (
	githubShell  = []string{"bash", "--noprofile", "--norc", "-e", "-o", "pipefail"}
	azureShell   = []string{"bash", "--noprofile", "--norc"}
	jenkinsShell = []string{"sh", "-xe"}
	plainShell   = []string{"sh"}
)

// run runs a script in the checkout. Nothing of the test's own environment
// reaches it.
func (s *site) run(t *testing.T, shell []string, script string, env map[string]string) result {
	t.Helper()
	file := filepath.Join(t.TempDir(), "script.sh")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, shell[0], append(shell[1:len(shell):len(shell)], file)...)
	cmd.Dir = s.dir
	all := maps.Clone(s.env)
	maps.Copy(all, env)
	for name, value := range all {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = io.Writer(&log), &log
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	} else if ok && exit.ExitCode() < 0 {
		t.Fatalf("the script was killed: %v\n%s", err, log.String())
	}
	return result{cmd.ProcessState.ExitCode(), log.String()}
}

// scanned is a JSON report of an earlier scan of the site, for a baseline.
func (s *site) scanned(t *testing.T) string {
	t.Helper()
	got := s.run(t, plainShell, fmt.Sprintf("'%s' scan inventory/ -o json=earlier.json", program(t)), nil)
	if !s.has("earlier.json") {
		t.Fatalf("no report of an earlier scan:\n%s", got.log)
	}
	path := filepath.Join(t.TempDir(), "m2mscan.json")
	if err := os.Rename(filepath.Join(s.dir, "earlier.json"), path); err != nil {
		t.Fatal(err)
	}
	return path
}
