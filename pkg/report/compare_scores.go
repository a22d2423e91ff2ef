package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// ScoreState is what became of a link or vendor between two reports.
type ScoreState string

// States of a link or vendor, in the order that a diff lists them.
const (
	ScoreWorse   ScoreState = "worse"   // a worse grade, or a higher residual risk
	ScoreChanged ScoreState = "changed" // neither: graded no more or only now, better by less that is known, at another URL, or met otherwise
	ScoreAdded   ScoreState = "added"   // not in the old report
	ScoreRemoved ScoreState = "removed" // not in the new report
	ScoreBetter  ScoreState = "better"
)

// ScoreStates lists every state in that order.
func ScoreStates() []ScoreState {
	return []ScoreState{ScoreWorse, ScoreChanged, ScoreAdded, ScoreRemoved, ScoreBetter}
}

// ScoreChange is a link or vendor that is in one of the reports only, or that
// the two grade, or met, otherwise.
type ScoreChange struct {
	ID    string     `json:"id"` // "vendor/link", or the vendor's id
	State ScoreState `json:"state"`
	Old   *ScoreSide `json:"old,omitempty"` // absent where added
	New   *ScoreSide `json:"new,omitempty"` // absent where removed
}

// ScoreSide is a link or vendor as one of the reports has it. Grade and all
// that goes with it are absent where the score models differ.
type ScoreSide struct {
	Grade    risk.Grade `json:"grade,omitempty"`
	Residual *int       `json:"residual,omitempty"` // absent with grade "?"
	Band     risk.Band  `json:"band,omitempty"`
	Coverage *int       `json:"coverage,omitempty"`
	URL      string     `json:"url,omitempty"`     // of a link
	Outcome  string     `json:"outcome,omitempty"` // of a link: how the visits ended, for people
}

// compareScores fills in Links and Vendors.
func (d *Diff) compareScores(old, now *Report) {
	scored := d.Old.ScoreModel == d.New.ScoreModel
	links := func(r *Report) scoreboard {
		b := scoreboard{sides: make(map[string]*ScoreSide, len(r.Targets))}
		for i := range r.Targets {
			t := &r.Targets[i]
			s := scoreSide(t.Score, scored)
			s.URL, s.Outcome = t.URL, outcomeInWords(t)
			b.add(t.ID, s)
		}
		return b
	}
	vendors := func(r *Report) scoreboard {
		b := scoreboard{sides: make(map[string]*ScoreSide, len(r.Vendors))}
		for i := range r.Vendors {
			b.add(r.Vendors[i].ID, scoreSide(r.Vendors[i].Score, scored))
		}
		return b
	}
	d.Links = compareBoards(links(old), links(now))
	d.Vendors = compareBoards(vendors(old), vendors(now))
}

// scoreboard is the sides of one report, in its order.
type scoreboard struct {
	ids   []string
	sides map[string]*ScoreSide
}

func (b *scoreboard) add(id string, s *ScoreSide) {
	b.ids, b.sides[id] = append(b.ids, id), s
}

func scoreSide(s risk.Score, scored bool) *ScoreSide {
	if !scored {
		return &ScoreSide{}
	}
	return &ScoreSide{
		Grade: cmp.Or(s.Grade, risk.GradeUnknown), Residual: s.Residual,
		Band: cmp.Or(s.Band, risk.BandUnknown), Coverage: &s.Coverage,
	}
}

func compareBoards(old, now scoreboard) []ScoreChange {
	changes := []ScoreChange{}
	for _, id := range now.ids {
		was, is := old.sides[id], now.sides[id]
		if state := stateOf(was, is); state != "" {
			changes = append(changes, ScoreChange{ID: id, State: state, Old: was, New: is})
		}
	}
	for _, id := range old.ids {
		if now.sides[id] == nil {
			changes = append(changes, ScoreChange{ID: id, State: ScoreRemoved, Old: old.sides[id]})
		}
	}
	states := ScoreStates()
	slices.SortStableFunc(changes, func(a, b ScoreChange) int {
		return cmp.Or(
			cmp.Compare(slices.Index(states, a.State), slices.Index(states, b.State)),
			cmp.Compare(b.highest(), a.highest()),
			cmp.Compare(a.ID, b.ID),
		)
	})
	return changes
}

// stateOf says what became of a link or vendor; nothing where nothing did. To
// be graded no more is neither better nor worse; and a score that is better while
// less is known is no progress, such as a vendor's whose worst link is down.
func stateOf(was, is *ScoreSide) ScoreState {
	if was == nil {
		return ScoreAdded
	}
	if (was.Residual == nil) == (is.Residual == nil) {
		switch order := cmp.Or(cmp.Compare(gradeRank(is.Grade), gradeRank(was.Grade)), cmp.Compare(is.residual(), was.residual())); {
		case order > 0:
			return ScoreWorse
		case order < 0 && is.coverage() >= was.coverage():
			return ScoreBetter
		}
	}
	if was.Grade != is.Grade || was.residual() != is.residual() || was.URL != is.URL || was.Outcome != is.Outcome {
		return ScoreChanged
	}
	return ""
}

func gradeRank(g risk.Grade) int {
	return slices.Index([]risk.Grade{risk.GradeA, risk.GradeB, risk.GradeC, risk.GradeD, risk.GradeF}, g)
}

func (s *ScoreSide) residual() int { return residualOf(risk.Score{Residual: s.Residual}) }

func (s *ScoreSide) coverage() int {
	if s.Coverage == nil {
		return 0
	}
	return *s.Coverage
}

// highest is the higher residual risk of the two sides.
func (c *ScoreChange) highest() int {
	highest := -1
	for _, s := range []*ScoreSide{c.Old, c.New} {
		if s != nil {
			highest = max(highest, s.residual())
		}
	}
	return highest
}

// wasIs is one thing said of both sides, in words; a side that is absent says
// nothing.
type wasIs struct{ label, was, is string }

func (w wasIs) text() string {
	if w.was == w.is || w.was == "" || w.is == "" {
		return w.label + cmp.Or(w.is, w.was)
	}
	return w.label + w.was + " -> " + w.is
}

func (c *ScoreChange) say(label string, of func(*ScoreSide) string) wasIs {
	w := wasIs{label: label}
	if c.Old != nil {
		w.was = of(c.Old)
	}
	if c.New != nil {
		w.is = of(c.New)
	}
	return w
}

func (c *ScoreChange) grades() wasIs {
	return c.say("", func(s *ScoreSide) string { return string(s.Grade) })
}

// residuals are "medium 30" and "high 45", or the bare numbers.
func (c *ScoreChange) residuals(bands bool) wasIs {
	return c.say("", func(s *ScoreSide) string {
		switch {
		case s.Residual == nil:
			return string(s.Band)
		case bands:
			return fmt.Sprintf("%s %d", s.Band, *s.Residual)
		default:
			return strconv.Itoa(*s.Residual)
		}
	})
}

// details are what else differs between two sides that are both there.
func (c *ScoreChange) details() []wasIs {
	coverage := func(s *ScoreSide) string {
		if s.Coverage == nil {
			return ""
		}
		return fmt.Sprintf("%d %%", *s.Coverage)
	}
	var differ []wasIs
	for _, w := range []wasIs{
		c.say("", func(s *ScoreSide) string { return s.Outcome }),
		c.say("", func(s *ScoreSide) string { return s.URL }),
		c.say("coverage ", coverage),
	} {
		if c.Old != nil && c.New != nil && w.was != w.is {
			differ = append(differ, w)
		}
	}
	return differ
}
