package report

import "github.com/m2mscan/m2mscan/pkg/risk"

// claimsPart holds what was agreed and attested against evidence.
func (d *Dossier) claimsPart() []letterPart {
	var asked [][]proseSpan
	for _, c := range d.Claims {
		if text := c.asked(); text != "" {
			asked = append(asked, words(text))
		}
	}
	if len(asked) == 0 {
		return nil
	}
	return []letterPart{
		{Heading: "What we ask you to answer"},
		{Text: words("Please answer" + until(d.EvidenceBy) + ". A current report, certificate or contract is enough as evidence; please say from and until when it holds.")},
		{Items: asked},
	}
}

// asked is what the vendor is to answer on a claim; empty when nothing.
func (c *DossierClaim) asked() string {
	what := capital(c.Title)
	if c.Link != "" {
		what += " of " + c.Link
	}
	switch {
	case c.State == risk.ClaimContradicted && c.Observed != "":
		return what + ": agreed was " + c.Declared + "; we saw: " + c.Observed + "."
	case c.State == risk.ClaimContradicted:
		return what + ": stated was " + c.Declared + ", and what we saw contradicts it."
	case c.Question != "":
		return what + ": " + c.Question + " We hold no statement of yours."
	case c.Declared == "not in place":
		return what + ": you told us that it is not in place. Please tell us by when it will be, and what stands in for it until then."
	case c.State == risk.ClaimStale:
		held := "the evidence that we hold"
		if c.Basis != "" {
			held += " (" + c.Basis + ")"
		}
		if c.Expires == "" {
			return what + ": " + held + " is too old. Please send current evidence."
		}
		return what + ": " + held + " was good until " + c.Expires + ". Please send current evidence."
	case c.Unproven:
		return what + ": we hold no evidence but your word. Please send evidence."
	default:
		return ""
	}
}
