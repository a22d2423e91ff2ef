package flowmap

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/report"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// TestDocsAreCurrent holds what docs/map.md shows to what is drawn.
func TestDocsAreCurrent(t *testing.T) { // not parallel: -update writes
	inv := load(t, filepath.Join("testdata", "docs.yaml"))
	m := New(inv, &report.Report{
		Tool: report.Tool{Version: "1.0.0", ScoreModel: "1"}, Started: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC), Complete: true,
		Targets: []report.Target{
			{ID: "acme-pay/charges-api", Score: scored(risk.GradeA, 98, 4, risk.BandLow)},
			{ID: "acme-pay/exports", Score: scored(risk.GradeF, 81, 74, risk.BandCritical)},
			{ID: "acme-pay/charge-events", Score: scored(risk.GradeUnknown, 12, 0, risk.BandUnknown)},
			{ID: "globex-iot/telemetry", Score: scored(risk.GradeC, 90, 28, risk.BandMedium)},
		},
		Vendors: []report.Vendor{
			{ID: "acme-pay", Score: scored(risk.GradeF, 72, 46, risk.BandHigh)},
			{ID: "globex-iot", Score: scored(risk.GradeC, 90, 28, risk.BandMedium)},
		},
		Findings: []risk.Finding{
			failed("credentials-encrypted", "acme-pay/exports", risk.SeverityCritical, "the API key is sent in plain text"),
			failed("rate-limit-agreed", "acme-pay/exports", risk.SeverityLow, "no rate limit stated"),
			failed("certificate-renewal-not-overdue", "globex-iot/telemetry", risk.SeverityMedium, "9 days left"),
		},
	}, inv.Links())
	path := filepath.Join("..", "..", "docs", "map.md")
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(old)
	for language, shown := range map[string]string{
		"mermaid": string(render(t, "mermaid", m)),
		"json":    string(render(t, "json", m)),
	} {
		before, rest, ok := strings.Cut(text, "\n```"+language+"\n")
		_, after, ok2 := strings.Cut(rest, "\n```\n")
		if !ok || !ok2 {
			t.Fatalf("map.md shows no %s", language)
		}
		text = before + "\n```" + language + "\n" + strings.TrimSuffix(shown, "\n") + "\n```\n" + after
	}
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(old), text); diff != "" {
		t.Errorf("docs/map.md is out of date (-file +program); run go test ./pkg/flowmap -run Docs -update\n%s", diff)
	}
}
