package report

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/m2mscan/m2mscan/internal/peers"
)

// write makes an empty file with its folders.
func write(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestRepositoryURIs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	repo := filepath.Join(dir, "repo")
	write(t, filepath.Join(repo, ".git", "HEAD"))
	write(t, filepath.Join(repo, "inventory.yaml"))
	write(t, filepath.Join(repo, "team a", "50% #1", "übersicht.yaml"))
	write(t, filepath.Join(repo, "worktree", ".git")) // a file, as in a worktree or submodule
	write(t, filepath.Join(repo, "worktree", "ops", "inventory.yaml"))
	write(t, filepath.Join(dir, "outside.yaml"))
	if err := os.Symlink(filepath.Join(repo, "inventory.yaml"), filepath.Join(repo, "link.yaml")); err != nil {
		peers.LeftOut(t, "no symbolic links here: %v", err)
	}
	if err := os.Symlink(filepath.Join(dir, "outside.yaml"), filepath.Join(repo, "out.yaml")); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ root, path, want string }{
		{"", "repo/inventory.yaml", "inventory.yaml"},
		{"", "repo/team a/50% #1/übersicht.yaml", "team%20a/50%25%20%231/%C3%BCbersicht.yaml"},
		{"", "repo/worktree/ops/inventory.yaml", "ops/inventory.yaml"},
		{"", "repo/worktree/../inventory.yaml", "inventory.yaml"},
		{"", "repo/link.yaml", "inventory.yaml"}, // GitHub does not show symbolic links
		{"", "repo/out.yaml", ""},                // leads out of the repository
		{"", "outside.yaml", ""},
		{"", "repo/stdin", ""}, // no such file
		{"", "repo", ""},       // a folder
		{"repo", "repo/worktree/ops/inventory.yaml", "worktree/ops/inventory.yaml"},
		{".", "outside.yaml", "outside.yaml"},
		{"repo/worktree", "repo/inventory.yaml", ""},
		{"missing", "repo/inventory.yaml", ""},
	} {
		root := tc.root
		if root != "" {
			root = filepath.Join(dir, root)
		}
		if got := RepositoryURIs(root)(filepath.Join(dir, tc.path)); got != tc.want {
			t.Errorf("root %q, path %q: URI %q, want %q", tc.root, tc.path, got, tc.want)
		}
	}
}

func TestRelativeURI(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"a/b.yaml":      "a/b.yaml",
		"http:/x.yaml":  "http%3A/x.yaml",
		"c:d.yaml":      "c%3Ad.yaml",
		"a?b#c.yaml":    "a%3Fb%23c.yaml",
		"tab\tnew\n.y":  "tab%09new%0A.y",
		"quote\"<>.yml": "quote%22%3C%3E.yml",
	} {
		if got := relativeURI(path); got != want {
			t.Errorf("relativeURI(%q) = %q, want %q", path, got, want)
		} else if !isRepositoryPath(got) {
			t.Errorf("the lint refuses %q", got)
		}
	}
}
