package certificate

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

var (
	oidSubjectKey       = asn1.ObjectIdentifier{2, 5, 29, 14}
	oidKeyUsage         = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidSAN              = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidBasicConstraints = asn1.ObjectIdentifier{2, 5, 29, 19}
	oidNameConstraints  = asn1.ObjectIdentifier{2, 5, 29, 30}
	oidExtKeyUsage      = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidTLSFeature       = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}       // RFC 7633
	oidSCTs             = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2} // RFC 6962 section 3.3
	oidPoison           = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 3} // RFC 6962 section 3.1

	oidAnyUsage   = asn1.ObjectIdentifier{2, 5, 29, 37, 0}
	oidServerAuth = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 1}
	oidClientAuth = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 2}
)

// statusRequest is the TLS extension that asks for an OCSP response (RFC 6066).
const statusRequest = 5

// readExtension reads an Extension (RFC 5280 section 4.1).
func readExtension(list *cryptobyte.String) (pkix.Extension, bool) {
	var (
		e              pkix.Extension
		content, value cryptobyte.String
	)
	if !list.ReadASN1(&content, cbasn1.SEQUENCE) || !content.ReadASN1ObjectIdentifier(&e.Id) ||
		!readDefaultFalse(&content, &e.Critical) ||
		!content.ReadASN1(&value, cbasn1.OCTET_STRING) {
		return e, false
	}
	e.Value = value
	return e, true
}

// readDefaultFalse reads a BOOLEAN DEFAULT FALSE.
func readDefaultFalse(s *cryptobyte.String, out *bool) bool {
	return !s.PeekASN1Tag(cbasn1.BOOLEAN) || s.ReadASN1Boolean(out)
}

// usage is what the key of a certificate may be used for.
type usage struct {
	key         x509.KeyUsage // zero without the extension, which allows all
	extended    []asn1.ObjectIdentifier
	extendedErr error // why extended is not known
	authority   bool  // basicConstraints says so
	constrained bool  // there are readable basicConstraints
	pathLen     int   // -1 without a limit
}

// readUsage reads the extensions about usage (RFC 5280 sections 4.2.1.3,
// 4.2.1.9 and 4.2.1.12).
func readUsage(o *outline) usage {
	u := usage{pathLen: -1}
	if value, ok := o.extension(oidKeyUsage); ok {
		if u.key, ok = readKeyUsage(value); !ok {
			o.fault("the key usage is malformed (RFC 5280 section 4.2.1.3)")
		}
	}
	if value, ok := o.extension(oidBasicConstraints); ok {
		if u.constrained = u.readConstraints(value); !u.constrained {
			o.fault("the basic constraints are malformed (RFC 5280 section 4.2.1.9)")
		}
	}
	if value, ok := o.extension(oidExtKeyUsage); ok {
		if u.extended, ok = readOIDs(value); !ok {
			u.extendedErr = checks.Because(checks.ReasonGarbage, "the extended key usage is malformed")
			o.fault("the extended key usage is malformed (RFC 5280 section 4.2.1.12)")
		}
	}
	return u
}

// readKeyUsage reads a BIT STRING whose first bit is digitalSignature.
func readKeyUsage(der []byte) (x509.KeyUsage, bool) {
	var (
		bits  asn1.BitString
		usage x509.KeyUsage
	)
	input := cryptobyte.String(der)
	if !input.ReadASN1BitString(&bits) {
		return 0, false
	}
	for i := range 9 {
		usage |= x509.KeyUsage(bits.At(i)) << i
	}
	return usage, true
}

func (u *usage) readConstraints(der []byte) bool {
	var sequence cryptobyte.String
	input := cryptobyte.String(der)
	if !input.ReadASN1(&sequence, cbasn1.SEQUENCE) || !readDefaultFalse(&sequence, &u.authority) {
		return false
	}
	return !sequence.PeekASN1Tag(cbasn1.INTEGER) || (sequence.ReadASN1Integer(&u.pathLen) && u.pathLen >= 0)
}

// readOIDs reads a SEQUENCE OF OBJECT IDENTIFIER.
func readOIDs(der []byte) ([]asn1.ObjectIdentifier, bool) {
	var (
		oids     []asn1.ObjectIdentifier
		sequence cryptobyte.String
	)
	input := cryptobyte.String(der)
	if !input.ReadASN1(&sequence, cbasn1.SEQUENCE) || sequence.Empty() {
		return nil, false
	}
	for !sequence.Empty() {
		var oid asn1.ObjectIdentifier
		if !sequence.ReadASN1ObjectIdentifier(&oid) {
			return nil, false
		}
		oids = append(oids, oid)
	}
	return oids, true
}

// lists reports whether the extended key usage names one of some usages.
func (u *usage) lists(wanted ...asn1.ObjectIdentifier) bool {
	return slices.ContainsFunc(u.extended, func(oid asn1.ObjectIdentifier) bool {
		return slices.ContainsFunc(wanted, oid.Equal)
	})
}

// mustStaple reads the TLS feature extension of a certificate.
func mustStaple(o *outline) (bool, error) {
	value, ok := o.extension(oidTLSFeature)
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
func countSCTs(o *outline) (int, error) {
	value, ok := o.extension(oidSCTs)
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
