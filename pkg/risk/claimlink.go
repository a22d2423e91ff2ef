package risk

import (
	"fmt"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// LinkClaims holds what the inventory says of a link against the findings of
// the rules that name the claim: a failed one contradicts it, one that could
// not be judged leaves it unverified, and a pass confirms it. Where no such
// rule applies, nothing was observed, and the claim is unverified too.
//
// Findings are those of one link, with every verdict, in the order of rules.
func LinkClaims(d Declared, findings []Finding, at inventory.Position, rules func(id string) (Rule, bool)) []Claim {
	judged := make(map[ClaimName][]*Finding)
	for i := range findings {
		if r, ok := rules(findings[i].Rule); ok && r.Claim != "" {
			judged[r.Claim] = append(judged[r.Claim], &findings[i])
		}
	}
	claims := []Claim{}
	for _, name := range linkClaims {
		declared := d.Link.claims(name)
		if declared == "" {
			continue
		}
		c := Claim{
			Target: d.Link.ID, Vendor: d.Vendor.ID, Name: name, Title: name.title(),
			Declared: declared, Rules: []string{}, Location: at,
		}
		c.hold(judged[name])
		claims = append(claims, c)
	}
	return claims
}

// claims says in words what the inventory claims under a name; empty for
// nothing.
func (l *DeclaredLink) claims(name ClaimName) string {
	switch name {
	case ClaimEncryption:
		if l.Encrypted {
			return l.Scheme
		}
	case ClaimTLSFloor:
		if l.MinVersion != "" && l.TLS {
			return "TLS " + l.MinVersion + " or above"
		}
	case ClaimMTLS:
		return l.claimsCertificate()
	case ClaimAuthentication:
		if !slices.Contains([]string{"", "none", "mtls"}, l.Auth.Type) {
			return l.Auth.Type
		}
	case ClaimRateLimit:
		return l.RateLimit
	case ClaimSignature:
		return l.Signature
	case ClaimPermissions:
		return firstFew(l.Permissions, shownTargets)
	case ClaimDataProtection:
		if l.Classification == "confidential" || l.Classification == "restricted" {
			return l.Classification + " data: encrypted, and for known clients alone"
		}
	default: // controls are attested, not declared of a link
	}
	return ""
}

func (l *DeclaredLink) claimsCertificate() string {
	switch {
	case l.MTLS == "required" || l.Auth.Type == "mtls":
		return "required"
	case l.MTLS == "optional":
		return "optional"
	default:
		return "" // none, or nothing said: no promise
	}
}

// hold fills in the state, what was observed, and by which rules.
func (c *Claim) hold(judged []*Finding) {
	c.State, c.Observed = ClaimUnverified, "no rule looks at it"
	decisive := (*Finding)(nil)
	for _, f := range judged {
		c.Rules = append(c.Rules, f.Rule)
		if decisive == nil || weight(f.Verdict) > weight(decisive.Verdict) {
			decisive = f
		}
	}
	if decisive == nil {
		return
	}
	c.Observed = decisive.Message
	switch decisive.Verdict {
	case Fail:
		c.State = ClaimContradicted
	case Pass:
		c.State = ClaimConfirmed
		c.Observed = seen(judged)
	case Inconclusive, NotApplicable:
	}
}

// weight orders verdicts by how much each says about a claim.
func weight(v Verdict) int {
	return slices.Index([]Verdict{NotApplicable, Pass, Inconclusive, Fail}, v)
}

// seen lists the observed facts on which rules passed, each once: what was
// declared stands beside it already.
func seen(judged []*Finding) string {
	facts := make(map[string]any)
	for _, f := range judged {
		for name, v := range f.Facts {
			if namespace := namespaceOf(name); f.Verdict == Pass && namespace != "link" && namespace != "vendor" {
				facts[name] = v
			}
		}
	}
	if len(facts) == 0 {
		return "as declared" // the claim follows from the inventory alone
	}
	return clip(describe(facts), maxMessage)
}

// AboutControls picks the findings of rules that hold an attested control
// against facts.
func AboutControls(findings []Finding, rules func(id string) (Rule, bool)) []Finding {
	var about []Finding
	for i := range findings {
		if r, ok := rules(findings[i].Rule); ok && slices.Contains(Controls, r.Claim) {
			about = append(about, findings[i])
		}
	}
	return about
}

// contradictions lists the links whose findings contradict a control that the
// vendor attests, each with what was seen.
func contradictions(name ClaimName, findings []Finding, rules func(id string) (Rule, bool)) (list, by []string, looked int) {
	for i := range findings {
		f := &findings[i]
		r, ok := rules(f.Rule)
		if !ok || r.Claim != name {
			continue
		}
		if !slices.Contains(by, f.Rule) {
			by = append(by, f.Rule)
		}
		switch f.Verdict {
		case Fail:
			list = append(list, fmt.Sprintf("%s: %s", f.Target, strings.TrimSuffix(f.Message, ".")))
		case Pass:
			looked++
		case Inconclusive, NotApplicable:
		}
	}
	return list, by, looked
}
