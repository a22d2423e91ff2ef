package report

import (
	"cmp"
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

func linkRef(id string) string   { return "link:" + id }
func vendorRef(id string) string { return "vendor:" + id }

func (c *cycloneDX) eachService(yield func(any) bool) {
	broken := c.brokenAuthentication()
	for i := range c.report.Targets {
		t := &c.report.Targets[i]
		s := c.service(t)
		if broken[t.ID] {
			s.Authenticated = nil
		}
		if !yield(s) {
			return
		}
	}
}

// brokenAuthentication finds the links that do not hold to the authentication
// that was agreed: nobody can say then that the service demands it.
func (c *cycloneDX) brokenAuthentication() map[string]bool {
	broken := make(map[string]bool)
	for i := range c.report.Claims {
		claim := &c.report.Claims[i]
		if claim.State == risk.ClaimContradicted && slices.Contains([]risk.ClaimName{risk.ClaimAuthentication, risk.ClaimMTLS, risk.ClaimSignature}, claim.Name) {
			broken[claim.Target] = true
		}
	}
	return broken
}

// service is a link as something that the vendor provides. Every link crosses
// a trust boundary: the other side is a third party.
func (c *cycloneDX) service(t *Target) cdxService {
	l := &t.Declared.Link
	data, endpoints := dataFlow(t)
	s := cdxService{
		Ref: linkRef(t.ID), Group: t.Vendor, Name: strings.TrimPrefix(t.ID, t.Vendor+"/"),
		Endpoints: endpoints, Authenticated: authenticated(l), TrustBoundary: true, Data: []cdxData{data},
	}
	if v, ok := c.vendors[t.Vendor]; ok {
		s.Provider = new(organization(v))
	}
	var p cdxProperties
	p.add("kind", t.Kind)
	p.add("direction", l.Direction)
	p.add("auth", l.Auth.Type)
	p.add("min_tls_version", l.MinVersion)
	p.add("mtls", l.MTLS)
	p.add("rate_limit", l.RateLimit)
	p.add("signature", l.Signature)
	p.add("used_by", l.UsedBy...)
	p.add("owner", l.Owners...)
	p.add("permission", l.Permissions...)
	c.addScore(&p, t)
	s.Properties = p
	return s
}

// addScore never gives the grade without the coverage.
func (c *cycloneDX) addScore(p *cdxProperties, t *Target) {
	p.add("grade", string(cmp.Or(t.Score.Grade, risk.GradeUnknown)))
	p.add("coverage", strconv.Itoa(t.Score.Coverage))
	if t.Score.Residual != nil {
		p.add("residual", strconv.Itoa(*t.Score.Residual))
	}
	p.add("band", string(cmp.Or(t.Score.Band, risk.BandUnknown)))
	p.add("outcome", outcomeInWords(t))
	n := c.findings[t.ID]
	for place, severity := range slices.Backward(risk.Severities) {
		if failed := n.failed[place]; failed > 0 {
			p.add("failed:"+string(severity), strconv.Itoa(failed))
		}
	}
	p.add("waived", strconv.Itoa(n.waived))
	p.add("inconclusive", strconv.Itoa(n.inconclusive))
	p.add("inventory", fmt.Sprintf("%s:%d", cmp.Or(c.uris[t.File], t.File), t.Line))
}

// dataFlow says which way data goes, seen from the service as CycloneDX
// demands: "inbound" enters it. The inventory's direction says who opens the
// connection, which is another thing. A call of an interface carries data in
// and its answer carries data out, whoever calls; an event goes one way; what
// is published to a broker and what is read from it nobody has stated.
//
// Where the vendor opens the connection, the URL is ours: no endpoint of the
// service, but where its data goes.
func dataFlow(t *Target) (data cdxData, endpoints []string) {
	l := &t.Declared.Link
	url := []string{iri(t.URL)}
	data = cdxData{Flow: "unknown", Classification: cmp.Or(l.Classification, "unknown")}
	event := inventory.Kind(t.Kind) == inventory.KindWebhook
	inbound := inventory.Direction(l.Direction) == inventory.DirectionInbound
	switch {
	case event && inbound:
		data.Flow = "outbound"
	case event && inventory.Direction(l.Direction) == inventory.DirectionOutbound:
		data.Flow = "inbound"
	case event && l.Direction == "": // theirs or ours, nobody has stated
	case inventory.Kind(t.Kind) != inventory.KindBroker:
		data.Flow = "bi-directional"
	}
	if !inbound {
		return data, url
	}
	data.Destination = url
	if data.Flow == "bi-directional" {
		data.Source = url
	}
	return data, nil
}

// authenticated says whether the agreement demands that a caller proves who it
// is; nil where nothing was agreed.
func authenticated(l *risk.DeclaredLink) *bool {
	switch {
	case l.MTLS == string(inventory.MTLSRequired), l.Signature != "":
		return new(true)
	case l.Auth.Type != "":
		return new(inventory.AuthType(l.Auth.Type) != inventory.AuthNone)
	default:
		return nil
	}
}

// phone is a telephone number as people write it.
var phone = regexp.MustCompile(`^\+?[0-9][0-9 ()/.-]{4,30}$`) //nolint:gochecknoglobals // a constant

// organization sorts the contacts of a vendor: addresses, telephone numbers,
// links, and names.
func organization(v *Vendor) cdxOrganization {
	o := cdxOrganization{Name: cmp.Or(v.Name, v.ID)}
	for _, contact := range v.Declared.Contacts {
		address := strings.TrimPrefix(contact, "mailto:")
		switch parsed, err := mail.ParseAddress(address); {
		case err == nil && parsed.Address == address:
			o.Contact = append(o.Contact, cdxContact{Email: address})
		case err == nil && parsed.Name != "":
			o.Contact = append(o.Contact, cdxContact{Name: parsed.Name, Email: parsed.Address})
		case strings.HasPrefix(contact, "https://"), strings.HasPrefix(contact, "http://"):
			o.URL = append(o.URL, iri(contact))
		case phone.MatchString(strings.TrimPrefix(contact, "tel:")):
			o.Contact = append(o.Contact, cdxContact{Phone: strings.TrimPrefix(contact, "tel:")})
		default:
			o.Contact = append(o.Contact, cdxContact{Name: contact})
		}
	}
	return o
}

// iri escapes what may not stand in an IRI (RFC 3987 section 2.2), such as the
// braces of a reference. What is escaped already stays.
func iri(s string) string {
	if !strings.ContainsFunc(s, notInIRI) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if !notInIRI(r) {
			b.WriteRune(r)
			continue
		}
		for _, c := range []byte(string(r)) {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func notInIRI(r rune) bool {
	return !unicode.IsPrint(r) || strings.ContainsRune(" \"<>\\^`{|}\uFFFD", r)
}
