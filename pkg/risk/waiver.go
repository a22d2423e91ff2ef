package risk

import "github.com/m2mscan/m2mscan/pkg/inventory"

// WaiverState is how a waiver stands on the day of the scan.
type WaiverState string

// States of a waiver.
const (
	WaiverActive   WaiverState = "active"
	WaiverExpiring WaiverState = "expiring" // active, and for two weeks at most
	WaiverExpired  WaiverState = "expired"  // the finding counts again
	WaiverUnused   WaiverState = "unused"   // covers no failed finding; may as well be expired
)

// Acceptance is a waiver as it stands beside a finding that it covers.
type Acceptance struct {
	State    WaiverState        `json:"state"` // never unused
	Reason   string             `json:"reason"`
	Owner    string             `json:"owner"`
	Expires  string             `json:"expires"` // the last day it holds, as 2006-01-02, UTC
	Evidence string             `json:"evidence,omitempty"`
	Location inventory.Position `json:"location"`
}

// Change is what became of a failed finding since the baseline.
type Change string

// Changes since a baseline.
const (
	ChangeNew       Change = "new"       // the baseline did not assess it, or could not
	ChangeRegressed Change = "regressed" // it passed, did not apply, or failed with a lower severity
	ChangeDetails   Change = "changed"   // it failed, with other values
	ChangeNone      Change = "unchanged" // it failed alike
)
