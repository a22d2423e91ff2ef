package recipes

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/internal/peers"
)

// hooks is .pre-commit-hooks.yaml.
type hooks []struct {
	ID          string `yaml:"id"`
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	Language    string `yaml:"language"`
	Entry       string `yaml:"entry"`
	Files       string `yaml:"files"`
	Minimum     string `yaml:"minimum_pre_commit_version"`
}

func TestHookPicksInventories(t *testing.T) {
	t.Parallel()
	var h hooks
	strict(t, repositoryFile(t, ".pre-commit-hooks.yaml"), &h)
	files := regexp.MustCompile(h[0].Files)
	for path, want := range map[string]bool{
		"m2mscan.yaml": true, "inventory.yml": true, "inventory/acme.yaml": true, "ops/inventory/eu/globex.json": true, "ops/m2mscan.yaml": true,
		".m2mscan.yaml": false, "waivers.yaml": true, "inventory/waivers.yaml": true, "inventory/ca.pem": false,
		"inventory.md": false, "my-inventory/x.yaml": false, "docs/inventory.yaml.md": false,
	} {
		if picked := files.MatchString(path); picked != want {
			t.Errorf("%s is picked: %v", path, picked)
		}
	}
}

// TestPreCommit has pre-commit build the hook from this tree and run it in a
// repository that is set up as the docs have it.
func TestPreCommit(t *testing.T) {
	t.Parallel()
	preCommit := peers.Find(t, "pre-commit")
	peers.Find(t, "git")
	hook := hookRepository(t)
	s := newSite(t, good)
	config := strings.Replace(blocks(t)["Before a commit"].text, "https://github.com/m2mscan/m2mscan", hook, 1)
	s.write(t, ".pre-commit-config.yaml", config)
	if err := os.Remove(filepath.Join(s.dir, ".git")); err != nil {
		t.Fatal(err)
	}
	git(t, s.dir, "init", "-q")
	git(t, s.dir, "add", ".")
	run := func() (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, preCommit, "run", "--color", "never")
		cmd.Dir = s.dir
		// Modules come from the cache of this machine, wherever pre-commit
		// would keep its own.
		cmd.Env = append(gitEnv(), "PRE_COMMIT_HOME="+filepath.Join(scratch, "pre-commit"),
			"GOMODCACHE="+goEnv(t, "GOMODCACHE"), "GOCACHE="+goEnv(t, "GOCACHE"), "GOFLAGS=-trimpath", "GOPROXY=off")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run(); err != nil || !strings.Contains(out, "Passed") {
		t.Fatalf("a good inventory: %v\n%s", err, out)
	}
	s.write(t, "inventory/links.yaml", strings.Replace(s.read(t, "inventory/links.yaml"), "auth:", "atuh:", 1))
	git(t, s.dir, "add", ".")
	if out, err := run(); err == nil || !strings.Contains(out, `unknown key "atuh"`) || !strings.Contains(out, "exit code: 2") {
		t.Errorf("a bad inventory: %v\n%s", err, out)
	}
}

// hookRepository is a repository of this tree as it is, with the release's tag.
func hookRepository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		peers.LeftOut(t, "this is no git repository: %v", err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // deleted, and not committed yet
		} else if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git(t, dir, "init", "-q")
	git(t, dir, "add", "--force", ".")
	git(t, dir, "commit", "-q", "-m", "The tree under test")
	git(t, dir, "tag", release)
	return dir
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir, cmd.Env = dir, gitEnv()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

// gitEnv keeps the settings of whoever runs the test out.
func gitEnv() []string {
	return append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=test", "GIT_AUTHOR_EMAIL=test@ours.example", "GIT_COMMITTER_NAME=test", "GIT_COMMITTER_EMAIL=test@ours.example")
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
