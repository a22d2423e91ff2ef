package flowmap

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// notScanned is said of a link that the report does not hold.
const notScanned = "not scanned"

// directionWords says who opens the connection.
func directionWords(d inventory.Direction) string {
	switch d {
	case inventory.DirectionOutbound:
		return "we connect to them"
	case inventory.DirectionInbound:
		return "they connect to us"
	case inventory.DirectionBoth:
		return "either side connects"
	default:
		return "direction not stated"
	}
}

// classWords is the classification, or that none was stated.
func classWords(c inventory.Classification) string {
	return cmp.Or(string(c), "unclassified")
}

// protocolWords is the protocol, and that it encrypts nothing where it does not.
func (l *Link) protocolWords() string {
	words := cmp.Or(l.Protocol, l.Scheme)
	if !l.Encrypted {
		words += ", not encrypted"
	}
	return words
}

// authWords says how the caller proves who it is.
func (l *Link) authWords() string {
	var words []string
	switch l.Auth {
	case "":
	case inventory.AuthNone:
		words = append(words, "no authentication")
	default:
		words = append(words, strings.ReplaceAll(string(l.Auth), "_", " "))
	}
	if l.MTLS == inventory.MTLSRequired && l.Auth != inventory.AuthMTLS {
		words = append(words, "mtls")
	}
	if l.Signature != "" {
		words = append(words, "signed ("+string(l.Signature)+")")
	}
	if len(words) == 0 {
		return "authentication not stated"
	}
	return strings.Join(words, ", ")
}

func permissionWords(permissions []string) string {
	if len(permissions) == 0 {
		return "permissions not stated"
	}
	return strings.Join(permissions, ", ")
}

// gradeWords is the grade, never without its coverage.
func (r *Risk) gradeWords() string {
	return fmt.Sprintf("grade %s, coverage %d %%", r.Grade, r.Coverage)
}

// bandWords is the residual risk in words.
func (r *Risk) bandWords() string { return string(r.Band) + " risk" }

// worstWords names the worst open finding and counts the others.
func (r *Risk) worstWords() string {
	if r.Worst == nil {
		if r.Waived > 0 {
			return fmt.Sprintf("no open finding, %d waived", r.Waived)
		}
		if r.Grade == risk.GradeUnknown {
			return "too little is known"
		}
		return "no open finding"
	}
	words := string(r.Worst.Severity) + ": " + r.Worst.Rule
	if more := r.openTotal() - 1; more > 0 {
		words += fmt.Sprintf(" and %d more", more)
	}
	return words
}

func (r *Risk) openTotal() int {
	n := 0
	for _, open := range r.Open {
		n += open
	}
	return n
}

// openWords counts the open findings, as in "1 critical, 2 high".
func (r *Risk) openWords() string {
	var words []string
	for _, severity := range slices.Backward(risk.Severities) {
		if n := r.Open[severity]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, severity))
		}
	}
	if r.Waived > 0 {
		words = append(words, fmt.Sprintf("%d waived", r.Waived))
	}
	switch {
	case len(words) > 0:
		return strings.Join(words, ", ")
	case r.Grade == risk.GradeUnknown:
		return "too little is known"
	default:
		return "none"
	}
}

// summary says in one line what is on the map.
func (m *Map) summary() string {
	systems := len(m.Systems)
	if systems > 0 && m.Systems[systems-1].ID == Unstated {
		systems--
	}
	return count(systems, "system") + ", " + count(len(m.Vendors), "vendor") + ", " + count(len(m.Links), "link")
}

// riskSummary says in one line where the risk comes from, if any was given.
func (m *Map) riskSummary() string {
	if m.Report == nil {
		return "No report was given, so nothing is said about risk"
	}
	words := fmt.Sprintf("Risk as of the scan of %s by m2mscan %s", m.Report.Started.UTC().Format("2006-01-02 15:04 UTC"), m.Report.ToolVersion)
	if !m.Report.Complete {
		words += ", which was interrupted"
	}
	if missing := len(m.Unscanned()); missing > 0 {
		words += fmt.Sprintf("; %s %s", count(missing, "link"), notScanned)
	}
	return words
}

// ownerWords says who answers for one of our systems.
func ownerWords(s *System) string {
	if s.Owner == "" {
		return "owner not stated"
	}
	return label(s.Owner, 40)
}

// vendorLines describe a vendor in a few short lines.
func vendorLines(m *Map, v *Vendor, limit int) []string {
	lines := []string{label(v.Name, limit)}
	if v.Criticality != "" {
		lines = append(lines, "criticality "+string(v.Criticality))
	}
	switch {
	case v.Risk != nil:
		lines = append(lines, v.Risk.gradeWords()+", "+v.Risk.bandWords())
	case m.Report != nil:
		lines = append(lines, notScanned)
	}
	return lines
}

// linkLines describe a link in a few short lines.
func linkLines(m *Map, l *Link, limit int) []string {
	lines := []string{label(l.Name, limit), label(l.protocolWords()+", "+l.authWords(), limit)}
	if len(l.Permissions) > 0 {
		lines = append(lines, label(permissionWords(l.Permissions), limit))
	}
	switch {
	case l.Risk != nil:
		lines = append(lines, l.Risk.gradeWords()+", "+l.Risk.bandWords(), label(l.Risk.worstWords(), limit))
	case m.Report != nil:
		lines = append(lines, notScanned)
	}
	return lines
}
