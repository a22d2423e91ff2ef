package peers

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// nodeFiles are the servers on Node.js, and the versions of what they are made
// of.
//
//go:embed node/*.mjs node/package.json node/package-lock.json
var nodeFiles embed.FS

// installLimit is how long npm may take to install all of it.
const installLimit = 4 * time.Minute

// Node starts servers on Node.js: the script names one of the folder node, and
// each element of servers tells it how the server behaves that it shall start,
// in JSON; the head of each script says what it understands. They speak plain
// HTTP/1.1; [NewFront] puts TLS before one. It returns their addresses in
// order.
//
// The packages that a script is made of are installed from npm, once for each
// package-lock.json there ever was, under the user's cache folder.
func Node(tb testing.TB, script string, servers ...string) []string {
	tb.Helper()
	program := Find(tb, "node")
	dir := tb.TempDir()
	if err := os.Symlink(nodeModules(tb), filepath.Join(dir, "node_modules")); err != nil {
		tb.Fatal(err)
	}
	for _, name := range []string{"serve.mjs", script} {
		write(tb, dir, name, nodeFile(tb, name))
	}
	addrs, files := inherit(tb, len(servers))
	defer closeAll(files)
	cmd := exec.CommandContext(tb.Context(), program, append([]string{filepath.Join(dir, script)}, servers...)...)
	cmd.ExtraFiles = files
	startReady(tb, cmd)
	return addrs
}

func nodeFile(tb testing.TB, name string) string {
	tb.Helper()
	text, err := nodeFiles.ReadFile("node/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// nodeModules is the folder of the installed packages.
func nodeModules(tb testing.TB) string {
	tb.Helper()
	npm := Find(tb, "npm")
	cache, err := os.UserCacheDir()
	if err != nil {
		tb.Fatal(err)
	}
	locked := nodeFile(tb, "package-lock.json")
	sum := sha256.Sum256([]byte(locked))
	home := filepath.Join(cache, "m2mscan-peers")
	installed := filepath.Join(home, hex.EncodeToString(sum[:]))
	modules := filepath.Join(installed, "node_modules")
	if isFolder(modules) {
		return modules
	}
	if err := os.MkdirAll(home, 0o755); err != nil {
		tb.Fatal(err)
	}
	unlock, err := lock(installed + ".lock") // other tests may be at it
	if err != nil {
		tb.Fatal(err)
	}
	defer unlock()
	if isFolder(modules) {
		return modules
	}
	// Beside the finished one: nothing is renamed across file systems.
	unfinished := filepath.Join(home, "unfinished-"+rand.Text())
	if err := os.Mkdir(unfinished, 0o755); err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(unfinished) }()
	write(tb, unfinished, "package.json", nodeFile(tb, "package.json"))
	write(tb, unfinished, "package-lock.json", locked)
	if err := installPackages(tb.Context(), npm, unfinished); err != nil {
		LeftOut(tb, "npm cannot install what the servers are made of: %v", err)
	}
	if err := os.Rename(unfinished, installed); err != nil && !isFolder(modules) {
		tb.Fatal(err)
	}
	return modules
}

// installPackages runs npm in a folder. No script of a package is run.
func installPackages(ctx context.Context, npm, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, installLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=1")
	cmd.Dir = dir
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, said)
	}
	return nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
