package certificate

import (
	"crypto/x509"
	"encoding/asn1"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

var (
	oidTLSFeature = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}       // RFC 7633
	oidSCTs       = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2} // RFC 6962 section 3.3
)

// statusRequest is the TLS extension that asks for an OCSP response (RFC 6066).
const statusRequest = 5

func extension(c *x509.Certificate, oid asn1.ObjectIdentifier) ([]byte, bool) {
	for _, e := range c.Extensions {
		if e.Id.Equal(oid) {
			return e.Value, true
		}
	}
	return nil, false
}

// mustStaple reads the TLS feature extension of a certificate.
func mustStaple(c *x509.Certificate) (bool, error) {
	value, ok := extension(c, oidTLSFeature)
	if !ok {
		return false, nil
	}
	features, err := readTLSFeatures(value)
	return slices.Contains(features, statusRequest), err
}

// readTLSFeatures reads Features ::= SEQUENCE OF INTEGER (RFC 7633 section 4.1).
func readTLSFeatures(der []byte) ([]int64, error) {
	var (
		features []int64
		sequence cryptobyte.String
	)
	input := cryptobyte.String(der)
	if !input.ReadASN1(&sequence, cbasn1.SEQUENCE) || !input.Empty() {
		return nil, checks.Because(checks.ReasonGarbage, "the TLS feature extension is malformed")
	}
	for !sequence.Empty() {
		var feature int64
		if !sequence.ReadASN1Integer(&feature) {
			return nil, checks.Because(checks.ReasonGarbage, "the TLS feature extension is malformed")
		}
		features = append(features, feature)
	}
	return features, nil
}

// countSCTs counts the timestamps embedded in a certificate.
func countSCTs(c *x509.Certificate) (int, error) {
	value, ok := extension(c, oidSCTs)
	if !ok {
		return 0, nil
	}
	return readSCTList(value)
}

// readSCTList counts the entries of a SignedCertificateTimestampList (RFC 6962
// section 3.3): an OCTET STRING that holds a TLS vector of vectors.
func readSCTList(der []byte) (int, error) {
	var octets, list, sct cryptobyte.String
	malformed := checks.Because(checks.ReasonGarbage, "the list of signed certificate timestamps is malformed")
	input := cryptobyte.String(der)
	if !input.ReadASN1(&octets, cbasn1.OCTET_STRING) || !input.Empty() ||
		!octets.ReadUint16LengthPrefixed(&list) || !octets.Empty() {
		return 0, malformed
	}
	count := 0
	for !list.Empty() {
		if !list.ReadUint16LengthPrefixed(&sct) || sct.Empty() {
			return 0, malformed
		}
		count++
	}
	return count, nil
}
