package risk

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// scored is one finding in short: its category, severity and verdict, and the
// cap of its rule.
type scored struct {
	category Category
	severity Severity
	verdict  Verdict
	limit    Grade
}

// findingsOf makes findings and their rules.
func findingsOf(list []scored) ([]Finding, func(string) (Rule, bool)) {
	rules := make(map[string]Rule, len(list))
	findings := make([]Finding, len(list))
	for i, s := range list {
		id := fmt.Sprintf("r%d", i)
		rules[id] = Rule{ID: id, Title: "Title " + id, Severity: s.severity, Category: s.category, Cap: s.limit}
		findings[i] = Finding{Rule: id, Target: "acme/api", Severity: s.severity, Verdict: s.verdict}
	}
	return findings, func(id string) (Rule, bool) { r, ok := rules[id]; return r, ok }
}

func scoreOf(d Declared, network string, list []scored) Score {
	findings, rules := findingsOf(list)
	return ScoreLink(d, network, findings, rules)
}

func TestScoreLink(t *testing.T) {
	t.Parallel()
	passAll := []scored{
		{CategoryAuthentication, SeverityCritical, Pass, ""}, {CategoryTLS, SeverityCritical, Pass, ""},
		{CategoryCertificate, SeverityCritical, Pass, ""}, {CategoryMTLS, SeverityCritical, Pass, ""},
		{CategoryRateLimit, SeverityCritical, Pass, ""}, {CategoryErrors, SeverityCritical, Pass, ""},
	}
	and := func(more ...scored) []scored { return slices.Concat(passAll, more) }
	for _, c := range []struct {
		name    string
		list    []scored
		grade   Grade
		posture int // -1 for none
		cover   int
	}{
		{"nothing is known", nil, GradeUnknown, -1, 0},
		{"all passes", passAll, GradeA, 100, 100},
		{"a medium failure", and(scored{CategoryTLS, SeverityMedium, Fail, ""}), GradeA, 93, 100},                             // 4 of 14 points of 25
		{"a high failure leaves 40 percent", and(scored{CategoryErrors, SeverityHigh, Fail, ""}), GradeA, 94, 100},            // half is above the limit
		{"a low failure", and(scored{CategoryTLS, SeverityLow, Fail, ""}), GradeA, 98, 100},                                   // at most 90 percent of 25
		{"one small rule weighs little", []scored{passAll[1], {CategoryRateLimit, SeverityLow, Fail, ""}}, GradeA, 96, 100},   // 1 of 26
		{"few points weigh in proportion", []scored{passAll[1], {CategoryErrors, SeverityMedium, Fail, ""}}, GradeB, 86, 100}, // 4 of 29
		{"info is worth nothing", and(scored{CategoryTLS, SeverityInfo, Fail, ""}), GradeA, 100, 100},                         //
		{"governance is worth nothing", and(scored{CategoryGovernance, SeverityCritical, Fail, ""}), GradeA, 100, 100},        //
		{"governance may cap", and(scored{CategoryGovernance, SeverityLow, Fail, GradeC}), GradeC, 79, 100},
		{"a critical failure empties its category", and(scored{CategoryTLS, SeverityCritical, Fail, ""}), GradeC, 75, 100},
		{"cap F", and(scored{CategoryTLS, SeverityCritical, Fail, GradeF}), GradeF, 20, 100},
		{"cap D", and(scored{CategoryTLS, SeverityLow, Fail, GradeD}), GradeD, 64, 100},
		{"the lowest cap wins", and(scored{CategoryTLS, SeverityLow, Fail, GradeC}, scored{CategoryErrors, SeverityLow, Fail, GradeD}), GradeD, 64, 100},
		{"a rule that passes does not cap", and(scored{CategoryTLS, SeverityHigh, Pass, GradeF}), GradeA, 100, 100},
		{"a rule that is inconclusive does not cap", and(scored{CategoryTLS, SeverityHigh, Inconclusive, GradeF}), GradeA, 100, 89},
		{"what does not apply is left out", []scored{{CategoryTLS, SeverityHigh, Pass, ""}, {CategoryErrors, SeverityHigh, NotApplicable, ""}}, GradeA, 100, 100},
		{"coverage of 60 is enough", []scored{{CategoryTLS, SeverityHigh, Pass, ""}, {CategoryMTLS, SeverityHigh, Inconclusive, ""}}, GradeA, 100, 62},
		{"coverage below 60 is not", []scored{{CategoryTLS, SeverityHigh, Pass, ""}, {CategoryAuthentication, SeverityHigh, Inconclusive, ""}}, GradeUnknown, -1, 50},
		{"points count within a category", []scored{{CategoryTLS, SeverityHigh, Pass, ""}, {CategoryTLS, SeverityMedium, Inconclusive, ""}}, GradeA, 100, 63},
		{"governance alone is no grade", []scored{{CategoryGovernance, SeverityHigh, Pass, ""}}, GradeUnknown, -1, 0},
	} {
		got := scoreOf(Declared{}, "public", c.list)
		posture := -1
		if got.Posture != nil {
			posture = *got.Posture
		}
		if got.Grade != c.grade || posture != c.posture || got.Coverage != c.cover {
			t.Errorf("%s: grade %s, posture %d, coverage %d; want %s, %d, %d", c.name, got.Grade, posture, got.Coverage, c.grade, c.posture, c.cover)
		}
		if (got.Posture == nil) != (got.Residual == nil) || (got.Posture == nil) != (got.Band == BandUnknown) {
			t.Errorf("%s: %+v is half a score", c.name, got)
		}
	}
}

func TestGradesAndBands(t *testing.T) {
	t.Parallel()
	for posture, want := range map[int]Grade{100: GradeA, 90: GradeA, 89: GradeB, 80: GradeB, 79: GradeC, 65: GradeC, 64: GradeD, 50: GradeD, 49: GradeF, 0: GradeF} {
		if got := gradeOf(posture); got != want {
			t.Errorf("posture %d is %s, want %s", posture, got, want)
		}
	}
	for residual, want := range map[int]Band{0: BandLow, 19: BandLow, 20: BandMedium, 39: BandMedium, 40: BandHigh, 69: BandHigh, 70: BandCritical, 100: BandCritical} {
		if got := bandOf(residual); got != want {
			t.Errorf("residual %d is %s, want %s", residual, got, want)
		}
	}
	for g, ceiling := range map[Grade]int{GradeC: capC, GradeD: capD, GradeF: capF} {
		if got := gradeOf(ceiling); got != g {
			t.Errorf("a cap of %s allows %d, which is %s", g, ceiling, got)
		}
	}
}

func TestInherent(t *testing.T) {
	t.Parallel()
	lowest, _ := inherentOf("low", "public", "loopback")
	highest, _ := inherentOf("critical", "restricted", "public")
	if lowest != 20 || highest != 100 {
		t.Errorf("inherent risk goes from %d to %d, want 20 to 100", lowest, highest)
	}
	for i := range criticalities {
		for j := range classifications {
			for k := range exposures {
				here := inherentTable[i][j][k]
				if i > 0 && here <= inherentTable[i-1][j][k] || j > 0 && here <= inherentTable[i][j-1][k] || k > 0 && here <= inherentTable[i][j][k-1] {
					t.Errorf("%s, %s, %s: %d does not rise", criticalities[i], classifications[j], exposures[k], here)
				}
			}
		}
	}
	got, note := inherentOf("", "", "")
	want, _ := inherentOf("medium", "confidential", "public")
	if got != want || note != "criticality medium (not known), data confidential (not known), exposure public (not known)" {
		t.Errorf("nothing stated: %d, %s", got, note)
	}
	if _, note := inherentOf("high", "internal", "moon"); !strings.HasSuffix(note, "exposure public (for moon)") {
		t.Errorf("an unknown network: %s", note)
	}
}

func TestLedger(t *testing.T) {
	t.Parallel()
	d := Declared{Vendor: DeclaredVendor{Criticality: "high"}, Link: DeclaredLink{Classification: "restricted"}}
	graded := scoreOf(d, "public", []scored{
		{CategoryAuthentication, SeverityHigh, Pass, ""}, {CategoryAuthentication, SeverityMedium, Fail, ""},
		{CategoryTLS, SeverityHigh, Fail, GradeD}, {CategoryTLS, SeverityMedium, Pass, ""}, {CategoryTLS, SeverityHigh, Pass, ""}, {CategoryTLS, SeverityHigh, Pass, ""}, {CategoryTLS, SeverityLow, Inconclusive, ""},
		{CategoryCertificate, SeverityLow, Pass, ""},
		{CategoryMTLS, SeverityMedium, Inconclusive, ""},
		{CategoryRateLimit, SeverityLow, NotApplicable, ""},
		{CategoryGovernance, SeverityLow, Fail, GradeC},
	})
	ungraded := scoreOf(Declared{}, "", []scored{
		{CategoryTLS, SeverityHigh, Fail, ""}, {CategoryAuthentication, SeverityHigh, Inconclusive, ""}, {CategoryMTLS, SeverityHigh, Inconclusive, ""},
	})
	vendor := ScoreVendor(DeclaredVendor{Criticality: "high"}, []Score{graded, ungraded, {Grade: GradeA, Posture: new(95), Coverage: 100, Inherent: 60, Residual: new(3)}})
	var out strings.Builder
	for _, s := range []Score{graded, ungraded, vendor, ScoreVendor(DeclaredVendor{}, nil)} {
		text, err := json.MarshalIndent(s, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		out.Write(append(text, '\n'))
	}
	golden(t, "ledger.golden", out.String())
}

// drawn is a random list of findings.
func drawn(r *rand.Rand) []scored {
	list := make([]scored, 1+r.IntN(25))
	for i := range list {
		list[i] = drawnFinding(r)
	}
	return list
}

func drawnFinding(r *rand.Rand) scored {
	return scored{
		category: Categories[r.IntN(len(Categories))],
		severity: Severities[r.IntN(len(Severities))],
		verdict:  []Verdict{Pass, Pass, Pass, Fail, Inconclusive, NotApplicable}[r.IntN(6)],
		limit:    []Grade{"", "", "", "", GradeC, GradeD, GradeF}[r.IntN(7)],
	}
}

func drawnDeclared(r *rand.Rand) (d Declared, network string) {
	d.Vendor.Criticality = []string{"", "low", "medium", "high", "critical"}[r.IntN(5)]
	d.Link.Classification = []string{"", "public", "internal", "confidential", "restricted"}[r.IntN(5)]
	return d, []string{"", "loopback", "private", "public"}[r.IntN(4)]
}

// forSeeds runs a property over many random draws; a failure names its seed.
func forSeeds(t *testing.T, property func(t *testing.T, r *rand.Rand)) {
	t.Helper()
	for seed := range uint64(3000) {
		property(t, rand.New(rand.NewPCG(seed, 0)))
		if t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
	}
}

func TestFailingFindingNeverImprovesPosture(t *testing.T) {
	t.Parallel()
	forSeeds(t, func(t *testing.T, r *rand.Rand) {
		t.Helper()
		list := drawn(r)
		d, network := drawnDeclared(r)
		before := scoreOf(d, network, list)
		worse := slices.Clone(list)
		if r.IntN(2) == 0 {
			f := drawnFinding(r)
			f.verdict = Fail
			worse = append(worse, f)
		} else {
			worse[r.IntN(len(worse))].verdict = Fail
		}
		after := scoreOf(d, network, worse)
		if before.Posture == nil || after.Posture == nil {
			return
		}
		if *after.Posture > *before.Posture || *after.Residual < *before.Residual {
			t.Errorf("posture %d → %d, residual %d → %d\n%v\n%v", *before.Posture, *after.Posture, *before.Residual, *after.Residual, list, worse)
		}
	})
}

func TestInconclusiveNeverRaisesCoverage(t *testing.T) {
	t.Parallel()
	forSeeds(t, func(t *testing.T, r *rand.Rand) {
		t.Helper()
		list := drawn(r)
		before := scoreOf(Declared{}, "", list)
		for i := range list {
			if list[i].verdict != Pass && list[i].verdict != Fail {
				continue
			}
			less := slices.Clone(list)
			less[i].verdict = Inconclusive
			if after := scoreOf(Declared{}, "", less); after.Coverage > before.Coverage {
				t.Errorf("coverage %d → %d\n%v\n%v", before.Coverage, after.Coverage, list, less)
			}
		}
	})
}

func TestCriticalityNeverLowersResidual(t *testing.T) {
	t.Parallel()
	forSeeds(t, func(t *testing.T, r *rand.Rand) {
		t.Helper()
		var lists [][]scored
		var declared []Declared
		var networks []string
		for range 1 + r.IntN(5) {
			d, network := drawnDeclared(r)
			lists, declared, networks = append(lists, drawn(r)), append(declared, d), append(networks, network)
		}
		var before []Score
		var vendorBefore Score
		for _, criticality := range criticalities {
			now := make([]Score, len(lists))
			for i := range lists {
				declared[i].Vendor.Criticality = string(criticality)
				now[i] = scoreOf(declared[i], networks[i], lists[i])
				if before != nil && now[i].Residual != nil && *now[i].Residual < *before[i].Residual {
					t.Errorf("a link's residual fell to %d from %d at %s", *now[i].Residual, *before[i].Residual, criticality)
				}
			}
			vendor := ScoreVendor(DeclaredVendor{Criticality: string(criticality)}, now)
			if vendorBefore.Residual != nil && vendor.Residual != nil && *vendor.Residual < *vendorBefore.Residual {
				t.Errorf("the vendor's residual fell to %d from %d at %s", *vendor.Residual, *vendorBefore.Residual, criticality)
			}
			before, vendorBefore = now, vendor
		}
	})
}

func TestEqualInputEqualOutput(t *testing.T) {
	t.Parallel()
	forSeeds(t, func(t *testing.T, r *rand.Rand) {
		t.Helper()
		list := drawn(r)
		d, network := drawnDeclared(r)
		if diff := cmp.Diff(scoreOf(d, network, list), scoreOf(d, network, list)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestLedgerAddsUpToThePosture(t *testing.T) {
	t.Parallel()
	sum := func(s Score) float64 {
		total := 0.0
		for _, e := range s.Ledger {
			total += e.Points
		}
		return total
	}
	forSeeds(t, func(t *testing.T, r *rand.Rand) {
		t.Helper()
		var scores []Score
		for range r.IntN(5) {
			d, network := drawnDeclared(r)
			s := scoreOf(d, network, drawn(r))
			scores = append(scores, s)
			if s.Ledger[0].Points != 100 || s.Ledger[0].Note != "start" {
				t.Errorf("the ledger begins with %+v", s.Ledger[0])
			}
			if s.Posture != nil && math.Abs(sum(s)-float64(*s.Posture)) > 1e-9 {
				t.Errorf("the ledger adds up to %g, and the posture is %d: %+v", sum(s), *s.Posture, s.Ledger)
			}
		}
		v := ScoreVendor(DeclaredVendor{}, scores)
		if v.Posture != nil && math.Abs(sum(v)-float64(*v.Posture)) > 1e-9 {
			t.Errorf("the vendor's ledger adds up to %g, and the posture is %d", sum(v), *v.Posture)
		}
	})
}

func TestScoresStayInTheirRange(t *testing.T) {
	t.Parallel()
	forSeeds(t, func(t *testing.T, r *rand.Rand) {
		t.Helper()
		d, network := drawnDeclared(r)
		s := scoreOf(d, network, drawn(r))
		inside := s.Coverage >= 0 && s.Coverage <= 100 && s.Inherent >= 20 && s.Inherent <= 100
		if s.Posture != nil {
			inside = inside && *s.Posture >= 0 && *s.Posture <= 100 && *s.Residual >= 0 && *s.Residual <= s.Inherent && s.Coverage >= minCoverage
		}
		if !inside {
			t.Errorf("%+v", s)
		}
	})
}

func TestScoreVendor(t *testing.T) {
	t.Parallel()
	link := func(posture, inherent, coverage int) Score {
		s := Score{Grade: GradeUnknown, Band: BandUnknown, Inherent: inherent, Coverage: coverage}
		if posture >= 0 {
			s.grade(posture, residualOf(inherent, posture))
		}
		return s
	}
	for _, c := range []struct {
		name              string
		links             []Score
		grade             Grade
		posture, residual int // -1 for none
		coverage          int
		inherent          int
	}{
		{"no link", nil, GradeUnknown, -1, -1, 0, 20},
		{"one link", []Score{link(84, 50, 90)}, GradeB, 84, 8, 90, 50},
		{"weighted by inherent risk", []Score{link(100, 75, 100), link(80, 25, 60)}, GradeA, 95, 1, 90, 75},
		{"the worst link holds the posture down", []Score{link(100, 50, 100), link(100, 50, 100), link(20, 50, 100)}, GradeF, 35, 25, 100, 50},
		{"the worst link holds the residual up", []Score{link(100, 80, 100), link(0, 100, 100)}, GradeF, 15, 85, 100, 100},
		{"a link without a grade lowers the coverage alone", []Score{link(90, 50, 100), link(-1, 50, 30)}, GradeA, 90, 5, 65, 50},
		{"too little coverage", []Score{link(90, 50, 90), link(-1, 50, 0)}, GradeUnknown, -1, -1, 45, 50},
		{"no link with a grade", []Score{link(-1, 50, 50)}, GradeUnknown, -1, -1, 50, 50},
	} {
		got := ScoreVendor(DeclaredVendor{Criticality: "low"}, c.links)
		posture, residual := -1, -1
		if got.Posture != nil {
			posture, residual = *got.Posture, *got.Residual
		}
		if got.Grade != c.grade || posture != c.posture || residual != c.residual || got.Coverage != c.coverage || got.Inherent != c.inherent {
			t.Errorf("%s: %s posture %d residual %d coverage %d inherent %d; want %s %d %d %d %d", c.name,
				got.Grade, posture, residual, got.Coverage, got.Inherent, c.grade, c.posture, c.residual, c.coverage, c.inherent)
		}
	}
}
