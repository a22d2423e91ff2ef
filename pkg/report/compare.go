package report

import (
	"fmt"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// CompareOptions say which comparisons to permit that are refused otherwise.
type CompareOptions struct {
	AllowPartial bool // reports of scans that were interrupted, or of some links only
	AllowModels  bool // reports of different score models: then scores are not compared
}

// Obstacle is a reason to refuse the comparison of two reports.
type Obstacle string

// Obstacles.
const (
	ObstaclePartial Obstacle = "partial"     // AllowPartial permits it
	ObstacleModels  Obstacle = "score_model" // AllowModels permits it
)

// NotComparableError refuses to compare two reports.
type NotComparableError struct {
	Obstacle Obstacle
	What     string // what is so
	Why      string // what a comparison would pretend
	Hint     string // how to mend it
}

// Error says what is in the way, and what a comparison would pretend.
func (e *NotComparableError) Error() string { return e.What + ": " + e.Why }

// Comparable refuses two reports whose comparison would mislead, with a
// [NotComparableError]: of different score models, or where one of them is of
// a scan that was interrupted or left links out.
func Comparable(old, now *Report, o CompareOptions) error {
	if err := sameModel("the old report", old, now.Tool.ScoreModel, o); err != nil {
		return err
	}
	if err := old.whole("the old report", "what it left out would be taken for new", o); err != nil {
		return err
	}
	return now.whole("the new report", "what it left out would be taken for gone", o)
}

// CheckBaseline refuses, with a [NotComparableError], an earlier report that
// findings of this program cannot be held against. It may be called before a
// scan; [Report.HoldAgainst] would refuse the same.
func CheckBaseline(old *Report, o CompareOptions) error {
	return checkBaseline(old, risk.ModelVersion, o)
}

func checkBaseline(old *Report, model string, o CompareOptions) error {
	if err := sameModel("the baseline", old, model, o); err != nil {
		return err
	}
	return old.whole("the baseline", "what it left out would be taken for new", o)
}

func sameModel(which string, old *Report, model string, o CompareOptions) error {
	if old.Tool.ScoreModel == model || o.AllowModels {
		return nil
	}
	return &NotComparableError{
		Obstacle: ObstacleModels,
		What:     fmt.Sprintf("%s is of score model %q, and this one is of %q", which, clip(old.Tool.ScoreModel, 40), clip(model, 40)),
		Why:      "a grade means something else in each",
		Hint:     "judge the older report again with this program: m2mscan report OLD -o json=NEW",
	}
}

// whole refuses a report that does not speak for its whole inventory.
func (r *Report) whole(which, why string, o CompareOptions) error {
	lack := r.partial()
	if lack == "" || o.AllowPartial {
		return nil
	}
	return &NotComparableError{
		Obstacle: ObstaclePartial,
		What:     which + " is partial (" + lack + ")",
		Why:      why,
		Hint:     "save the report of a scan of all links that ran to its end",
	}
}

// partial says what a report lacks of its inventory; nothing where it is
// whole. Before schema version 1.1 a report did not say how many links the
// inventory has: such a one is taken at its word.
func (r *Report) partial() string {
	switch {
	case !r.Complete:
		return "the scan was interrupted"
	case len(r.Targets) < r.Inventory.Links:
		return fmt.Sprintf("%d of %s", len(r.Targets), count(r.Inventory.Links, "link"))
	default:
		return ""
	}
}

// Grades maps the ids of the links to their grades.
func (r *Report) Grades() map[string]risk.Grade {
	grades := make(map[string]risk.Grade, len(r.Targets))
	for i := range r.Targets {
		grades[r.Targets[i].ID] = r.Targets[i].Score.Grade
	}
	return grades
}

// HoldAgainst sets what became of each failed finding since an earlier report,
// the baseline, and counts it in r.Baseline. The path is the baseline's, as
// the user named it. A baseline that would mislead is refused as by
// [CheckBaseline], and r is left as it was.
//
// The report itself may be partial: one that was interrupted must be written
// all the same. What it did not get to is no longer assessed.
func (r *Report) HoldAgainst(old *Report, path string, o CompareOptions) error {
	if err := checkBaseline(old, r.Tool.ScoreModel, o); err != nil {
		return err
	}
	c := comparison{old: assess("the baseline", old), new: assess("this report", r)}
	b := &Baseline{
		Path: path, Started: old.Started, Grades: map[string]risk.Grade{},
		Changes: map[risk.Change]int{risk.ChangeNew: 0, risk.ChangeRegressed: 0, risk.ChangeDetails: 0, risk.ChangeNone: 0},
	}
	if old.Tool.ScoreModel == r.Tool.ScoreModel {
		b.Grades = old.Grades()
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		f.Change = ""
		if f.Verdict == risk.Fail {
			f.Change, _ = c.since(f)
			b.Changes[f.Change]++
		}
	}
	for i := range old.Findings {
		f := &old.Findings[i]
		if f.Verdict != risk.Fail || c.stillFails(f) {
			continue
		}
		if state, _ := c.whereto(f); state == StateFixed {
			b.Gone.Fixed++
		} else {
			b.Gone.NoLongerAssessed++
		}
	}
	r.Baseline = b
	return nil
}
