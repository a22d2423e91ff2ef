package certificate

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// outline is a certificate as its DER has it (RFC 5280 section 4.1), read
// without crypto/x509, which refuses a whole certificate for one odd key or
// extension. What is wrong in one place is noted in faults, and the rest is
// still read. All facts about a single certificate come from here, so that
// there is one way to learn them.
type outline struct {
	raw        []byte // DER of the certificate, without what follows it
	tbs        []byte // DER that the signature covers
	version    int    // as people count: 3 for X.509 v3
	serial     []byte // big-endian two's complement, as sent
	signature  algorithm
	signed     []byte // value of the signature
	issuer     []byte // DER of the name
	dated      bool   // the dates could be read
	notBefore  time.Time
	notAfter   time.Time
	subject    []byte // DER of the name
	spki       []byte // DER of the SubjectPublicKeyInfo
	key        key
	extensions []pkix.Extension

	names   names
	usage   usage
	sources sources
	faults  []string // in words for an operator
}

var errOutline = errors.New("not an X.509 certificate")

// readOutline reads a certificate. The error means that not even the fields
// whose place is fixed are there.
func readOutline(der []byte) (outline, error) {
	var (
		o                                  outline
		element, certificate, tbs, content cryptobyte.String
	)
	input := cryptobyte.String(der)
	if !input.ReadASN1Element(&element, cbasn1.SEQUENCE) {
		return o, errOutline
	}
	o.raw = element
	if !input.Empty() {
		o.fault("%d bytes follow the certificate", len(input))
	}
	if !element.ReadASN1(&certificate, cbasn1.SEQUENCE) || !certificate.ReadASN1Element(&tbs, cbasn1.SEQUENCE) {
		return o, errOutline
	}
	o.tbs = tbs
	if !tbs.ReadASN1(&content, cbasn1.SEQUENCE) {
		return o, errOutline
	}
	inner, ok := o.readFixed(&content)
	if !ok {
		return o, errOutline
	}
	o.readExtensions(content)
	outer := certificate
	var err error
	if o.signature, err = readAlgorithm(&certificate); err != nil {
		return o, err
	}
	if !bytes.HasPrefix(outer, inner) {
		o.fault("it names two signature algorithms, and they differ (RFC 5280 section 4.1.1.2)")
	}
	if o.signed, ok = readBits(&certificate); !ok || !certificate.Empty() {
		o.fault("the signature is malformed")
	}
	o.judge()
	return o, nil
}

func (o *outline) fault(format string, args ...any) {
	o.faults = append(o.faults, fmt.Sprintf(format, args...))
}

// readFixed reads the fields whose place is fixed, and returns the DER of the
// signature algorithm among them.
func (o *outline) readFixed(tbs *cryptobyte.String) (inner []byte, ok bool) {
	var (
		version                                        int
		serial, algorithm, issuer, dates, subject, key cryptobyte.String
	)
	ok = tbs.ReadOptionalASN1Integer(&version, cbasn1.Tag(0).Constructed().ContextSpecific(), 0) &&
		tbs.ReadASN1(&serial, cbasn1.INTEGER) &&
		tbs.ReadASN1Element(&algorithm, cbasn1.SEQUENCE) &&
		tbs.ReadASN1Element(&issuer, cbasn1.SEQUENCE) &&
		tbs.ReadASN1(&dates, cbasn1.SEQUENCE) &&
		tbs.ReadASN1Element(&subject, cbasn1.SEQUENCE) &&
		tbs.ReadASN1Element(&key, cbasn1.SEQUENCE)
	if !ok {
		return nil, false
	}
	o.version, o.serial, o.issuer, o.subject, o.spki = version+1, serial, issuer, subject, key
	o.dated = readTime(&dates, &o.notBefore) && readTime(&dates, &o.notAfter) && dates.Empty()
	if !o.dated {
		o.notBefore, o.notAfter = time.Time{}, time.Time{}
		o.fault("the dates are malformed (RFC 5280 section 4.1.2.5)")
	}
	o.key, ok = readKey(key)
	return algorithm, ok
}

// readExtensions reads what follows the key.
func (o *outline) readExtensions(tail cryptobyte.String) {
	var (
		extensions, list cryptobyte.String
		present          bool
	)
	ok := tail.SkipOptionalASN1(cbasn1.Tag(1).ContextSpecific()) && tail.SkipOptionalASN1(cbasn1.Tag(2).ContextSpecific()) &&
		tail.ReadOptionalASN1(&extensions, &present, cbasn1.Tag(3).Constructed().ContextSpecific())
	if ok && present {
		ok = extensions.ReadASN1(&list, cbasn1.SEQUENCE)
	}
	for ok && !list.Empty() {
		var e pkix.Extension
		if e, ok = readExtension(&list); ok {
			o.extensions = append(o.extensions, e)
		}
	}
	if !ok || !extensions.Empty() || !tail.Empty() {
		o.fault("the extensions are malformed: only the first %d can be read", len(o.extensions))
	}
	o.names = readNames(o)
	o.usage = readUsage(o)
	o.sources = readSources(o)
}

func readTime(s *cryptobyte.String, out *time.Time) bool {
	if s.PeekASN1Tag(cbasn1.UTCTime) {
		return s.ReadASN1UTCTime(out)
	}
	return s.ReadASN1GeneralizedTime(out)
}

// readBits reads a BIT STRING that holds bytes.
func readBits(s *cryptobyte.String) ([]byte, bool) {
	var bits asn1.BitString
	ok := s.ReadASN1BitString(&bits)
	return bits.RightAlign(), ok
}

// extension gives the value of the first extension of a kind.
func (o *outline) extension(oid asn1.ObjectIdentifier) (value []byte, ok bool) {
	for _, e := range o.extensions {
		if e.Id.Equal(oid) {
			return e.Value, true
		}
	}
	return nil, false
}
