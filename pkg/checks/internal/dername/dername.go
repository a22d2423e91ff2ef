// Package dername renders distinguished names from certificates, and whatever
// else a peer wrote, so that it can be shown.
package dername

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Text renders a distinguished name, in the order RFC 4514 has it. The error
// says that it is malformed.
func Text(der []byte) (string, error) {
	var rdns pkix.RDNSequence
	rest, err := asn1.Unmarshal(der, &rdns)
	if err != nil || len(rest) > 0 {
		var ok bool
		if rdns, ok = readOddName(der); !ok {
			return "", errors.New("the distinguished name is malformed")
		}
	}
	return Printable(rdns.String()), nil
}

// readOddName reads a name whose values hold what their type does not allow,
// such as an @ in a PrintableString, for which encoding/asn1 drops all of it.
func readOddName(der []byte) (pkix.RDNSequence, bool) {
	var (
		name pkix.RDNSequence
		list cryptobyte.String
	)
	input := cryptobyte.String(der)
	if !input.ReadASN1(&list, cbasn1.SEQUENCE) || !input.Empty() {
		return nil, false
	}
	for !list.Empty() {
		var set cryptobyte.String
		if !list.ReadASN1(&set, cbasn1.SET) {
			return nil, false
		}
		var rdn pkix.RelativeDistinguishedNameSET
		for !set.Empty() {
			var (
				pair, value cryptobyte.String
				tag         cbasn1.Tag
				attribute   pkix.AttributeTypeAndValue
			)
			if !set.ReadASN1(&pair, cbasn1.SEQUENCE) || !pair.ReadASN1ObjectIdentifier(&attribute.Type) ||
				!pair.ReadAnyASN1(&value, &tag) || !pair.Empty() {
				return nil, false
			}
			attribute.Value = string(value)
			rdn = append(rdn, attribute)
		}
		name = append(name, rdn)
	}
	return name, true
}

// Max caps a text, in bytes; what is cut off is marked.
const Max = 512

// Printable escapes what could steer a terminal, as RFC 4514 section 2.4
// escapes bytes, and caps the length.
func Printable(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		if b.Len() > Max {
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
