package flowmap

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

func TestNewJoinsInventoryAndReport(t *testing.T) {
	t.Parallel()
	m := sampleMap(t)

	var systems []string
	for _, s := range m.Systems {
		systems = append(systems, s.ID)
	}
	if diff := cmp.Diff([]string{"billing", "fleet", "idle", "acme", Unstated}, systems); diff != "" {
		t.Errorf("systems: -want +got\n%s", diff)
	}

	type edge struct{ From, To, Link string }
	var edges []edge
	for e := range m.Edges() {
		edges = append(edges, edge{e.From, e.To, e.Link.ID})
	}
	want := []edge{
		{"system:billing", "vendor:acme", "acme/charges-api"},
		{"system:fleet", "vendor:acme", "acme/charges-api"},
		{"system:acme", "vendor:acme", "acme/charges-api"},
		{"system:billing", "vendor:acme", "acme/old-export"},
		{"system:?", "vendor:acme", "acme/nobody"},
		{"vendor:acme", "system:fleet", "acme/events"},
		{"system:fleet", "vendor:globex", "globex/telemetry"},
		{"system:fleet", "vendor:globex", "globex/not-in-the-report"},
	}
	if diff := cmp.Diff(want, edges); diff != "" {
		t.Errorf("edges: -want +got\n%s", diff)
	}
	if diff := cmp.Diff([]string{"globex/not-in-the-report"}, m.Unscanned()); diff != "" {
		t.Errorf("unscanned: -want +got\n%s", diff)
	}
}

func TestRiskIsThatOfTheReport(t *testing.T) {
	t.Parallel()
	m := sampleMap(t)
	acme, globex, initech := m.Vendors[0].Risk, m.Vendors[1].Risk, m.Vendors[2].Risk
	if acme == nil || globex == nil || initech != nil {
		t.Fatalf("risk of vendors: %v, %v, %v; want the third alone to be nil", acme, globex, initech)
	}
	if diff := cmp.Diff(map[risk.Severity]int{"critical": 1, "medium": 1, "low": 1}, acme.Open); diff != "" {
		t.Errorf("open findings of acme: -want +got\n%s", diff)
	}
	if acme.Waived != 1 || acme.Worst.Rule != "transport-encrypted" {
		t.Errorf("acme has %d waived, worst %s; want 1, transport-encrypted", acme.Waived, acme.Worst.Rule)
	}
	// Its own rule counts, and neither what was inconclusive nor a link that
	// is not on the map.
	if diff := cmp.Diff(map[risk.Severity]int{"high": 1, "info": 1}, globex.Open); diff != "" {
		t.Errorf("open findings of globex: -want +got\n%s", diff)
	}
	unknown := m.Links[2].Risk
	if got := unknown.gradeWords() + "; " + unknown.worstWords(); got != "grade ?, coverage 12 %; too little is known" {
		t.Errorf("a link that could not be graded is %q", got)
	}
	if events := m.Links[3].Risk; events.worstWords() != "no open finding, 1 waived" {
		t.Errorf("a link with a waived finding is %q", events.worstWords())
	}
}

func TestWithoutReportNothingIsSaidOfRisk(t *testing.T) {
	t.Parallel()
	m := fullMap(t)
	if len(m.Unscanned()) > 0 {
		t.Errorf("unscanned without a report: %v", m.Unscanned())
	}
	for _, f := range Formats() {
		if f.Name == "html" || f.Name == "json" || f.Name == "csv" {
			continue // these name it in a style or a column
		}
		for _, word := range []string{"grade", "coverage", notScanned, "low risk"} {
			if slices.Contains(wordsOf(render(t, f.Name, m)), word) {
				t.Errorf("%s speaks of %q without a report", f.Name, word)
			}
		}
	}
}

func wordsOf(b []byte) []string {
	return slices.Collect(func(yield func(string) bool) {
		start := 0
		for i := range b {
			if letter := b[i] >= 'a' && b[i] <= 'z'; !letter {
				if i > start && !yield(string(b[start:i])) {
					return
				}
				start = i + 1
			}
		}
	})
}

func TestSelectionLeavesOutTheOthers(t *testing.T) {
	t.Parallel()
	inv := load(t, filepath.Join("testdata", "sample.yaml"))
	links := slices.DeleteFunc(inv.Links(), func(l *inventory.Link) bool { return l.ID != "telemetry" })
	m := New(inv, sampleReport(), links)
	if len(m.Systems) != 1 || m.Systems[0].ID != "fleet" || m.Systems[0].Links != 1 {
		t.Errorf("systems: %+v; want fleet alone", m.Systems)
	}
	if len(m.Vendors) != 1 || m.Vendors[0].ID != "globex" || m.Vendors[0].Links != 1 {
		t.Errorf("vendors: %+v; want globex alone", m.Vendors)
	}
	if n := m.Vendors[0].Risk.Open[risk.SeverityCritical]; n != 0 {
		t.Errorf("%d findings of links that are not on the map", n)
	}
}

func TestMainVendorsAreThoseAtRisk(t *testing.T) {
	t.Parallel()
	m := &Map{Vendors: []Vendor{
		{ID: "few", Links: 1},
		{ID: "low", Links: 9, Risk: &Risk{Band: risk.BandLow}},
		{ID: "many", Links: 50},
		{ID: "critical", Links: 1, Risk: &Risk{Band: risk.BandCritical}},
		{ID: "unknown", Links: 60, Risk: &Risk{Band: risk.BandUnknown}},
	}}
	if diff := cmp.Diff([]int{1, 3, 4}, m.mainVendors(3)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
