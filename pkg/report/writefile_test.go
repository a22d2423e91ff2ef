package report

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/m2mscan/m2mscan/internal/peers"
)

func content(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// inFolder fails unless dir holds just these names.
func inFolder(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the folder holds %q, want %q", got, want)
	}
}

func contentOf(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWriteFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "r.json")
	if err := WriteFile(path, content("one")); err != nil {
		t.Fatal(err)
	}
	if got := contentOf(t, path); got != "one" {
		t.Errorf("content %q", got)
	}
	if runtime.GOOS != "windows" {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o644 != info.Mode().Perm() {
			t.Errorf("mode %v, %v: want 0644 less the umask", info.Mode(), err)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := WriteFile(path, content("two")); err != nil {
		t.Fatal(err)
	}
	if got := contentOf(t, path); got != "two" {
		t.Errorf("content %q", got)
	}
	if info, _ := os.Stat(path); runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want that of the old file", info.Mode())
	}
	inFolder(t, dir, "r.json")
}

func TestWriteFileFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "r.json")
	if err := WriteFile(path, content("old")); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	err := WriteFile(path, func(w io.Writer) error {
		if _, err := io.WriteString(w, "half of the ne"); err != nil {
			return err
		}
		if got := contentOf(t, path); got != "old" {
			t.Errorf("a reader sees %q while the new file is written", got)
		}
		return boom
	})
	if !errors.Is(err, boom) || !strings.Contains(err.Error(), "r.json") {
		t.Errorf("error %v", err)
	}
	if got := contentOf(t, path); got != "old" {
		t.Errorf("content %q after a failure, want the old", got)
	}
	inFolder(t, dir, "r.json")

	for name, tc := range map[string]struct{ path, want string }{
		"no folder":      {filepath.Join(dir, "missing", "r.json"), "cannot create a file in"},
		"a folder":       {dir, "is a folder"},
		"file as folder": {filepath.Join(path, "r.json"), "write report to"},
	} {
		err := WriteFile(tc.path, content("x"))
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), ".tmp") {
			t.Errorf("%s: error %v, want %q and no temporary name", name, err, tc.want)
		}
	}
}

func TestWriteFileUnwritableFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Run("as nobody", func(t *testing.T) { // on a goroutine, and so a thread, of its own
		loseRootsRights(t)
		if err := WriteFile(filepath.Join(dir, "r.json"), content("x")); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("error %v, want permission denied", err)
		}
	})
	inFolder(t, dir)
}

func TestWriteFileFollowsLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target := filepath.Join(dir, "real")
	if err := os.Mkdir(target, 0o755); err != nil {
		t.Fatal(err)
	}
	link, chain, loop := filepath.Join(dir, "link.json"), filepath.Join(dir, "chain.json"), filepath.Join(dir, "loop.json")
	for at, to := range map[string]string{link: filepath.Join("real", "r.json"), chain: "link.json", loop: "loop.json"} {
		if err := os.Symlink(to, at); err != nil {
			peers.LeftOut(t, "no symbolic links here: %v", err)
		}
	}
	for _, path := range []string{link, chain} { // dangling at first
		if err := WriteFile(path, content(path)); err != nil {
			t.Fatal(err)
		}
		if got := contentOf(t, filepath.Join(target, "r.json")); got != path {
			t.Errorf("content %q", got)
		}
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link itself was replaced: %v, %v", info, err)
	}
	if err := WriteFile(loop, content("x")); err == nil {
		t.Error("a loop of links was written to")
	}
	inFolder(t, target, "r.json")
}

func TestWriteFileDirectly(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/null"); err != nil {
		peers.LeftOut(t, "no /dev/null")
	}
	if err := WriteFile("/dev/null", content("x")); err != nil {
		t.Error(err)
	}
	boom := errors.New("boom")
	if err := WriteFile("/dev/null", func(io.Writer) error { return boom }); !errors.Is(err, boom) {
		t.Errorf("error %v, want boom", err)
	}
}

func TestWriteFilePipe(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	path := fmt.Sprintf("/proc/self/fd/%d", w.Fd())
	if _, err := os.Stat(path); err != nil {
		peers.LeftOut(t, "no /proc")
	}
	if err := WriteFile(path, content("through the pipe")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "through the pipe" {
		t.Errorf("read %q, %v", got, err)
	}
}
