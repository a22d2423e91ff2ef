package flowmap

import (
	"bytes"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/report"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// golden compares got with a file under testdata/golden.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run the test with -update to write it)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s: -want +got\n%s", path, diff)
	}
}

func render(tb testing.TB, format string, m *Map) []byte {
	tb.Helper()
	f, ok := LookupFormat(format)
	if !ok {
		tb.Fatalf("no format %s", format)
	}
	var b bytes.Buffer
	if err := f.Write(&b, m); err != nil {
		tb.Fatalf("write %s: %v", format, err)
	}
	return b.Bytes()
}

func load(tb testing.TB, path string) *inventory.Inventory {
	tb.Helper()
	inv, problems, err := inventory.Load([]string{path}, inventory.Options{Now: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)})
	if err != nil {
		tb.Fatal(err)
	}
	if problems.Errors() > 0 {
		tb.Fatal(problems)
	}
	return inv
}

// sampleMap is testdata/sample.yaml with sampleReport.
func sampleMap(tb testing.TB) *Map {
	tb.Helper()
	inv := load(tb, filepath.Join("testdata", "sample.yaml"))
	return New(inv, sampleReport(), inv.Links())
}

// fullMap is an inventory of every field, without a report.
func fullMap(tb testing.TB) *Map {
	tb.Helper()
	inv := load(tb, filepath.Join("..", "..", "examples", "inventory", "full.yaml"))
	return New(inv, nil, inv.Links())
}

func scored(grade risk.Grade, coverage, residual int, band risk.Band) risk.Score {
	s := risk.Score{Grade: grade, Coverage: coverage, Band: band}
	if grade != risk.GradeUnknown {
		s.Residual = &residual
	}
	return s
}

func failed(rule, target string, severity risk.Severity, message string) risk.Finding {
	vendor, _, _ := strings.Cut(target, "/")
	return risk.Finding{Rule: rule, Target: target, Vendor: vendor, Verdict: risk.Fail, Severity: severity, Message: message}
}

// sampleReport is of sample.yaml, but for one link that came later.
func sampleReport() *report.Report {
	r := &report.Report{
		Tool: report.Tool{Name: "m2mscan", Version: "1.2.3%%{init: {}}%%\n--> x", ScoreModel: "1"}, Started: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC), Complete: true,
		Targets: []report.Target{
			{ID: "acme/charges-api", Vendor: "acme", Score: scored(risk.GradeA, 97, 3, risk.BandLow)},
			{ID: "acme/old-export", Vendor: "acme", Score: scored(risk.GradeF, 90, 80, risk.BandCritical)},
			{ID: "acme/nobody", Vendor: "acme", Score: scored(risk.GradeUnknown, 12, 0, risk.BandUnknown)},
			{ID: "acme/events", Vendor: "acme", Score: scored(risk.GradeC, 88, 30, risk.BandMedium)},
			{ID: "globex/telemetry", Vendor: "globex", Score: scored(risk.GradeD, 70, 55, risk.BandHigh)},
			{ID: "globex/gone", Vendor: "globex", Score: scored(risk.GradeF, 70, 99, risk.BandCritical)},
		},
		Vendors: []report.Vendor{
			{ID: "acme", Score: scored(risk.GradeF, 85, 45, risk.BandHigh)},
			{ID: "globex", Score: scored(risk.GradeD, 70, 55, risk.BandHigh)},
		},
		Findings: []risk.Finding{
			failed("rate-limit-agreed", "acme/charges-api", risk.SeverityLow, "no rate limit stated"),
			failed("transport-encrypted", "acme/old-export", risk.SeverityCritical, "=1+1 </script> sends in plain text"),
			failed("http-hsts", "acme/old-export", risk.SeverityMedium, "no HSTS"),
			failed("key-strength", "acme/events", risk.SeverityHigh, "key of 1024 bits"),
			failed("tls-no-1.0", "globex/telemetry", risk.SeverityHigh, "TLS 1.0 accepted by \"\x1b[31m\u202e\""),
			failed("vendor-has-contact", "globex", risk.SeverityInfo, "no contact stated"),
			failed("gone", "globex/gone", risk.SeverityCritical, "not on the map"),
			{Rule: "tls-no-1.1", Target: "globex/telemetry", Vendor: "globex", Verdict: risk.Inconclusive, Severity: risk.SeverityCritical},
			{Rule: "tls-no-1.2", Target: "globex/telemetry", Vendor: "globex", Verdict: risk.Pass, Severity: risk.SeverityCritical},
		},
	}
	r.Findings[3].Waiver = &risk.Acceptance{State: risk.WaiverActive}
	return r
}

// largeInventory has n links between some systems and vendors.
func largeInventory(systems, vendors, n int) *inventory.Inventory {
	inv := &inventory.Inventory{Version: 1}
	for i := range systems {
		inv.Systems = append(inv.Systems, &inventory.System{ID: fmt.Sprintf("system-%d", i), Name: fmt.Sprintf("System %d \"]|%%%%", i), Owner: "owner"})
	}
	for i := range vendors {
		inv.Vendors = append(inv.Vendors, &inventory.Vendor{ID: fmt.Sprintf("vendor-%d", i), Name: strings.Repeat(fmt.Sprintf("Vendor 😀 %d ", i), 4), Criticality: inventory.CriticalityHigh})
	}
	for i := range n {
		v := inv.Vendors[i*7%vendors]
		v.Links = append(v.Links, largeLink(inv, v, i))
	}
	return inv
}

func largeLink(inv *inventory.Inventory, v *inventory.Vendor, i int) *inventory.Link {
	directions := []inventory.Direction{inventory.DirectionOutbound, inventory.DirectionInbound, inventory.DirectionBoth, ""}
	schemes := []string{"https", "mqtts", "http"}
	l := &inventory.Link{
		Vendor: v, ID: fmt.Sprintf("link-%d", i), Kind: inventory.KindEndpoint,
		URL:       &url.URL{Scheme: schemes[i%len(schemes)], Host: fmt.Sprintf("host-%d.example", i), Path: "/v1"},
		Direction: directions[i%len(directions)], Data: inventory.Data{Classification: classes[i%len(classes)]},
		Auth: inventory.Auth{Type: inventory.AuthBearer}, Permissions: []string{"read:*", "write"},
	}
	if i%11 > 0 && len(inv.Systems) > 0 {
		l.UsedBy = []*inventory.System{inv.Systems[i*3%len(inv.Systems)]}
	}
	return l
}

// largeReport holds every second link of an inventory.
func largeReport(inv *inventory.Inventory) *report.Report {
	r := &report.Report{Tool: report.Tool{Version: "1.2.3"}, Complete: true}
	for i, l := range inv.Links() {
		if i%2 == 0 {
			r.Targets = append(r.Targets, report.Target{ID: l.FullID(), Score: scored(risk.GradeC, 80, i%100, bands[i/2%len(bands)])})
			r.Findings = append(r.Findings, failed("some-rule", l.FullID(), risk.SeverityHigh, "a message of some length that says what was found"))
		}
	}
	for i, v := range inv.Vendors {
		r.Vendors = append(r.Vendors, report.Vendor{ID: v.ID, Score: scored(risk.GradeB, 75, 10, bands[i%len(bands)])})
	}
	return r
}
