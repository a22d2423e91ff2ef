package report

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// Terms are what findings are held against beside the rules.
type Terms struct {
	Policy risk.Policy
	// Waivers are the accepted findings. When a report is judged again, nil
	// keeps those it was made with, and an empty list drops them.
	Waivers []inventory.Waiver
	// Baseline is an earlier report. When a report is judged again, nil keeps
	// what was found with the baseline it was made with.
	Baseline *Previous
}

// Previous is an earlier report that findings are held against.
type Previous struct {
	Report  *Report
	Path    string // as the user named it
	Options CompareOptions
}

// ExpiringDays is how many days before its end a waiver is said to expire.
const ExpiringDays = 14

// waiversOf puts waivers into the form of the report.
func waiversOf(list []inventory.Waiver) []Waiver {
	out := make([]Waiver, 0, len(list))
	for _, w := range list {
		out = append(out, Waiver{
			Rule: w.Rule, Target: w.Target, Reason: w.Reason, Owner: w.Owner,
			Expires: w.Expires.String(), Evidence: w.Evidence, Location: w.Pos,
		})
	}
	return out
}

// waive puts the waiver that covers it, if any, beside each failed finding,
// and counts what each waiver covers. Days are held against the moment when
// the scan began, so that a report says the same whenever it is written.
//
// A waiver is unused when it covers nothing although all that it might cover
// was judged: not when links were left out, nor while a finding that it would
// cover is inconclusive.
func (r *Report) waive() {
	if len(r.Waivers) == 0 {
		return
	}
	accepted := make([]*risk.Acceptance, len(r.Waivers))
	for i := range r.Waivers {
		w := &r.Waivers[i]
		w.Covers, w.State = 0, stateOn(w.Expires, r.Started)
		accepted[i] = &risk.Acceptance{
			State: w.State, Reason: w.Reason, Owner: w.Owner, Expires: w.Expires, Evidence: w.Evidence, Location: w.Location,
		}
	}
	cover, awaited := newCover(r.Waivers), make([]bool, len(r.Waivers))
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Verdict == risk.Pass {
			continue
		}
		switch w := cover.of(f); {
		case w < 0:
		case f.Verdict == risk.Inconclusive:
			awaited[w] = true
		default:
			f.Waiver = accepted[w]
			r.Waivers[w].Covers++
		}
	}
	for i := range r.Waivers {
		w := &r.Waivers[i]
		if w.Covers == 0 && w.State != risk.WaiverExpired && !awaited[i] && r.partial() == "" {
			w.State = risk.WaiverUnused
		}
	}
}

// stateOn is how a waiver stands at a moment. It holds to the end of its last
// day, in UTC.
func stateOn(expires string, now time.Time) risk.WaiverState {
	day, err := inventory.ParseDate(expires)
	switch {
	case err != nil || day.IsZero() || day.Before(now):
		return risk.WaiverExpired // without a day that can be read nothing is waived
	case day.Before(now.AddDate(0, 0, ExpiringDays)):
		return risk.WaiverExpiring
	default:
		return risk.WaiverActive
	}
}

// cover finds waivers by rule. Those that hold longest come first.
type cover struct {
	waivers  []Waiver
	order    []int            // all, those that hold longest first
	exact    map[string][]int // by the id of the rule
	patterns []int            // whose rule holds a wildcard
}

func newCover(waivers []Waiver) *cover {
	c := &cover{waivers: waivers, exact: make(map[string][]int)}
	for i := range waivers {
		c.order = append(c.order, i)
	}
	slices.SortStableFunc(c.order, func(a, b int) int { return strings.Compare(waivers[b].Expires, waivers[a].Expires) })
	for _, i := range c.order {
		if strings.ContainsAny(waivers[i].Rule, `*?[\`) {
			c.patterns = append(c.patterns, i)
		} else {
			c.exact[waivers[i].Rule] = append(c.exact[waivers[i].Rule], i)
		}
	}
	return c
}

// of is the place of the waiver that covers a finding and holds longest, or -1.
func (c *cover) of(f *risk.Finding) int {
	found := -1
	consider := func(i int) {
		if (found < 0 || cmp.Compare(c.waivers[i].Expires, c.waivers[found].Expires) > 0) && matches(c.waivers[i].Target, f.Target) {
			found = i
		}
	}
	for _, i := range c.exact[f.Rule] {
		consider(i)
	}
	for _, i := range c.patterns {
		if matches(c.waivers[i].Rule, f.Rule) {
			consider(i)
		}
	}
	return found
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return err == nil && ok // a broken pattern was refused where it was read
}

// changesOf keeps what a report says of its failed findings since the baseline.
func (r *Report) changesOf() map[string]risk.Change {
	changes := make(map[string]risk.Change)
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Change != "" {
			changes[f.Fingerprint] = f.Change
		}
	}
	return changes
}

// keepChanges puts back what was known of findings since the baseline. A
// finding that fails only now, by other rules, is new.
func (r *Report) keepChanges(changes map[string]risk.Change) {
	if r.Baseline == nil {
		return
	}
	b := *r.Baseline
	b.Changes = map[risk.Change]int{risk.ChangeNew: 0, risk.ChangeRegressed: 0, risk.ChangeDetails: 0, risk.ChangeNone: 0}
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Verdict == risk.Fail {
			f.Change = cmp.Or(changes[f.Fingerprint], risk.ChangeNew)
			b.Changes[f.Change]++
		}
	}
	b.Grades = maps.Clone(b.Grades)
	r.Baseline = &b
}
