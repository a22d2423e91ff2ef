package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// DiffVersion is the version of the JSON form of a Diff: major.minor. A minor
// step only adds.
const DiffVersion = "1.0"

// Diff is what changed between two reports.
type Diff struct {
	DiffVersion string          `json:"diff_version"`
	Old         DiffSide        `json:"old"`
	New         DiffSide        `json:"new"`
	Notes       []DiffNote      `json:"notes"` // what else differs, and may explain changes
	Counts      DiffCounts      `json:"counts"`
	Findings    []FindingChange `json:"findings"` // all but those unchanged, worst first
	Links       []ScoreChange   `json:"links"`    // those added, removed or scored otherwise, worst first
	Vendors     []ScoreChange   `json:"vendors"`
}

// DiffSide says which report stands on one side.
type DiffSide struct {
	Started         time.Time    `json:"started"`
	Version         string       `json:"version"` // of the program
	Level           checks.Level `json:"level"`
	Vantage         string       `json:"vantage"`
	RulesDigest     string       `json:"rules_digest"`
	ScoreModel      string       `json:"score_model"`
	InventoryDigest string       `json:"inventory_digest"`
	Links           int          `json:"links"`             // in the report
	Partial         string       `json:"partial,omitempty"` // what the report lacks of its inventory
}

// NoteTopic says what a DiffNote is about.
type NoteTopic string

// Topics of notes.
const (
	NoteOrder     NoteTopic = "order"     // the old report is the newer one
	NotePartial   NoteTopic = "partial"   // a report does not speak for its whole inventory
	NoteModel     NoteTopic = "model"     // scores are not compared
	NoteInventory NoteTopic = "inventory" // no link is in both
	NoteRules     NoteTopic = "rules"
	NoteLevel     NoteTopic = "level"
	NoteVantage   NoteTopic = "vantage"
)

// DiffNote is a difference between the reports that is no change of a finding.
type DiffNote struct {
	Topic NoteTopic `json:"topic"`
	Text  string    `json:"text"`
}

// FindingState is what became of a failed finding between two reports.
type FindingState string

// States of a finding, in the order that a diff lists them.
const (
	StateRegressed        FindingState = "regressed" // it passed, did not apply, or failed with a lower severity
	StateNew              FindingState = "new"       // it fails, and was not assessed before
	StateChanged          FindingState = "changed"   // it fails as before, with other values
	StateUnchanged        FindingState = "unchanged"
	StateNoLongerAssessed FindingState = "no_longer_assessed" // it failed, and nobody knows today
	StateFixed            FindingState = "fixed"              // it failed, and was seen to pass or not to apply
)

// FindingStates lists every state in that order.
func FindingStates() []FindingState {
	return []FindingState{StateRegressed, StateNew, StateChanged, StateUnchanged, StateNoLongerAssessed, StateFixed}
}

// DiffCounts counts the findings that fail in either report, by state.
type DiffCounts struct {
	Regressed        int `json:"regressed"`
	New              int `json:"new"`
	Changed          int `json:"changed"`
	Unchanged        int `json:"unchanged"`
	NoLongerAssessed int `json:"no_longer_assessed"`
	Fixed            int `json:"fixed"`
}

// Of returns the count of one state.
func (c *DiffCounts) Of(s FindingState) int { return *c.of(s) }

func (c *DiffCounts) of(s FindingState) *int {
	switch s {
	case StateRegressed:
		return &c.Regressed
	case StateNew:
		return &c.New
	case StateChanged:
		return &c.Changed
	case StateNoLongerAssessed:
		return &c.NoLongerAssessed
	case StateFixed:
		return &c.Fixed
	default:
		return &c.Unchanged
	}
}

// FindingChange is one finding that fails in at least one of the reports.
type FindingChange struct {
	State       FindingState `json:"state"`
	Rule        string       `json:"rule"`
	Target      string       `json:"target"`
	Vendor      string       `json:"vendor"`
	Fingerprint string       `json:"fingerprint"`
	Why         string       `json:"why"` // why it has this state, for people
	// Waived says that somebody accepts it: in the new report where it fails
	// there, else in the old one.
	Waived bool         `json:"waived"`
	Old    *FindingSide `json:"old,omitempty"` // absent where the old report has no such finding
	New    *FindingSide `json:"new,omitempty"`
}

// FindingSide is a finding as one of the reports has it.
type FindingSide struct {
	Verdict  risk.Verdict  `json:"verdict"`
	Severity risk.Severity `json:"severity"`
	Message  string        `json:"message"`
}

// Failed is the side on which the finding fails: the new one where both do.
func (c *FindingChange) Failed() *FindingSide {
	if c.New != nil && c.New.Verdict == risk.Fail {
		return c.New
	}
	return c.Old
}

// Compare says what changed between two reports. It refuses what [Comparable]
// refuses. Neither report is changed.
func Compare(old, now *Report, o CompareOptions) (*Diff, error) {
	if err := Comparable(old, now, o); err != nil {
		return nil, err
	}
	d := &Diff{
		DiffVersion: DiffVersion, Old: sideOf(old), New: sideOf(now),
		Notes: []DiffNote{}, Findings: []FindingChange{}, Links: []ScoreChange{}, Vendors: []ScoreChange{},
	}
	d.note(old, now)
	d.compareFindings(comparison{old: assess("the old report", old), new: assess("the new report", now)}, old, now)
	d.compareScores(old, now)
	return d, nil
}

func sideOf(r *Report) DiffSide {
	return DiffSide{
		Started: r.Started, Version: r.Tool.Version, Level: r.Level, Vantage: r.Vantage,
		RulesDigest: r.Tool.RulesDigest, ScoreModel: r.Tool.ScoreModel,
		InventoryDigest: r.Inventory.Digest, Links: len(r.Targets), Partial: r.partial(),
	}
}

// note says what differs between the reports themselves.
func (d *Diff) note(old, now *Report) {
	add := func(topic NoteTopic, format string, args ...any) {
		d.Notes = append(d.Notes, DiffNote{topic, fmt.Sprintf(format, args...)})
	}
	if d.New.Started.Before(d.Old.Started) {
		add(NoteOrder, "the old report is newer than the new one")
	}
	for _, side := range []struct{ which, lack string }{{"old", d.Old.Partial}, {"new", d.New.Partial}} {
		if side.lack != "" {
			add(NotePartial, "the %s report is partial: %s", side.which, side.lack)
		}
	}
	if d.Old.ScoreModel != d.New.ScoreModel {
		add(NoteModel, "the score models differ, so that grades and residual risks are not compared")
	}
	if len(old.Targets) > 0 && len(now.Targets) > 0 && !haveLinkInCommon(old, now) {
		add(NoteInventory, "no link is in both reports")
	}
	if d.Old.RulesDigest != d.New.RulesDigest {
		if added, dropped := notAmong(now.Rules, old.rulesByID()), notAmong(old.Rules, now.rulesByID()); added+dropped > 0 {
			add(NoteRules, "the rules differ: %d not judged before, %d not judged any more", added, dropped)
		} else {
			add(NoteRules, "the rules differ in what they ask, not in which there are")
		}
	}
	if d.Old.Level != d.New.Level {
		add(NoteLevel, "the level was %s and is %s", d.Old.Level, d.New.Level)
	}
	if d.Old.Vantage != d.New.Vantage {
		add(NoteVantage, "the vantage was %s and is %s", d.Old.Vantage, d.New.Vantage)
	}
}

// notAmong counts the rules whose ids are not among others.
func notAmong(rules []risk.Rule, others map[string]int) (n int) {
	for i := range rules {
		if _, among := others[rules[i].ID]; !among {
			n++
		}
	}
	return n
}

func haveLinkInCommon(old, now *Report) bool {
	ids := make(map[string]bool, len(old.Targets))
	for i := range old.Targets {
		ids[old.Targets[i].ID] = true
	}
	return slices.ContainsFunc(now.Targets, func(t Target) bool { return ids[t.ID] })
}

func (d *Diff) compareFindings(c comparison, old, now *Report) {
	for i := range now.Findings {
		f := &now.Findings[i]
		if f.Verdict != risk.Fail {
			continue
		}
		change, why := c.since(f)
		d.count(FindingState(change), why, f, c.old.findings[f.Fingerprint], f)
	}
	for i := range old.Findings {
		f := &old.Findings[i]
		if f.Verdict != risk.Fail || c.stillFails(f) {
			continue
		}
		state, why := c.whereto(f)
		d.count(state, why, f, f, c.new.findings[f.Fingerprint])
	}
	slices.SortStableFunc(d.Findings, func(a, b FindingChange) int { return compareChanges(&a, &b) })
}

// count takes up one finding; failed is the side that fails.
func (d *Diff) count(state FindingState, why string, failed, old, now *risk.Finding) {
	*d.Counts.of(state)++
	if state == StateUnchanged {
		return
	}
	d.Findings = append(d.Findings, FindingChange{
		State: state, Rule: failed.Rule, Target: failed.Target, Vendor: failed.Vendor, Fingerprint: failed.Fingerprint,
		Why: why, Waived: failed.Waived(), Old: findingSide(old), New: findingSide(now),
	})
}

func findingSide(f *risk.Finding) *FindingSide {
	if f == nil {
		return nil
	}
	return &FindingSide{Verdict: f.Verdict, Severity: f.Severity, Message: f.Message}
}

// compareChanges orders findings: what is worse than before, then what fails
// as it did, what nobody knows of, and what is fixed. Within each those that
// nobody accepts come before those waived, and the most severe first.
func compareChanges(a, b *FindingChange) int {
	states := FindingStates()
	group := func(c *FindingChange) int {
		place := 2 * max(slices.Index(states, c.State), slices.Index(states, StateNew)) // new and regressed alike
		if c.Waived {
			place++
		}
		return place
	}
	return cmp.Or(
		cmp.Compare(group(a), group(b)),
		cmp.Compare(severityRank(b.Failed().Severity), severityRank(a.Failed().Severity)),
		cmp.Compare(slices.Index(states, a.State), slices.Index(states, b.State)),
		cmp.Compare(a.Target, b.Target),
		cmp.Compare(a.Rule, b.Rule),
	)
}

// Worse lists the findings that are new or regressed, that nobody accepts, and
// that are of a severity or above, worst first.
func (d *Diff) Worse(least risk.Severity) []*FindingChange {
	var worse []*FindingChange
	for i := range d.Findings {
		c := &d.Findings[i]
		if (c.State == StateNew || c.State == StateRegressed) && !c.Waived &&
			severityRank(c.New.Severity) >= severityRank(least) {
			worse = append(worse, c)
		}
	}
	return worse
}

// DiffFormat is one way to write a Diff.
type DiffFormat struct {
	Name  string // as in -o NAME
	Doc   string // one line for people
	Write func(w io.Writer, d *Diff, o Options) error
}

// DiffFormats lists every format of a Diff. The first is the default.
func DiffFormats() []DiffFormat {
	return []DiffFormat{
		{Name: "table", Doc: "tables for people, on a terminal or in a log", Write: writeDiffTable},
		{Name: "json", Doc: "all changes, for programs", Write: writeDiffJSON},
		{Name: "markdown", Doc: "for the comment on a pull request, bounded, worst first", Write: writeDiffMarkdown},
	}
}
