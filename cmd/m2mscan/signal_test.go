package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/probes"
	"github.com/m2mscan/m2mscan/pkg/report"
)

// inventoryFor writes an inventory with one link for each peer.
func inventoryFor(t *testing.T, links map[string]*peer) string {
	t.Helper()
	ca, err := newAuthority()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), ca.pem, 0o644); err != nil {
		t.Fatal(err)
	}
	type endpoint struct {
		ID  string            `json:"id"`
		URL string            `json:"url"`
		TLS map[string]string `json:"tls"`
	}
	var endpoints []endpoint
	for id, p := range links {
		endpoints = append(endpoints, endpoint{id, "https://" + p.address() + "/", map[string]string{"ca": "file:ca.pem"}})
	}
	text, err := json.Marshal(map[string]any{
		"version": 1,
		"vendors": []any{map[string]any{"id": "acme", "endpoints": endpoints}},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "inventory.json")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestInterrupt interrupts a scan that waits for a server which says nothing:
// what was gathered is printed, marked incomplete, and the exit code is 3.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	stall := newPeer(t, peerStall)
	path := inventoryFor(t, map[string]*peer{"good": newPeer(t, peerGood), "stall": stall})
	ctx, interrupt := context.WithCancel(t.Context())
	go func() {
		select { // once the stalling server has a client, the scan is under way
		case <-stall.reached:
		case <-ctx.Done():
		}
		interrupt()
	}()
	var stdout, stderr bytes.Buffer
	began := time.Now()
	code := run(ctx, []string{"scan", path, "-o", "json", "--timeout", "5m", "--step-timeout", "5m", "--allow-unreachable"},
		streams{in: strings.NewReader(""), out: &stdout, err: &stderr})
	if code != exitIncomplete {
		t.Errorf("exit code %d, want %d; stderr:\n%s", code, exitIncomplete, stderr.String())
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("an interrupted scan took %s", took)
	}
	if !strings.Contains(stderr.String(), "scan interrupted") {
		t.Errorf("stderr does not tell of the interrupt:\n%s", stderr.String())
	}
	r, err := report.Read(&stdout, probes.All())
	if err != nil {
		t.Fatal(err)
	}
	if r.Complete || len(r.Targets) != 2 {
		t.Errorf("complete %t with %d links, want false with 2", r.Complete, len(r.Targets))
	}
	for _, target := range r.Targets {
		if !strings.HasSuffix(target.ID, "/stall") {
			continue
		}
		cancelled := false
		for _, o := range target.Observations {
			cancelled = cancelled || o.Reason == checks.ReasonCancelled
		}
		if !cancelled {
			t.Errorf("no probe on %s says it was cancelled: %+v", target.ID, target.Observations)
		}
	}
}
