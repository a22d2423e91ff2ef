package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// Dossier is what a vendor may read of a report: what was looked at, what was
// seen, what is asked and by when. It holds nothing of other vendors and
// nothing that is ours: no systems, owners, criticality, permissions, risk,
// waivers or places in files.
//
// All text in it is printable. It is text, not markup: the writers escape it.
type Dossier struct {
	Vendor   string   // its id
	Name     string   // its name, or the id
	Contacts []string // as the inventory states them
	From     string   // who sends it; may be empty
	ReplyTo  string   // where answers go; may be empty

	Date              time.Time // of the letter
	Started, Finished time.Time // of the scan
	Complete          bool      // false when the scan was interrupted
	Level             checks.Level
	Vantage           string // as in Report
	Tool              string // "m2mscan 1.2.3"
	Connections       int    // to the links of the vendor
	Requests          int

	Links      []DossierLink
	Asks       []DossierAsk // the most severe first
	Claims     []DossierClaim
	EvidenceBy time.Time // when answers on claims are due
	Gaps       []DossierGap
	Met        int      // requirements that were met, over all links
	Missed     int      // not met
	Undecided  int      // could not be decided
	Good       []string // requirements that all links meet, the weightiest first

	Withheld Withheld
}

// DossierLink is one link of the vendor.
type DossierLink struct {
	Name    string // its id, without the vendor's
	Kind    string
	Address string // without query, credentials and references to variables
	Outcome string // in words
}

// DossierAsk is one requirement that is not met, on one link or several.
type DossierAsk struct {
	Rule     string // its id, to refer to
	Title    string // how it should be
	Why      string
	Severity risk.Severity
	Due      time.Time // zero: whenever it suits
	Sights   []DossierSight
	Remedy   string // Markdown
	Sources  []string
}

// DossierSight is what was seen on one link.
type DossierSight struct {
	Link     string
	Seen     string
	Evidence []string
}

// Withheld counts failed findings that are not in the dossier, for whoever
// sends it.
type Withheld struct {
	Waived    int // somebody on our side has accepted them
	Ours      int // the vendor cannot mend them
	Receivers int // they are about servers of ours that the vendor calls
}

// Due is how many days a vendor is given for a finding, by severity. A
// severity that is missing has no date.
type Due map[risk.Severity]int

// DefaultDue is a common practice: a week, a month, a quarter, half a year.
func DefaultDue() Due {
	return Due{risk.SeverityCritical: 7, risk.SeverityHigh: 30, risk.SeverityMedium: 90, risk.SeverityLow: 180}
}

// DossierOptions are what a user may choose about a dossier.
type DossierOptions struct {
	From    string
	ReplyTo string
	Date    time.Time // zero: the day of the scan
	Due     Due       // nil: DefaultDue
}

// UnknownVendorError says that a report has no such vendor.
type UnknownVendorError struct {
	Vendor string
	Known  []string
}

func (e *UnknownVendorError) Error() string {
	if len(e.Known) == 0 {
		return fmt.Sprintf("no vendor %q in the report: it has none", e.Vendor)
	}
	return fmt.Sprintf("no vendor %q in the report: it has %s", e.Vendor, strings.Join(e.Known, ", "))
}

// NewDossier takes what concerns one vendor out of a report. Nothing is judged
// again. The error is an UnknownVendorError.
func NewDossier(r *Report, vendor string, o DossierOptions) (*Dossier, error) {
	place := slices.IndexFunc(r.Vendors, func(v Vendor) bool { return v.ID == vendor })
	if place < 0 {
		unknown := &UnknownVendorError{Vendor: vendor}
		for i := range r.Vendors {
			unknown.Known = append(unknown.Known, r.Vendors[i].ID)
		}
		return nil, unknown
	}
	v := &r.Vendors[place]
	d := &Dossier{
		Vendor: outward(v.ID), Name: outward(cmp.Or(v.Name, v.ID)),
		From: outward(o.From), ReplyTo: outward(o.ReplyTo),
		Started: r.Started.UTC(), Finished: r.Finished.UTC(), Complete: r.Complete,
		Level: r.Level, Vantage: r.Vantage, Tool: outward(r.Tool.Name + " " + r.Tool.Version),
	}
	for _, contact := range v.Declared.Contacts {
		d.Contacts = append(d.Contacts, outward(contact))
	}
	d.Date = o.Date.UTC()
	if o.Date.IsZero() {
		d.Date = d.Started
	}
	e := excerpt{
		Dossier: d, report: r, vendor: vendor, due: o.Due, rules: r.rulesByID(),
		targets: make(map[string]*Target), gaps: make(map[checks.Reason]*DossierGap), failed: make(map[judged]bool),
	}
	if e.due == nil {
		e.due = DefaultDue()
	}
	d.EvidenceBy = e.dueOn(risk.SeverityMedium)
	e.links()
	e.findings()
	e.claims()
	e.gapsInOrder()
	return d, nil
}

// excerpt is a dossier on its way out of a report.
type excerpt struct {
	*Dossier
	report  *Report
	vendor  string
	due     Due
	rules   map[string]int     // places in report.Rules
	targets map[string]*Target // of the vendor, but for receivers of ours
	gaps    map[checks.Reason]*DossierGap
	failed  map[judged]bool // failed findings of the vendor: whether waived
}

// judged is a rule on a link.
type judged struct{ target, rule string }

// dueOn is the day until which findings of a severity are to be mended.
func (e *excerpt) dueOn(s risk.Severity) time.Time {
	days, ok := e.due[s]
	if !ok {
		return time.Time{}
	}
	return e.Date.AddDate(0, 0, days)
}

func (e *excerpt) links() {
	for i := range e.report.Targets {
		t := &e.report.Targets[i]
		if t.Vendor != e.vendor || isReceiver(t) {
			continue
		}
		e.targets[t.ID] = t
		for _, o := range t.Observations {
			e.Connections += o.Connections
			e.Requests += o.Requests
			if o.Outcome != checks.Observed {
				e.lack(o.Reason, t.ID)
			}
		}
		e.Links = append(e.Links, DossierLink{
			Name: e.linkName(t.ID), Kind: outward(t.Kind), Address: address(t.URL), Outcome: outcomeForVendor(t),
		})
	}
}

// linkName is the id of a link without its vendor's.
func (e *excerpt) linkName(id string) string {
	return outward(strings.TrimPrefix(id, e.vendor+"/"))
}

// findings sorts the findings of the vendor into what is asked, what is in
// order and what could not be decided, and leaves out what is ours.
func (e *excerpt) findings() {
	asks := make(map[string]int) // places in Asks, by rule
	tally := make(map[string]*tally)
	for _, f := range e.report.worstFirst(func(f *risk.Finding) bool { return f.Vendor == e.vendor }) {
		rule := e.rule(f.Rule)
		if f.Verdict == risk.Fail {
			e.failed[judged{f.Target, f.Rule}] = f.Waived()
		}
		t, isTheirs := e.targets[f.Target]
		if !e.mayTell(f, rule, isTheirs) {
			continue
		}
		if tally[f.Rule] == nil {
			tally[f.Rule] = newTally(rule)
		}
		tally[f.Rule].count(f.Verdict)
		switch f.Verdict {
		case risk.Pass:
			e.Met++
		case risk.Fail:
			e.Missed++
			e.ask(asks, f, rule, t)
		case risk.Inconclusive:
			e.Undecided++
			e.undecided(f)
		case risk.NotApplicable: // not part of a report
		}
	}
	e.Good = goodOf(tally)
}

// mayTell reports whether the vendor may read of a finding, and counts what it
// may not.
func (e *excerpt) mayTell(f *risk.Finding, rule *risk.Rule, isTheirs bool) bool {
	withheld := &e.Withheld.Ours
	switch {
	case f.Waived():
		withheld = &e.Withheld.Waived
	case isOurs(rule) || f.Target == e.vendor: // a rule over vendors judges what we know of them
	case !isTheirs:
		withheld = &e.Withheld.Receivers
	default:
		return true
	}
	if f.Verdict == risk.Fail {
		*withheld++
	}
	return false
}

// rule returns the rule of a finding; one that the report does not hold has
// its id alone.
func (e *excerpt) rule(id string) *risk.Rule {
	if place, ok := e.rules[id]; ok {
		return &e.report.Rules[place]
	}
	return &risk.Rule{ID: id, Title: id}
}

func (e *excerpt) ask(asks map[string]int, f *risk.Finding, rule *risk.Rule, t *Target) {
	place, ok := asks[f.Rule]
	if !ok {
		place = len(e.Asks)
		asks[f.Rule] = place
		remedy := rule.Remedy
		if told, ok := toldVendors[rule.ID]; ok && told != "" {
			remedy = told
		}
		ask := DossierAsk{
			Rule: outward(rule.ID), Title: outward(rule.Title), Why: outward(forStrangers(rule.Description)),
			Severity: f.Severity, Due: e.dueOn(f.Severity), Remedy: withoutReferences(remedy),
		}
		for _, source := range rule.Cites {
			ask.Sources = append(ask.Sources, outward(source))
		}
		e.Asks = append(e.Asks, ask)
	}
	e.Asks[place].Sights = append(e.Asks[place].Sights, DossierSight{
		Link: e.linkName(f.Target), Seen: outward(f.Message), Evidence: evidenceFor(f, t),
	})
}
