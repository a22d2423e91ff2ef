package report

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// htmlVendor is one vendor with what was agreed and attested.
type htmlVendor struct {
	*Vendor
	Anchor     string
	Scored     htmlScore
	Failed     []htmlPart  // open findings by severity
	Attested   []htmlClaim // by the vendor as a whole
	Disputed   []htmlClaim // agreed for a link, and not so, or not so any more
	Agreed     []htmlClaim // agreed for a link, the others
	ClaimParts []htmlPart
	MoreClaims int
	Terms      []htmlValue
	Ledger     []htmlEntry
}

// Listed reports whether the vendor's details should stand open: something was
// said that is not so, or its evidence has expired.
func (v htmlVendor) Listed() bool {
	return len(v.Disputed) > 0 || slices.ContainsFunc(v.Attested, htmlClaim.disputed)
}

// Claims reports whether the page shows any claim of the vendor.
func (v htmlVendor) Claims() bool { return len(v.Attested)+len(v.Disputed)+len(v.Agreed) > 0 }

// htmlClaim is one claim beside its evidence.
type htmlClaim struct {
	*risk.Claim
	LinkAnchor string // empty where the page does not show the link
	Basis      string
	Trust      string // the confidence in percent, of attestations
}

func (c htmlClaim) disputed() bool {
	return c.State == risk.ClaimContradicted || c.State == risk.ClaimStale
}

func (p *htmlPage) vendorRows(counts htmlCounts) {
	r := p.Report
	vendors := make([]*Vendor, len(r.Vendors))
	for i := range r.Vendors {
		vendors[i] = &r.Vendors[i]
	}
	slices.SortStableFunc(vendors, func(a, b *Vendor) int { return cmp.Compare(residualOf(b.Score), residualOf(a.Score)) })
	claims, states := p.claims()
	p.Vendors = htmlListOf(vendors, htmlRows, func(v *Vendor) htmlVendor {
		row := htmlVendor{
			Vendor: v, Anchor: htmlAnchor("vendor", v.ID), Scored: htmlScoreOf(v.Score), Failed: counts.vendors[v.ID].parts(),
			ClaimParts: htmlClaimParts(states[v.ID]), Terms: htmlVendorTerms(v), Ledger: htmlLedger(v.Score.Ledger),
		}
		for _, c := range claims[v.ID] {
			switch {
			case c.Target == c.Vendor:
				row.Attested = append(row.Attested, c)
			case c.disputed():
				row.Disputed = append(row.Disputed, c)
			default:
				row.Agreed = append(row.Agreed, c)
			}
		}
		row.MoreClaims = -len(claims[v.ID])
		for _, n := range states[v.ID] {
			row.MoreClaims += n
		}
		return row
	})
}

// claims are the worst claims that the page has room for, by vendor, and how
// many there are in each state.
func (p *htmlPage) claims() (map[string][]htmlClaim, map[string]map[risk.ClaimState]int) {
	all := make([]*risk.Claim, len(p.Report.Claims))
	states := make(map[string]map[risk.ClaimState]int)
	for i := range p.Report.Claims {
		c := &p.Report.Claims[i]
		all[i] = c
		if states[c.Vendor] == nil {
			states[c.Vendor] = make(map[risk.ClaimState]int)
		}
		states[c.Vendor][c.State]++
	}
	slices.SortStableFunc(all, func(a, b *risk.Claim) int {
		return cmp.Compare(slices.Index(risk.ClaimStates, a.State), slices.Index(risk.ClaimStates, b.State))
	})
	byVendor := make(map[string][]htmlClaim)
	for _, c := range all[:min(htmlRows, len(all))] {
		row := htmlClaim{Claim: c, LinkAnchor: p.linked[c.Target], Basis: htmlBasis(c.Basis)}
		if c.Basis != "" {
			row.Trust = fmt.Sprintf("%.0f %%", 100*c.Confidence)
		}
		byVendor[c.Vendor] = append(byVendor[c.Vendor], row)
	}
	return byVendor, states
}

// htmlBasis is what an attestation rests on, for people.
func htmlBasis(basis string) string {
	names := map[string]string{
		"self": "own statement", "contract": "contract", "soc2_type2": "SOC 2 Type II",
		"iso27001": "ISO 27001", "pentest": "penetration test",
	}
	return cmp.Or(names[basis], basis)
}

func htmlVendorTerms(v *Vendor) []htmlValue {
	review := v.Declared.ReviewBy
	if v.Declared.ReviewOverdue {
		review += ", overdue"
	}
	return htmlStated(
		htmlValue{"Criticality", v.Declared.Criticality},
		htmlValue{"Contacts", htmlJoin(v.Declared.Contacts)},
		htmlValue{"Review due", review},
		htmlValue{"Declared at", htmlPlace(v.File, v.Line)},
	)
}
