package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// Input is what a report is made of.
type Input struct {
	Inventory *inventory.Inventory
	// Results has one entry for each link that was selected. Vendors none of
	// whose links are in it stay out of the report.
	Results  []checks.Result
	Judge    *risk.Judge
	Version  string // of this program
	Started  time.Time
	Finished time.Time
	Complete bool // false when the scan was interrupted
	Level    checks.Level
	Terms
	// URI gives the URI of an inventory file by its path, or an empty string;
	// nil means RepositoryURIs("").
	URI func(path string) string
}

// New judges and scores what was observed, and decides the gate. The same
// input gives the same report, to the byte.
func New(in Input) (*Report, error) {
	if in.Inventory == nil || in.Judge == nil {
		return nil, errors.New("a report needs an inventory and a judge")
	}
	r := &Report{
		SchemaVersion: SchemaVersion,
		Tool:          Tool{Name: "m2mscan", Version: in.Version},
		Started:       in.Started.UTC().Truncate(time.Millisecond),
		Finished:      in.Finished.UTC().Truncate(time.Millisecond),
		Complete:      in.Complete,
		Level:         in.Level,
		Inventory:     inventoryOf(in),
	}
	for _, result := range in.Results {
		t, err := targetOf(result, r.Started)
		if err != nil {
			return nil, fmt.Errorf("report of %s: %w", result.Link.FullID(), err)
		}
		r.Targets = append(r.Targets, t)
	}
	r.Vendors = vendorsOf(in, r.Started)
	r.Waivers = waiversOf(in.Waivers)
	if err := r.judge(in.Judge, in.Terms); err != nil {
		return nil, err
	}
	return r, nil
}

// Rejudge judges a report again: from what it holds as declared and observed,
// with these rules and on these terms, and without a packet. With the rules
// and the terms it was made with, the new report equals the old one. The
// version of the program stays that of the scan.
func (r *Report) Rejudge(j *risk.Judge, t Terms) (*Report, error) {
	if j == nil {
		return nil, errors.New("a report needs a judge")
	}
	again := *r
	again.Targets = slices.Clone(r.Targets)
	again.Vendors = slices.Clone(r.Vendors)
	again.Waivers = slices.Clone(r.Waivers)
	if t.Waivers != nil {
		again.Waivers = waiversOf(t.Waivers)
	}
	if err := again.judge(j, t); err != nil {
		return nil, err
	}
	return &again, nil
}

func inventoryOf(in Input) Inventory {
	uri := in.URI
	if uri == nil {
		uri = RepositoryURIs("")
	}
	inv := Inventory{Digest: in.Inventory.Digest, Links: len(in.Inventory.Links())}
	for _, f := range in.Inventory.Files {
		inv.Files = append(inv.Files, File{Path: f.Path, URI: uri(f.Path), Digest: f.Digest})
	}
	return inv
}

func targetOf(result checks.Result, now time.Time) (Target, error) {
	l := result.Link
	t := Target{
		ID: l.FullID(), Vendor: l.Vendor.ID, Kind: string(l.Kind), URL: l.DisplayURL(),
		File: l.Pos.File, Line: l.Pos.Line, Column: l.Pos.Column,
		Declared:     risk.Declare(l, now),
		Facts:        make(map[string]json.RawMessage),
		Unknown:      risk.FactsOf(result.Observations).Unknown,
		Observations: slices.Clone(result.Observations),
	}
	for i := range t.Observations {
		o := &t.Observations[i]
		o.Unknown = unknownOf(t.Unknown, o.Probe)
		if o.Facts == nil {
			continue
		}
		var b bytes.Buffer
		if err := encode(&b, o.Facts); err != nil {
			return Target{}, fmt.Errorf("facts of %s: %w", o.Probe, err)
		}
		t.Facts[o.Probe] = b.Bytes()
	}
	return t, nil
}

// vendorsOf lists the vendors in the order of the inventory: those with a link
// in the results and, unless links were deselected, those without any link.
func vendorsOf(in Input, now time.Time) []Vendor {
	links := make(map[*inventory.Vendor]int, len(in.Inventory.Vendors))
	for _, result := range in.Results {
		links[result.Link.Vendor]++
	}
	whole := len(in.Results) == len(in.Inventory.Links())
	var vendors []Vendor
	for _, v := range in.Inventory.Vendors {
		if links[v] == 0 && !whole {
			continue
		}
		vendors = append(vendors, Vendor{
			ID: v.ID, Name: v.Name,
			File: v.Pos.File, Line: v.Pos.Line, Column: v.Pos.Column,
			Declared: risk.DeclareVendor(v, now),
			Attested: risk.Attestations(v),
			Links:    links[v],
		})
	}
	return vendors
}

// judge fills in everything that follows from the targets, the vendors, the
// rules and the terms. The error is that of a baseline that would mislead.
func (r *Report) judge(j *risk.Judge, t Terms) error {
	r.Tool.RulesDigest, r.Tool.ScoreModel = j.Digest(), risk.ModelVersion
	r.Rules = j.Rules()
	for i := range r.Rules {
		r.Rules[i].Examples = nil // for authors; not part of what was judged
	}
	perLink := make([][]risk.Finding, len(r.Targets))
	claims := make([][]risk.Claim, len(r.Targets))
	networks := make([]string, len(r.Targets))
	inParallel(len(r.Targets), func(i int) {
		t := &r.Targets[i]
		f := risk.FactsOf(t.Observations)
		networks[i], _ = f.Values["link.network"].(string)
		perLink[i] = j.Link(t.Declared, f, t.position())
		t.Score = risk.ScoreLink(t.Declared, networks[i], perLink[i], j.Rule)
		claims[i] = risk.LinkClaims(t.Declared, perLink[i], t.position(), j.Rule)
		perLink[i] = applicable(perLink[i]) // most rules do not apply, and are not kept
	})
	r.Vantage = vantageOf(networks)
	changes := r.changesOf()
	outcomes := r.judgeVendors(j, perLink, claims)
	r.waive()
	r.keepChanges(changes)
	if t.Baseline != nil {
		if err := r.HoldAgainst(t.Baseline.Report, t.Baseline.Path, t.Baseline.Options); err != nil {
			return err
		}
	}
	r.Gate, r.Decision = t.Policy, t.Policy.Decide(r.outcomes(outcomes))
	if !r.Complete && !r.Decision.Incomplete {
		r.Decision.Incomplete = true
		r.Decision.Reasons = append(r.Decision.Reasons, "the scan was interrupted")
	}
	r.Summary = summaryOf(r)
	fillNil(r)
	return nil
}

// piece is the findings of one vendor or link, from one place in Findings to
// another.
type piece struct {
	id       string
	target   *Target // nil for a vendor
	from, to int
}

// outcomes are the pieces as the gate sees them: with what has been waived, and
// what the baseline knows.
func (r *Report) outcomes(pieces []piece) []risk.LinkOutcome {
	list := make([]risk.LinkOutcome, len(pieces))
	for i, p := range pieces {
		o := risk.LinkOutcome{ID: p.id, Findings: r.Findings[p.from:p.to]}
		if p.target != nil {
			o.Grade, o.Observations = p.target.Score.Grade, p.target.Observations
		}
		if r.Baseline != nil {
			o.GradeBefore = r.Baseline.Grades[p.id]
		}
		list[i] = o
	}
	return list
}

// judgeVendors puts the findings and claims in their order: for each vendor
// its own, and then those of its links.
func (r *Report) judgeVendors(j *risk.Judge, perLink [][]risk.Finding, claims [][]risk.Claim) []piece {
	links := make(map[string][]int, len(r.Vendors)) // places in Targets, by vendor
	for i := range r.Targets {
		links[r.Targets[i].Vendor] = append(links[r.Targets[i].Vendor], i)
	}
	room := 0
	for _, findings := range perLink {
		room += len(findings)
	}
	r.Findings = make([]risk.Finding, 0, room) // growing it would need it twice
	r.Claims = nil
	pieces := make([]piece, 0, len(r.Vendors)+len(r.Targets))
	keep := func(id string, target *Target, findings []risk.Finding) {
		from := len(r.Findings)
		r.Findings = append(r.Findings, findings...)
		pieces = append(pieces, piece{id, target, from, len(r.Findings)})
	}
	for i := range r.Vendors {
		v := &r.Vendors[i]
		keep(v.ID, nil, applicable(j.Vendor(v.Declared, v.position())))
		var scores []risk.Score
		var controls []risk.Finding
		caught := false
		for _, l := range links[v.ID] {
			t := &r.Targets[l]
			keep(t.ID, t, perLink[l])
			scores = append(scores, t.Score)
			controls = append(controls, risk.AboutControls(perLink[l], j.Rule)...)
			caught = caught || contradicted(claims[l])
		}
		r.Claims = append(r.Claims, risk.VendorClaims(v.Declared, v.Attested, v.position(), controls, caught, r.Started, j.Rule)...)
		for _, l := range links[v.ID] {
			r.Claims = append(r.Claims, claims[l]...)
		}
		v.Score = risk.ScoreVendor(v.Declared, scores)
	}
	return pieces
}

func contradicted(claims []risk.Claim) bool {
	return slices.ContainsFunc(claims, func(c risk.Claim) bool { return c.State == risk.ClaimContradicted })
}

// applicable returns the findings of rules that apply.
func applicable(findings []risk.Finding) []risk.Finding {
	n := 0
	for i := range findings {
		if findings[i].Verdict != risk.NotApplicable {
			n++
		}
	}
	kept := make([]risk.Finding, 0, n)
	for i := range findings {
		if findings[i].Verdict != risk.NotApplicable {
			kept = append(kept, findings[i])
		}
	}
	return kept
}

func (t *Target) position() inventory.Position {
	return inventory.Position{File: t.File, Line: t.Line, Column: t.Column}
}

func (v *Vendor) position() inventory.Position {
	return inventory.Position{File: v.File, Line: v.Line, Column: v.Column}
}

// inParallel calls f for 0 to n-1 from as many goroutines as there are
// processors, and returns when all calls have.
func inParallel(n int, f func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				f(int(i))
			}
		})
	}
	wg.Wait()
}
