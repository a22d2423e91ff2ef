package risk

import (
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Verdict is what judging a rule gives. There is no zero verdict.
type Verdict string

// Verdicts.
const (
	Pass          Verdict = "pass"
	Fail          Verdict = "fail"
	Inconclusive  Verdict = "inconclusive"
	NotApplicable Verdict = "not_applicable"
)

// Finding is the verdict of one rule on one target.
type Finding struct {
	Rule     string   `json:"rule"`
	Target   string   `json:"target"` // "vendor/link", or "vendor" for a rule of that scope
	Vendor   string   `json:"vendor"`
	Verdict  Verdict  `json:"verdict"`
	Severity Severity `json:"severity"`
	// Message says what was found with the values it rests on; for an
	// inconclusive finding, what is missing and why.
	Message string `json:"message"`
	// Facts are the values the rule read, by full name. Findings with the same
	// values share them: they are not to be changed.
	Facts map[string]any `json:"facts"`
	// Missing are the facts the rule needed and could not have.
	Missing  []checks.Unknown   `json:"missing"`
	Location inventory.Position `json:"location"`
	// Fingerprint is stable across runs and edits of the inventory: SHA-256,
	// in hex, of the rule's and the target's ids.
	Fingerprint string `json:"fingerprint"`
	// Waiver is the acceptance that covers a failed finding, also one that has
	// expired. Findings under the same waiver share it: it is not to be changed.
	Waiver *Acceptance `json:"waiver,omitempty"`
	// Change is what became of the finding since the baseline; empty without one.
	Change Change `json:"change,omitempty"`
}

// Waived reports whether somebody has accepted the finding, and still does.
func (f *Finding) Waived() bool { return f.Waiver != nil && f.Waiver.State != WaiverExpired }

// Known reports whether the finding failed in the baseline already, and no
// milder than today.
func (f *Finding) Known() bool { return f.Change == ChangeNone || f.Change == ChangeDetails }
