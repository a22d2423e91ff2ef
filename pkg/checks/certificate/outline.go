package certificate

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// outline is what can be read of a certificate that crypto/x509 refuses, for
// an odd key or extension: the fields whose place is fixed (RFC 5280 section
// 4.1). It is read for every certificate, so that there is one way to do it.
type outline struct {
	signature algorithm
	issuer    []byte // DER of the name
	notBefore time.Time
	notAfter  time.Time
	subject   []byte // DER of the name
	key       asn1.ObjectIdentifier
}

var errOutline = errors.New("not an X.509 certificate")

// readOutline reads the fixed fields. What follows the key is not looked at.
func readOutline(der []byte) (outline, error) {
	var (
		o                outline
		certificate, tbs cryptobyte.String
		version          int
	)
	input := cryptobyte.String(der)
	ok := input.ReadASN1(&certificate, cbasn1.SEQUENCE) && certificate.ReadASN1(&tbs, cbasn1.SEQUENCE) &&
		tbs.ReadOptionalASN1Integer(&version, cbasn1.Tag(0).Constructed().ContextSpecific(), 0) &&
		tbs.SkipASN1(cbasn1.INTEGER) && // serial number
		tbs.SkipASN1(cbasn1.SEQUENCE) // algorithm, repeated outside where it is read
	if !ok {
		return o, errOutline
	}
	var issuer, validity, subject, spki cryptobyte.String
	ok = tbs.ReadASN1Element(&issuer, cbasn1.SEQUENCE) && tbs.ReadASN1(&validity, cbasn1.SEQUENCE) &&
		readTime(&validity, &o.notBefore) && readTime(&validity, &o.notAfter) &&
		tbs.ReadASN1Element(&subject, cbasn1.SEQUENCE) && tbs.ReadASN1(&spki, cbasn1.SEQUENCE)
	if !ok {
		return o, errOutline
	}
	o.issuer, o.subject = issuer, subject
	var keyAlgorithm cryptobyte.String
	if !spki.ReadASN1(&keyAlgorithm, cbasn1.SEQUENCE) || !keyAlgorithm.ReadASN1ObjectIdentifier(&o.key) {
		return o, errOutline
	}
	var err error
	o.signature, err = readAlgorithm(&certificate)
	return o, err
}

func readTime(s *cryptobyte.String, out *time.Time) bool {
	if s.PeekASN1Tag(cbasn1.UTCTime) {
		return s.ReadASN1UTCTime(out)
	}
	return s.ReadASN1GeneralizedTime(out)
}

// nameText renders a distinguished name, in the order RFC 4514 has it.
func nameText(der []byte) (string, error) {
	var rdns pkix.RDNSequence
	rest, err := asn1.Unmarshal(der, &rdns)
	if err != nil {
		return "", fmt.Errorf("distinguished name: %w", err)
	}
	if len(rest) > 0 {
		return "", errors.New("distinguished name: trailing bytes")
	}
	return printable(rdns.String()), nil
}

// nameMax caps a name from a certificate, in bytes; what is cut off is marked.
const nameMax = 512

// printable escapes what could steer a terminal, as RFC 4514 section 2.4
// escapes bytes, and caps the length.
func printable(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		if b.Len() > nameMax {
			return b.String() + "…"
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if (r == utf8.RuneError && size == 1) || !unicode.IsPrint(r) {
			for _, octet := range []byte(s[i : i+size]) {
				fmt.Fprintf(&b, `\%02X`, octet)
			}
		} else {
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}
