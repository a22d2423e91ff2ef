package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

const (
	ourRef      = "assessor:m2mscan"
	standardRef = "standard:m2mscan"
)

// assessor is who stands behind the attestations of a vendor on one basis.
type assessor struct {
	vendor, basis string
	claims        []int // places in Report.Claims
}

func (a *assessor) ref() string { return "assessor:" + a.vendor + "/" + a.basis }

// examined says whether somebody other than the vendor looked.
func (a *assessor) examined() bool {
	switch inventory.Basis(a.basis) {
	case inventory.BasisSOC2, inventory.BasisISO27001, inventory.BasisPentest:
		return true
	case inventory.BasisSelf, inventory.BasisContract:
	}
	return false
}

// claimed reports whether anybody claims anything: a report lists each control
// for each vendor, also those that the vendor says nothing about.
func claimed(c *risk.Claim) bool { return c.Target != c.Vendor || c.Basis != "" }

// countClaims finds the assessors, and the claims that need a number to have a
// name of their own.
func (c *cycloneDX) countClaims() {
	type name struct {
		target string
		name   risk.ClaimName
	}
	seen := make(map[name]int, len(c.report.Claims))
	places := make(map[[2]string]int)
	for i := range c.report.Claims {
		claim := &c.report.Claims[i]
		n := name{claim.Target, claim.Name}
		if seen[n]++; seen[n] > 1 {
			c.repeated[i] = seen[n]
		}
		if claim.Basis == "" {
			continue
		}
		key := [2]string{claim.Vendor, claim.Basis}
		place, ok := places[key]
		if !ok {
			place = len(c.assessors)
			places[key] = place
			c.assessors = append(c.assessors, assessor{vendor: claim.Vendor, basis: claim.Basis})
		}
		c.assessors[place].claims = append(c.assessors[place].claims, i)
	}
}

// ref names a thing that belongs to a claim: the claim itself, its opposite,
// what was observed, or the document that it rests on.
func (c *cycloneDX) ref(what string, place int) string {
	claim := &c.report.Claims[place]
	ref := what + ":" + claim.Target + "/" + string(claim.Name)
	if n := c.repeated[place]; n > 0 {
		ref += fmt.Sprintf("#%d", n)
	}
	return ref
}

func requirementRef(name risk.ClaimName) string { return "requirement:" + string(name) }

// declarations are written in the order of the schema. A claim that was
// confirmed conforms wholly, one that was contradicted not at all and has its
// opposite beside it; of one that nothing was observed about, or whose
// evidence has expired, no conformance is stated.
func (c *cycloneDX) declarations(yield func(string, any) bool) {
	_ = yield("assessors", elements(c.eachAssessor)) &&
		yield("attestations", elements(c.eachAttestation)) &&
		yield("claims", elements(c.eachClaim)) &&
		yield("evidence", elements(c.eachEvidence)) &&
		yield("targets", members(func(yield func(string, any) bool) {
			yield("organizations", elements(c.eachOrganization)) // the services stand above, once
		}))
}

// eachAssessor begins with the one who scans. The claims stand in that one's
// own inventory, so it is no third party, though it has looked for itself.
func (c *cycloneDX) eachAssessor(yield func(any) bool) {
	if !yield(cdxAssessor{Ref: ourRef, Organization: cdxOrganization{Name: "the organization that ran " + c.toolName()}}) {
		return
	}
	for i := range c.assessors {
		a := &c.assessors[i]
		if !yield(cdxAssessor{Ref: a.ref(), ThirdParty: a.examined(), Organization: cdxOrganization{Name: c.assessorName(a)}}) {
			return
		}
	}
}

func (c *cycloneDX) toolName() string {
	return strings.TrimSpace(c.report.Tool.Name + " " + c.report.Tool.Version)
}

// assessorName is the vendor or, where somebody else has examined it, whoever
// that was: the inventory does not name them.
func (c *cycloneDX) assessorName(a *assessor) string {
	if !a.examined() {
		return c.vendorName(a.vendor)
	}
	return fmt.Sprintf("issuer of the %s of %s", basisInWords(a.basis), c.vendorName(a.vendor))
}

func (c *cycloneDX) vendorName(id string) string {
	if v, ok := c.vendors[id]; ok {
		return cmp.Or(v.Name, v.ID)
	}
	return id
}

func basisInWords(basis string) string {
	switch inventory.Basis(basis) {
	case inventory.BasisSelf:
		return "vendor's own word"
	case inventory.BasisContract:
		return "contract"
	case inventory.BasisSOC2:
		return "SOC 2 Type II report"
	case inventory.BasisISO27001:
		return "ISO/IEC 27001 certificate"
	case inventory.BasisPentest:
		return "penetration test report"
	default:
		return basis
	}
}

func (c *cycloneDX) eachAttestation(yield func(any) bool) {
	attestation := func(summary, assessor string, mapped elements) members {
		return func(yield func(string, any) bool) {
			_ = yield("summary", summary) && yield("assessor", assessor) && yield("map", mapped)
		}
	}
	if !yield(attestation("What was agreed, against what "+c.toolName()+" observed", ourRef, c.eachObserved)) {
		return
	}
	for i := range c.assessors {
		a := &c.assessors[i]
		mapped := func(yield func(any) bool) {
			for _, place := range a.claims {
				if !yield(c.attested(place)) {
					return
				}
			}
		}
		summary := fmt.Sprintf("What is attested of %s (%s)", c.vendorName(a.vendor), basisInWords(a.basis))
		if !yield(attestation(summary, a.ref(), mapped)) {
			return
		}
	}
}

// eachObserved maps what we could look at: all that is claimed of links, and
// what is attested and was seen to be otherwise.
func (c *cycloneDX) eachObserved(yield func(any) bool) {
	for place := range c.report.Claims {
		claim := &c.report.Claims[place]
		if claim.Basis != "" && claim.State != risk.ClaimContradicted || !claimed(claim) {
			continue
		}
		m := cdxMap{Requirement: requirementRef(claim.Name), Claims: []string{c.ref("claim", place)}}
		switch claim.State {
		case risk.ClaimConfirmed:
			m.Conformance = &cdxScore{1, claim.Observed}
		case risk.ClaimContradicted:
			m.Conformance = &cdxScore{0, claim.Observed}
			m.CounterClaims = []string{c.ref("counterclaim", place)}
		case risk.ClaimUnverified, risk.ClaimStale:
		}
		if !yield(m) {
			return
		}
	}
}

// attested maps what a vendor's assessor says, at the confidence that the
// report gives it.
func (c *cycloneDX) attested(place int) cdxMap {
	claim := &c.report.Claims[place]
	return cdxMap{
		Requirement: requirementRef(claim.Name),
		Claims:      []string{c.ref("claim", place)},
		Confidence: &cdxScore{
			Score:     min(max(claim.Confidence, 0), 1),
			Rationale: fmt.Sprintf("%s: %s (%s)", basisInWords(claim.Basis), claim.Observed, claim.State),
		},
	}
}

func (c *cycloneDX) eachOrganization(yield func(any) bool) {
	for i := range c.report.Vendors {
		o := organization(&c.report.Vendors[i])
		o.Ref = vendorRef(c.report.Vendors[i].ID)
		if !yield(o) {
			return
		}
	}
}

// standard lists what can be claimed, in the order of the report.
func (c *cycloneDX) standard() cdxStandard {
	s := cdxStandard{
		Ref: standardRef, Name: "m2mscan", Requirements: []cdxRequirement{},
		Description: "What m2mscan holds against evidence: what was agreed about a link, and the controls that its vendor attests.",
	}
	var listed []risk.ClaimName
	for i := range c.report.Claims {
		claim := &c.report.Claims[i]
		if claimed(claim) && !slices.Contains(listed, claim.Name) {
			listed = append(listed, claim.Name)
			s.Requirements = append(s.Requirements, cdxRequirement{Ref: requirementRef(claim.Name), Identifier: string(claim.Name), Title: claim.Title})
		}
	}
	return s
}
