package report

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

func (c *cycloneDX) eachClaim(yield func(any) bool) {
	for place := range c.report.Claims {
		claim := &c.report.Claims[place]
		if !claimed(claim) {
			continue
		}
		stated := cdxClaim{
			Ref: c.ref("claim", place), Target: c.targetRef(claim),
			Predicate: claim.Title + ": " + claim.Declared,
			Reasoning: fmt.Sprintf("%s: %s", claim.State, claim.Observed),
		}
		if claim.Basis != "" {
			stated.Evidence = append(stated.Evidence, c.ref("document", place))
		}
		switch claim.State {
		case risk.ClaimConfirmed:
			stated.Evidence = append(stated.Evidence, c.ref("evidence", place))
		case risk.ClaimContradicted:
			stated.CounterEvidence = []string{c.ref("evidence", place)}
		case risk.ClaimUnverified, risk.ClaimStale:
		}
		if !yield(stated) {
			return
		}
		if claim.State != risk.ClaimContradicted {
			continue
		}
		if !yield(cdxClaim{
			Ref: c.ref("counterclaim", place), Target: stated.Target,
			Predicate: claim.Title + ": " + claim.Observed,
			Reasoning: "observed, against what is claimed: " + claim.Declared,
			Evidence:  stated.CounterEvidence,
		}) {
			return
		}
	}
}

// targetRef is empty for what is not in the report.
func (c *cycloneDX) targetRef(claim *risk.Claim) string {
	if c.targets[claim.Target] {
		return linkRef(claim.Target)
	}
	if _, ok := c.vendors[claim.Target]; ok {
		return vendorRef(claim.Target)
	}
	return ""
}

func (c *cycloneDX) eachEvidence(yield func(any) bool) {
	observed := c.report.Finished.UTC().Format(time.RFC3339)
	for place := range c.report.Claims {
		claim := &c.report.Claims[place]
		if claim.Basis != "" && !yield(c.documentOf(place)) {
			return
		}
		if claim.State != risk.ClaimConfirmed && claim.State != risk.ClaimContradicted {
			continue
		}
		e := cdxEvidence{
			Ref: c.ref("evidence", place), Description: claim.Observed,
			Created: observed, Author: cdxContact{Name: c.toolName()},
		}
		if len(claim.Rules) > 0 {
			e.Description += " (by " + strings.Join(claim.Rules, ", ") + ")"
		}
		if !yield(e) {
			return
		}
	}
}

// documentOf is what an attestation rests on.
func (c *cycloneDX) documentOf(place int) cdxEvidence {
	claim := &c.report.Claims[place]
	e := cdxEvidence{
		Ref: c.ref("document", place), Description: basisInWords(claim.Basis),
		Created: startOfDay(claim.Collected, 0), Expires: startOfDay(claim.Expires, 1), // good to the end of that day
		Author: cdxContact{Name: c.assessorName(&assessor{vendor: claim.Vendor, basis: claim.Basis})},
	}
	if u, err := url.Parse(claim.Evidence); err == nil && u.IsAbs() {
		d := cdxEvidenceData{Name: e.Description}
		d.Contents.URL = iri(claim.Evidence)
		e.Data = []cdxEvidenceData{d}
	} else if claim.Evidence != "" {
		e.Description += ", " + claim.Evidence
	}
	return e
}

// startOfDay is the first moment of a day, or of one after it; empty where no
// day was stated.
func startOfDay(day string, later int) string {
	d, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return ""
	}
	return d.AddDate(0, 0, later).Format(time.RFC3339)
}
