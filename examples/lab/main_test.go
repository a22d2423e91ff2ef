package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks/probes"
	"github.com/m2mscan/m2mscan/pkg/report"
)

func TestRunScansAndReports(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "out") // run makes it
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), []string{"-out", dir, "-width", "200"}, &stdout, &stderr); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	file, err := os.Open(filepath.Join(dir, "lab-report.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	saved, err := report.Read(file, probes.All())
	if err != nil {
		t.Fatal(err)
	}
	if !saved.Complete || !saved.Decision.Breached {
		t.Errorf("complete %v, breached %v: want a whole scan of a bad lab", saved.Complete, saved.Decision.Breached)
	}
	for _, target := range saved.Targets {
		_, id, _ := strings.Cut(target.ID, "/")
		if !strings.Contains(stdout.String(), id) {
			t.Errorf("the table leaves out %s", target.ID)
		}
	}
	if saved.Summary.Failed["critical"] == 0 || saved.Vantage != "loopback" {
		t.Errorf("summary %+v, vantage %s", saved.Summary, saved.Vantage)
	}

	text, err := os.ReadFile(filepath.Join(dir, "lab-report.sarif"))
	if err != nil {
		t.Fatal(err)
	}
	var sarif struct {
		Runs []struct {
			Results []struct {
				Locations []struct {
					PhysicalLocation struct{ ArtifactLocation struct{ URI string } }
				}
			}
		}
	}
	if err := json.Unmarshal(text, &sarif); err != nil {
		t.Fatal(err)
	}
	if len(sarif.Runs) != 1 || len(sarif.Runs[0].Results) == 0 {
		t.Fatal("SARIF without results")
	}
	for _, result := range sarif.Runs[0].Results {
		if uri := result.Locations[0].PhysicalLocation.ArtifactLocation.URI; uri != "lab-inventory.yaml" {
			t.Fatalf("a result points at %q", uri)
		}
	}
	// The literal secret of the inventory stays there.
	secret := []byte("not-a-real-token-of-anybody")
	outputs := map[string][]byte{"stdout": stdout.Bytes(), "stderr": stderr.Bytes()}
	for _, name := range []string{"lab-report.json", "lab-report.sarif"} {
		if outputs[name], err = os.ReadFile(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, output := range outputs {
		if bytes.Contains(output, secret) {
			t.Errorf("%s holds a secret of the inventory", name)
		}
	}
	if inventory, err := os.ReadFile(filepath.Join(dir, "lab-inventory.yaml")); err != nil || !bytes.Contains(inventory, secret) {
		t.Errorf("the inventory does not hold the literal secret that is looked for: %v", err)
	}
	for _, said := range []string{"lab-inventory.yaml", "lab-report.json", "lab-report.sarif", "scanned"} {
		if !strings.Contains(stderr.String(), said) {
			t.Errorf("stderr does not tell of %s:\n%s", said, &stderr)
		}
	}
}

// ended is a writer that cancels a context when it is told how to go on.
type ended struct {
	bytes.Buffer
	cancel context.CancelFunc
}

func (e *ended) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("m2mscan scan")) {
		e.cancel()
	}
	return e.Buffer.Write(p)
}

func TestServeEndsOnInterrupt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	stderr := &ended{cancel: cancel}
	if err := run(ctx, []string{"-serve", "-out", dir}, io.Discard, stderr); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "lab-inventory.yaml")
	if !strings.Contains(stderr.String(), "m2mscan scan "+path) {
		t.Errorf("no command to try:\n%s", stderr)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "lab-report.json")); !errors.Is(err, os.ErrNotExist) {
		t.Error("-serve wrote a report")
	}
}

func TestBadUsage(t *testing.T) {
	t.Parallel()
	if err := run(t.Context(), []string{"-help"}, io.Discard, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-help: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"-nonsense"}, {"-out", file}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}
