package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks/lifecycle"
)

// withCopies makes an app and a folder with copies of the sources, dated.
func withCopies(t *testing.T, date string) (a *app, out *bytes.Buffer, from string) {
	t.Helper()
	from = t.TempDir()
	table := "# date: " + date + "\nproduct\tcycle\treleased\teol\tend_of_active_support\tlatest\tlts\tcpe\n" +
		"nginx\t9.1\t" + date + "\tfalse\t\t9.1.2\t\t\n"
	if err := os.WriteFile(filepath.Join(from, "endoflife.tsv"), []byte(table), 0o644); err != nil {
		t.Fatal(err)
	}
	out = &bytes.Buffer{}
	return newApp(streams{out: out, err: out}), out, from
}

// TestDataInUse: no file means the program's data, unread; a file is used,
// each source where it is newer.
func TestDataInUse(t *testing.T) {
	t.Parallel()
	now := time.Date(2031, 1, 2, 0, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	a, out, from := withCopies(t, "2031-01-01")
	if got, err := a.dataInUse(dir); got != nil || err != nil {
		t.Errorf("without a file: %v, %v", got, err)
	}
	if err := a.updateData(dataUpdate{from: from, dir: dir}, now); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got, err := a.dataInUse(dir)
	if err != nil {
		t.Fatal(err)
	}
	status := got.Status(lifecycle.Software{Product: "nginx", Version: "9.1.1"}, now)
	if status.Cycle != "9.1" || status.Behind == nil || !*status.Behind {
		t.Errorf("the file is not used: %+v", status)
	}
	if got.KnownExploited.Date() != lifecycle.Embedded().KnownExploited.Date() || got.Count().Exploited == 0 {
		t.Errorf("the other source is lost: %+v", got.Count())
	}

	// Data from before the program's is not used any more.
	old := t.TempDir()
	a, out, from = withCopies(t, "2020-01-01")
	if err := a.updateData(dataUpdate{from: from, dir: old}, now); err == nil || !strings.Contains(err.Error(), "older") {
		t.Errorf("older data was written: %v", err)
	}
	if err := a.updateData(dataUpdate{from: from, dir: old, allowOlder: true}, now); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(out.String(), "the program's own data is newer") {
		t.Errorf("it is not said that scans do not use it:\n%s", out)
	}
	got, err = a.dataInUse(old)
	if err != nil {
		t.Fatal(err)
	}
	if got.EndOfLife.Origin != "" {
		t.Errorf("scans use %s, which is older", got.EndOfLife.Origin)
	}
}

// TestDataIsWrittenWhole: a write that fails midway leaves the old data and
// nothing else.
func TestDataIsWrittenWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, lifecycle.FileName)
	if err := writeData(path, lifecycle.Embedded().Encode); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cut := errors.New("the disk is full")
	err = writeData(path, func(w io.Writer) error {
		if _, err := w.Write(before[:len(before)/2]); err != nil {
			return err
		}
		return cut
	})
	if !errors.Is(err, cut) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the old data is not as it was (%v)", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v (%v)", entries, err)
	}
}

// TestDataStale: fresh data is not marked, old data is, each source by itself.
func TestDataStale(t *testing.T) {
	t.Parallel()
	d := lifecycle.Embedded()
	fresh, old := d.KnownExploited.Date().AddDate(0, 0, 89), d.KnownExploited.Date().AddDate(0, 0, 91)
	if r := describeData(nil, fresh); r.Stale || r.Sources[1].AgeDays != 89 || r.Present {
		t.Errorf("at 89 days: %+v", r)
	}
	r := describeData(nil, old)
	if !r.Stale || r.Sources[0].Stale || !r.Sources[1].Stale {
		t.Errorf("at 91 days: %+v", r)
	}
	var out bytes.Buffer
	a := newApp(streams{out: &out})
	if err := a.printData(describeData(nil, fresh)); err != nil || strings.Contains(strings.ToLower(out.String()), "stale") {
		t.Errorf("fresh data is marked: %v\n%s", err, out.String())
	}
}

func TestDataPath(t *testing.T) {
	t.Parallel()
	home := filepath.Join(string(filepath.Separator)+"home", "u")
	tests := []struct {
		dir  string
		env  []string
		want string
	}{
		{"given", []string{"HOME=" + home}, filepath.Join("given", lifecycle.FileName)},
		{"", []string{"HOME=" + home}, filepath.Join(home, ".config", "m2mscan", lifecycle.FileName)},
		{"", []string{"HOME=" + home, "XDG_CONFIG_HOME=" + filepath.Join(home, "xdg")}, filepath.Join(home, "xdg", "m2mscan", lifecycle.FileName)},
	}
	for _, test := range tests {
		if got := newApp(streams{env: test.env}).dataPath(test.dir); got != test.want {
			t.Errorf("%q with %v: %s, want %s", test.dir, test.env, got, test.want)
		}
	}
}
