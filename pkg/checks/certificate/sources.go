package certificate

import (
	"encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var (
	oidAuthorityInfo = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 1}
	oidResponder     = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1}
	oidListPoints    = asn1.ObjectIdentifier{2, 5, 29, 31}
)

// sources are where a certificate says that its revocation can be learned.
type sources struct {
	responders []string // of OCSP
	lists      []string // addresses of CRLs
}

func readSources(o *outline) sources {
	var s sources
	if value, ok := o.extension(oidAuthorityInfo); ok {
		if s.responders, ok = readResponders(value); !ok {
			o.fault("the authority information access is malformed (RFC 5280 section 4.2.2.1)")
		}
	}
	if value, ok := o.extension(oidListPoints); ok {
		if s.lists, ok = readListPoints(value); !ok {
			o.fault("the CRL distribution points are malformed (RFC 5280 section 4.2.1.13)")
		}
	}
	return s
}

// readResponders reads the OCSP responders of AuthorityInfoAccessSyntax.
func readResponders(der []byte) (addresses []string, ok bool) {
	var list cryptobyte.String
	input := cryptobyte.String(der)
	ok = input.ReadASN1(&list, cbasn1.SEQUENCE)
	for ok && !list.Empty() {
		var (
			access, name cryptobyte.String
			method       asn1.ObjectIdentifier
			tag          cbasn1.Tag
		)
		ok = list.ReadASN1(&access, cbasn1.SEQUENCE) && access.ReadASN1ObjectIdentifier(&method) && access.ReadAnyASN1(&name, &tag)
		if ok && tag == tagURI && method.Equal(oidResponder) {
			addresses = append(addresses, string(name))
		}
	}
	return addresses, ok
}

// readListPoints reads the addresses of CRLDistributionPoints.
func readListPoints(der []byte) (addresses []string, ok bool) {
	var points cryptobyte.String
	input := cryptobyte.String(der)
	ok = input.ReadASN1(&points, cbasn1.SEQUENCE)
	for ok && !points.Empty() {
		var (
			point, name cryptobyte.String
			named       bool
		)
		ok = points.ReadASN1(&point, cbasn1.SEQUENCE) &&
			point.ReadOptionalASN1(&name, &named, cbasn1.Tag(0).Constructed().ContextSpecific())
		if ok && named {
			var full []string
			full, ok = readFullName(name)
			addresses = append(addresses, full...)
		}
	}
	return addresses, ok
}

// readFullName reads the addresses of a DistributionPointName. One that is
// relative to the CRL's issuer has none.
func readFullName(name cryptobyte.String) (addresses []string, ok bool) {
	var list cryptobyte.String
	fullName := cbasn1.Tag(0).Constructed().ContextSpecific()
	if !name.PeekASN1Tag(fullName) {
		return nil, !name.Empty()
	}
	ok = name.ReadASN1(&list, fullName)
	for ok && !list.Empty() {
		var (
			one cryptobyte.String
			tag cbasn1.Tag
		)
		if ok = list.ReadAnyASN1(&one, &tag); ok && tag == tagURI {
			addresses = append(addresses, string(one))
		}
	}
	return addresses, ok
}
