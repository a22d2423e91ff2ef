package risk

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Attestation is what a vendor says of one control, as the report keeps it.
type Attestation struct {
	Control   ClaimName          `json:"control"`
	Claim     bool               `json:"claim"` // false: the vendor says that the control is not in place
	Basis     string             `json:"basis"`
	Evidence  string             `json:"evidence,omitempty"`
	Collected string             `json:"collected,omitempty"`
	Expires   string             `json:"expires,omitempty"`
	Location  inventory.Position `json:"location"`
}

// Attestations puts the attestations of a vendor into the form of reports.
func Attestations(v *inventory.Vendor) []Attestation {
	list := make([]Attestation, 0, len(v.Attestations))
	for _, a := range v.Attestations {
		list = append(list, Attestation{
			Control: ClaimName(a.Control), Claim: a.Claim, Basis: string(a.Basis), Evidence: a.Evidence,
			Collected: a.Collected.String(), Expires: a.Expires.String(), Location: a.Pos,
		})
	}
	return list
}

// How much an attestation is worth by what it rests on, and how long a
// vendor's own word is good for when it states no end.
const (
	confidenceThirdParty = 0.9
	confidenceContract   = 0.6
	confidenceSelf       = 0.4
	selfDays             = 365
)

func confidenceOf(basis string) float64 {
	switch inventory.Basis(basis) {
	case inventory.BasisSOC2, inventory.BasisISO27001, inventory.BasisPentest:
		return confidenceThirdParty
	case inventory.BasisContract:
		return confidenceContract
	default:
		return confidenceSelf
	}
}

// lastDay is the day an attestation is good to, inclusive, UTC; zero when it
// has none. A vendor's own word without an end is good for a year.
func lastDay(a inventory.Attestation) inventory.Date {
	if a.Expires.IsZero() && !a.Collected.IsZero() {
		return inventory.Date{Time: a.Collected.AddDate(0, 0, selfDays)}
	}
	return a.Expires
}

// VendorClaims says for each of the five controls what the vendor attests, and
// what evidence there is. Of several attestations of a control the one that is
// worth most counts, those in date before those that have expired.
//
// No probe can confirm a control; findings on the vendor's links ([AboutControls])
// can contradict one. Where anything is contradicted, here or (caught) on a
// link, the vendor's own word (basis self) has no confidence left; what others
// have examined keeps it.
func VendorClaims(v DeclaredVendor, attested []Attestation, at inventory.Position, findings []Finding, caught bool, now time.Time, rules func(id string) (Rule, bool)) []Claim {
	claims := make([]Claim, 0, len(Controls))
	for _, name := range Controls {
		c := Claim{
			Target: v.ID, Vendor: v.ID, Name: name, Title: name.title(), State: ClaimUnverified,
			Declared: "nothing stated", Observed: "no evidence; no probe can see it", Rules: []string{}, Location: at,
		}
		if a, ok := best(attested, name, now); ok {
			c.attest(a, now)
		}
		against, by, looked := contradictions(name, findings, rules)
		if len(by) > 0 {
			c.Rules = by
		}
		switch {
		case c.Declared != "in place":
		case len(against) > 0:
			c.State, c.Observed = ClaimContradicted, clip(strings.Join(against, "; "), maxMessage)
			caught = true
		case looked > 0 && c.State == ClaimUnverified:
			c.Observed += fmt.Sprintf("; nothing against it on %s", plural(looked, "link"))
		}
		claims = append(claims, c)
	}
	if caught {
		for i := range claims {
			if claims[i].Basis == string(inventory.BasisSelf) {
				claims[i].Confidence = 0
			}
		}
	}
	return claims
}

// attest puts an attestation on the claim's declared side.
func (c *Claim) attest(a Attestation, now time.Time) {
	c.Declared = "in place"
	if !a.Claim {
		c.Declared = "not in place"
	}
	c.Basis, c.Evidence, c.Collected, c.Expires, c.Location = a.Basis, a.Evidence, a.Collected, a.Expires, a.Location
	if last := a.lastDay(); last.Before(now) {
		c.State, c.Observed = ClaimStale, "the evidence expired on "+last.String()
		return
	}
	c.Confidence = confidenceOf(a.Basis)
	c.Observed = "attested; no probe can see it"
}

// best picks the attestation of a control that counts.
func best(attested []Attestation, name ClaimName, now time.Time) (Attestation, bool) {
	worth := func(a Attestation) float64 {
		if a.lastDay().Before(now) {
			return -1 + confidenceOf(a.Basis) // below every one in date
		}
		return confidenceOf(a.Basis)
	}
	found := -1
	for i, a := range attested {
		if a.Control == name && (found < 0 || worth(a) > worth(attested[found])) {
			found = i
		}
	}
	if found < 0 {
		return Attestation{}, false
	}
	return attested[found], true
}

// lastDay reads back the days; those of a report were dates when it was made.
func (a Attestation) lastDay() inventory.Date {
	day := func(text string) inventory.Date {
		d, err := inventory.ParseDate(text)
		if err != nil {
			return inventory.Date{}
		}
		return d
	}
	return lastDay(inventory.Attestation{Collected: day(a.Collected), Expires: day(a.Expires)})
}

// declareAttestations sorts the five controls by how they are attested at the
// moment the scan began.
func declareAttestations(d *DeclaredVendor, v *inventory.Vendor, now time.Time) {
	attested := Attestations(v)
	d.Attested, d.AttestedStale, d.AttestedAbsent, d.Unattested = []string{}, []string{}, []string{}, []string{}
	for _, name := range Controls {
		a, ok := best(attested, name, now)
		switch {
		case !ok:
			d.Unattested = append(d.Unattested, string(name))
		case a.lastDay().Before(now):
			d.AttestedStale = append(d.AttestedStale, string(name))
		case !a.Claim:
			d.AttestedAbsent = append(d.AttestedAbsent, string(name))
		default:
			d.Attested = append(d.Attested, string(name))
		}
	}
}

// mostSensitive is the highest class of data on any of the vendor's links, or
// empty.
func mostSensitive(v *inventory.Vendor) string {
	rising := []inventory.Classification{
		inventory.ClassificationPublic, inventory.ClassificationInternal,
		inventory.ClassificationConfidential, inventory.ClassificationRestricted,
	}
	highest := inventory.Classification("")
	for _, l := range v.Links {
		if slices.Index(rising, l.Data.Classification) > slices.Index(rising, highest) {
			highest = l.Data.Classification
		}
	}
	return string(highest)
}
