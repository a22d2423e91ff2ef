package report

import (
	"cmp"
	"slices"

	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// DossierClaim is something that was agreed or attested, and that evidence
// contradicts, no longer supports, never supported, or confirms.
type DossierClaim struct {
	Title    string // such as "TLS floor"
	Link     string // empty for an attestation
	State    risk.ClaimState
	Unproven bool   // an attestation that rests on no evidence but the vendor's word
	Question string // where nothing was stated of a control: what we would like to know
	Declared string // what was agreed
	Observed string // what was seen instead; empty for an attestation
	Basis    string // of an attestation, in words
	Expires  string // of its evidence, as 2006-01-02, or empty
}

// claims takes over what the vendor may read of, the worst first.
func (e *excerpt) claims() {
	for i := range e.report.Claims {
		c := &e.report.Claims[i]
		if c.Vendor != e.vendor || e.isAccepted(c) {
			continue
		}
		claim := DossierClaim{Title: outward(cmp.Or(c.Title, string(c.Name))), State: c.State, Declared: outward(c.Declared)}
		if c.Target == e.vendor {
			e.attestation(&claim, c)
		} else {
			if _, ok := e.targets[c.Target]; !ok || !claimsForVendors[c.Name] {
				continue
			}
			claim.Link, claim.Observed = e.linkName(c.Target), outward(c.Observed)
		}
		e.Claims = append(e.Claims, claim)
	}
	slices.SortStableFunc(e.Claims, func(a, b DossierClaim) int {
		return cmp.Compare(slices.Index(risk.ClaimStates, a.State), slices.Index(risk.ClaimStates, b.State))
	})
}

// attestation fills in what only attestations have.
func (e *excerpt) attestation(claim *DossierClaim, c *risk.Claim) {
	claim.Basis, claim.Expires = basisForVendor(c.Basis), outward(c.Expires)
	switch {
	case c.State == risk.ClaimContradicted && e.isTheirs(c):
		claim.Observed = outward(c.Observed)
	case c.State != risk.ClaimUnverified:
	case c.Basis == "" && c.Declared != "in place":
		claim.Question = questions[c.Name]
	default:
		claim.Unproven = c.Declared == "in place" && (c.Evidence == "" || c.Basis == string(inventory.BasisSelf))
	}
}

// isTheirs reports whether all that speaks against a claim was seen on links
// that the vendor may read of.
func (e *excerpt) isTheirs(c *risk.Claim) bool {
	for place := range e.failed {
		if _, ok := e.targets[place.target]; !ok && place.target != e.vendor && slices.Contains(c.Rules, place.rule) {
			return false
		}
	}
	return true
}

// questions are asked where nothing was stated of a control.
var questions = map[risk.ClaimName]string{
	risk.ClaimEncryptionAtRest: "is our data encrypted where it is stored, copies and backups included?",
	risk.ClaimLogMonitoring:    "is access to our data logged, and who looks at the logs?",
	risk.ClaimIncidentResponse: "is there a plan for incidents that has been rehearsed, and whom do we call?",
	risk.ClaimLeastPrivilege:   "how is it held that people and systems have no more access than they need?",
	risk.ClaimBreachNotice:     "within what time do you tell us of a breach?",
}

// settledBy are the rules over vendors whose waiver also settles what would
// be asked on a control.
var settledBy = map[string]func(*risk.Claim) bool{
	"attestations-current":        func(c *risk.Claim) bool { return c.State == risk.ClaimStale },
	"attestations-in-place":       func(c *risk.Claim) bool { return c.Declared == "not in place" },
	"attestations-sensitive-data": func(c *risk.Claim) bool { return c.Basis == "" },
}

// isAccepted reports whether somebody on our side has accepted what speaks
// against a claim: every failed finding is waived.
func (e *excerpt) isAccepted(c *risk.Claim) bool {
	for rule, covers := range settledBy {
		if c.Target == e.vendor && e.failed[judged{e.vendor, rule}] && covers(c) {
			return true
		}
	}
	accepted := false
	for _, rule := range c.Rules {
		waived, failed := e.failed[judged{c.Target, rule}]
		if failed && !waived {
			return false
		}
		accepted = accepted || failed
	}
	return accepted
}

func basisForVendor(basis string) string {
	switch inventory.Basis(basis) {
	case "":
		return ""
	case inventory.BasisSelf:
		return "your own statement"
	case inventory.BasisContract:
		return "our contract"
	case inventory.BasisSOC2:
		return "a SOC 2 type 2 report"
	case inventory.BasisISO27001:
		return "an ISO/IEC 27001 certificate"
	case inventory.BasisPentest:
		return "a penetration test"
	default:
		return outward(basis)
	}
}
