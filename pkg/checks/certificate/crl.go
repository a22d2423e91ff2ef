package certificate

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/dername"
)

var (
	oidDeltaCRL     = asn1.ObjectIdentifier{2, 5, 29, 27} // RFC 5280 section 5.2.4
	oidIssuingPoint = asn1.ObjectIdentifier{2, 5, 29, 28} // RFC 5280 section 5.2.5
	oidAuthorityKey = asn1.ObjectIdentifier{2, 5, 29, 35}
)

// crl is a certificate revocation list (RFC 5280 section 5.1). Its entries are
// left as they are: crypto/x509 would make ten times the memory of them.
type crl struct {
	tbs        []byte
	signature  algorithm
	signed     []byte
	issuer     []byte // DER of the name
	thisUpdate time.Time
	nextUpdate time.Time
	entries    cryptobyte.String
	extensions []pkix.Extension
}

// readCRL reads all but the entries. Its error is an invalidError.
func readCRL(der []byte) (crl, error) {
	var (
		list             crl
		content, element cryptobyte.String
	)
	input := cryptobyte.String(der)
	ok := input.ReadASN1(&content, cbasn1.SEQUENCE) && input.Empty() && content.ReadASN1Element(&element, cbasn1.SEQUENCE)
	list.tbs = element
	if !ok || !list.readFields(element) {
		return list, invalid("it is malformed, or of a version that is not known")
	}
	var err error
	if list.signature, err = readAlgorithm(&content); err == nil {
		list.signed, ok = readBits(&content)
	}
	if err != nil || !ok || !content.Empty() {
		return list, invalid("its signature is malformed")
	}
	return list, nil
}

// readFields reads a TBSCertList. RFC 5280 makes nextUpdate mandatory.
func (c *crl) readFields(element cryptobyte.String) bool {
	var (
		tbs, issuer, wrapped, extensions cryptobyte.String
		version                          int
		present                          bool
	)
	if !element.ReadASN1(&tbs, cbasn1.SEQUENCE) {
		return false
	}
	if tbs.PeekASN1Tag(cbasn1.INTEGER) && (!tbs.ReadASN1Integer(&version) || version != 1) {
		return false
	}
	ok := tbs.SkipASN1(cbasn1.SEQUENCE) && tbs.ReadASN1Element(&issuer, cbasn1.SEQUENCE) &&
		readTime(&tbs, &c.thisUpdate) && readTime(&tbs, &c.nextUpdate) &&
		tbs.ReadOptionalASN1(&c.entries, &present, cbasn1.SEQUENCE) &&
		tbs.ReadOptionalASN1(&wrapped, &present, cbasn1.Tag(0).Constructed().ContextSpecific()) && tbs.Empty()
	if ok && present {
		ok = wrapped.ReadASN1(&extensions, cbasn1.SEQUENCE) && wrapped.Empty()
	}
	for ok && !extensions.Empty() {
		var e pkix.Extension
		if e, ok = readExtension(&extensions); ok {
			c.extensions = append(c.extensions, e)
		}
	}
	c.issuer = issuer
	return ok
}

// covers reports by its error whether the list can tell of the leaf: it is its
// issuer's, in date, complete, and of the part that the leaf was assigned to.
func (c *crl) covers(leaf *link, address string, issuer *x509.Certificate, now time.Time) error {
	switch {
	case !bytes.Equal(c.issuer, issuer.RawSubject):
		return invalid("it is not of the leaf's issuer")
	case issuer.KeyUsage != 0 && issuer.KeyUsage&x509.KeyUsageCRLSign == 0:
		return invalid("the issuer's key usage does not allow to sign it")
	case c.thisUpdate.After(now.Add(skew)):
		return invalid("it is of the future, from %s", c.thisUpdate.UTC().Format(time.DateOnly))
	case c.nextUpdate.Before(now):
		return invalid("it expired on %s", c.nextUpdate.UTC().Format(time.DateOnly))
	}
	for _, e := range c.extensions {
		switch {
		case e.Id.Equal(oidDeltaCRL):
			return invalid("it holds only what has changed since another")
		case e.Id.Equal(oidIssuingPoint):
			if err := covered(e.Value, leaf, address); err != nil {
				return err
			}
		case e.Critical && !e.Id.Equal(oidAuthorityKey):
			return checks.Because(checks.ReasonAmbiguous, "the CRL has a critical extension that is not known here, %s", e.Id)
		}
	}
	err := issuer.CheckSignature(c.signature.check, c.tbs, c.signed)
	if errors.Is(err, x509.ErrUnsupportedAlgorithm) {
		return checks.Because(checks.ReasonAmbiguous, "the signature of the CRL cannot be checked here")
	}
	if err != nil {
		return invalid("the issuer did not sign it")
	}
	return nil
}

// issuingPoint is an IssuingDistributionPoint: the part of all certificates of
// its issuer that a CRL is about (RFC 5280 section 5.2.5).
type issuingPoint struct {
	named                       bool
	name                        cryptobyte.String // a DistributionPointName
	onlyUser, onlyCA, onlyOther bool
	someReasons, indirect       bool
}

func readIssuingPoint(der []byte) (p issuingPoint, ok bool) {
	var fields, reasons cryptobyte.String
	tag := func(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific() }
	input := cryptobyte.String(der)
	ok = input.ReadASN1(&fields, cbasn1.SEQUENCE) && input.Empty() &&
		fields.ReadOptionalASN1(&p.name, &p.named, tag(0).Constructed()) &&
		readFlag(&fields, &p.onlyUser, tag(1)) && readFlag(&fields, &p.onlyCA, tag(2)) &&
		fields.ReadOptionalASN1(&reasons, &p.someReasons, tag(3)) &&
		readFlag(&fields, &p.indirect, tag(4)) && readFlag(&fields, &p.onlyOther, tag(5)) && fields.Empty()
	return p, ok
}

// covered holds an IssuingDistributionPoint against the leaf.
func covered(der []byte, leaf *link, address string) error {
	p, ok := readIssuingPoint(der)
	authority := leaf.outline.usage.authority
	switch {
	case !ok:
		return invalid("its distribution point is malformed")
	case p.onlyOther, p.onlyCA && !authority, p.onlyUser && authority:
		return invalid("it is not about certificates of the leaf's kind")
	case p.someReasons, p.indirect:
		return checks.Because(checks.ReasonAmbiguous, "the CRL covers only some reasons, or several issuers")
	case p.named && !p.names(address):
		return invalid("it is of another distribution point than %s", dername.Printable(address))
	}
	return nil
}

// names reports whether the full name of the point holds an address.
func (p *issuingPoint) names(address string) bool {
	addresses, _ := readFullName(p.name)
	return slices.Contains(addresses, address)
}

// readFlag reads a BOOLEAN with a tag of its own, which is false when absent.
func readFlag(s *cryptobyte.String, out *bool, tag cbasn1.Tag) bool {
	var (
		value   cryptobyte.String
		present bool
	)
	if !s.ReadOptionalASN1(&value, &present, tag) {
		return false
	}
	if !present {
		return true
	}
	*out = slices.Equal(value, []byte{0xff})
	return *out || slices.Equal(value, []byte{0})
}

// lists reports whether a serial number, as it stands in the leaf, is on the
// list. Its error is an invalidError.
func (c *crl) lists(serial []byte) (bool, error) {
	for entries := c.entries; !entries.Empty(); {
		var entry, number cryptobyte.String
		if !entries.ReadASN1(&entry, cbasn1.SEQUENCE) || !entry.ReadASN1(&number, cbasn1.INTEGER) {
			return false, invalid("its entries are malformed")
		}
		if bytes.Equal(number, serial) {
			return true, nil
		}
	}
	return false, nil
}
