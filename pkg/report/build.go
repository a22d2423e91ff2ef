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
	Policy   risk.Policy
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
	r.judge(in.Judge, in.Policy)
	return r, nil
}

// Rejudge judges a report again: from what it holds as declared and observed,
// with these rules and this policy, and without a packet. With the rules and
// the policy it was made with, the new report equals the old one. The version
// of the program stays that of the scan.
func (r *Report) Rejudge(j *risk.Judge, p risk.Policy) (*Report, error) {
	if j == nil {
		return nil, errors.New("a report needs a judge")
	}
	again := *r
	again.Targets = slices.Clone(r.Targets)
	again.Vendors = slices.Clone(r.Vendors)
	again.judge(j, p)
	return &again, nil
}

func inventoryOf(in Input) Inventory {
	uri := in.URI
	if uri == nil {
		uri = RepositoryURIs("")
	}
	inv := Inventory{Digest: in.Inventory.Digest}
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
			Links:    links[v],
		})
	}
	return vendors
}

// judge fills in everything that follows from the targets, the vendors, the
// rules and the policy.
func (r *Report) judge(j *risk.Judge, p risk.Policy) {
	r.Tool.RulesDigest, r.Tool.ScoreModel = j.Digest(), risk.ModelVersion
	r.Rules = j.Rules()
	for i := range r.Rules {
		r.Rules[i].Examples = nil // for authors; not part of what was judged
	}
	perLink := make([][]risk.Finding, len(r.Targets))
	networks := make([]string, len(r.Targets))
	inParallel(len(r.Targets), func(i int) {
		t := &r.Targets[i]
		f := risk.FactsOf(t.Observations)
		networks[i], _ = f.Values["link.network"].(string)
		perLink[i] = j.Link(t.Declared, f, t.position())
		t.Score = risk.ScoreLink(t.Declared, networks[i], perLink[i], j.Rule)
	})
	r.Vantage = vantageOf(networks)
	outcomes := r.judgeVendors(j, perLink)
	r.Gate, r.Decision = p, p.Decide(outcomes)
	if !r.Complete && !r.Decision.Incomplete {
		r.Decision.Incomplete = true
		r.Decision.Reasons = append(r.Decision.Reasons, "the scan was interrupted")
	}
	r.Summary = summaryOf(r)
	fillNil(r)
}

// judgeVendors puts the findings in their order: for each vendor its own, and
// then those of its links. It returns what became of each, for the gate.
func (r *Report) judgeVendors(j *risk.Judge, perLink [][]risk.Finding) []risk.LinkOutcome {
	links := make(map[string][]int, len(r.Vendors)) // places in Targets, by vendor
	for i := range r.Targets {
		links[r.Targets[i].Vendor] = append(links[r.Targets[i].Vendor], i)
	}
	outcomes := make([]risk.LinkOutcome, 0, len(r.Vendors)+len(r.Targets))
	room := 0
	for _, findings := range perLink {
		room += applicable(findings)
	}
	r.Findings = make([]risk.Finding, 0, room) // growing it would need it twice
	for i := range r.Vendors {
		v := &r.Vendors[i]
		own := j.Vendor(v.Declared, v.position())
		r.keep(own)
		outcomes = append(outcomes, risk.LinkOutcome{ID: v.ID, Findings: own})
		scores := make([]risk.Score, 0, len(links[v.ID]))
		for _, l := range links[v.ID] {
			t := &r.Targets[l]
			r.keep(perLink[l])
			outcomes = append(outcomes, risk.LinkOutcome{ID: t.ID, Grade: t.Score.Grade, Findings: perLink[l], Observations: t.Observations})
			scores = append(scores, t.Score)
		}
		v.Score = risk.ScoreVendor(v.Declared, scores)
	}
	return outcomes
}

func applicable(findings []risk.Finding) (n int) {
	for i := range findings {
		if findings[i].Verdict != risk.NotApplicable {
			n++
		}
	}
	return n
}

func (r *Report) keep(findings []risk.Finding) {
	for _, f := range findings {
		if f.Verdict != risk.NotApplicable {
			r.Findings = append(r.Findings, f)
		}
	}
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
