package certificate

import (
	"crypto"
	_ "crypto/md5" //nolint:gosec // registers MD5, to recognise what it signed
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// algorithm is a signature algorithm.
type algorithm struct {
	name string // as crypto/x509 spells it, or the OID
	weak bool   // over MD2, MD5 or SHA-1
	// known is false for an OID that the table below lacks: whether it is
	// weak is not known then.
	known bool
	// check is what crypto/x509 checks such signatures as; zero when it cannot.
	check x509.SignatureAlgorithm
}

// algorithms by OID: RFC 3279 and 8017 (RSA), 5758 (DSA, ECDSA), 8410
// (EdDSA), 9881 (ML-DSA), and the old names of OIW.
var algorithms = map[string]algorithm{
	"1.2.840.113549.1.1.2":    {"MD2-RSA", true, true, 0},
	"1.2.840.113549.1.1.4":    {"MD5-RSA", true, true, x509.MD5WithRSA},
	"1.2.840.113549.1.1.5":    {"SHA1-RSA", true, true, x509.SHA1WithRSA},
	"1.3.14.3.2.29":           {"SHA1-RSA", true, true, x509.SHA1WithRSA},
	"1.2.840.113549.1.1.14":   {"SHA224-RSA", false, true, 0},
	"1.2.840.113549.1.1.11":   {"SHA256-RSA", false, true, x509.SHA256WithRSA},
	"1.2.840.113549.1.1.12":   {"SHA384-RSA", false, true, x509.SHA384WithRSA},
	"1.2.840.113549.1.1.13":   {"SHA512-RSA", false, true, x509.SHA512WithRSA},
	"1.2.840.10040.4.3":       {"DSA-SHA1", true, true, 0},
	"1.3.14.3.2.27":           {"DSA-SHA1", true, true, 0},
	"2.16.840.1.101.3.4.3.1":  {"DSA-SHA224", false, true, 0},
	"2.16.840.1.101.3.4.3.2":  {"DSA-SHA256", false, true, 0},
	"1.2.840.10045.4.1":       {"ECDSA-SHA1", true, true, x509.ECDSAWithSHA1},
	"1.2.840.10045.4.3.1":     {"ECDSA-SHA224", false, true, 0},
	"1.2.840.10045.4.3.2":     {"ECDSA-SHA256", false, true, x509.ECDSAWithSHA256},
	"1.2.840.10045.4.3.3":     {"ECDSA-SHA384", false, true, x509.ECDSAWithSHA384},
	"1.2.840.10045.4.3.4":     {"ECDSA-SHA512", false, true, x509.ECDSAWithSHA512},
	"1.3.101.112":             {"Ed25519", false, true, x509.PureEd25519},
	"1.3.101.113":             {"Ed448", false, true, 0},
	"2.16.840.1.101.3.4.3.17": {"ML-DSA-44", false, true, 0},
	"2.16.840.1.101.3.4.3.18": {"ML-DSA-65", false, true, 0},
	"2.16.840.1.101.3.4.3.19": {"ML-DSA-87", false, true, 0},
}

// hashes that RSASSA-PSS may name in its parameters.
var pssHashes = map[string]algorithm{
	"1.3.14.3.2.26":          {"SHA1-RSAPSS", true, true, 0},
	"2.16.840.1.101.3.4.2.4": {"SHA224-RSAPSS", false, true, 0},
	"2.16.840.1.101.3.4.2.1": {"SHA256-RSAPSS", false, true, x509.SHA256WithRSAPSS},
	"2.16.840.1.101.3.4.2.2": {"SHA384-RSAPSS", false, true, x509.SHA384WithRSAPSS},
	"2.16.840.1.101.3.4.2.3": {"SHA512-RSAPSS", false, true, x509.SHA512WithRSAPSS},
}

const oidPSS = "1.2.840.113549.1.1.10"

// readAlgorithm reads an AlgorithmIdentifier (RFC 5280 section 4.1.1.2).
func readAlgorithm(s *cryptobyte.String) (algorithm, error) {
	var (
		identifier cryptobyte.String
		oid        asn1.ObjectIdentifier
	)
	if !s.ReadASN1(&identifier, cbasn1.SEQUENCE) || !identifier.ReadASN1ObjectIdentifier(&oid) {
		return algorithm{}, errOutline
	}
	if oid.String() == oidPSS {
		return readPSS(identifier), nil
	}
	if a, ok := algorithms[oid.String()]; ok {
		return a, nil
	}
	return algorithm{name: oid.String()}, nil
}

// readPSS reads the hash from the parameters of RSASSA-PSS, where SHA-1 is the
// default (RFC 4055 section 3.1).
func readPSS(parameters cryptobyte.String) algorithm {
	var (
		fields, hashField, hash cryptobyte.String
		present                 bool
		oid                     asn1.ObjectIdentifier
	)
	unknown := algorithm{name: oidPSS}
	if !parameters.ReadASN1(&fields, cbasn1.SEQUENCE) ||
		!fields.ReadOptionalASN1(&hashField, &present, cbasn1.Tag(0).Constructed().ContextSpecific()) {
		return unknown
	}
	if !present {
		return pssHashes["1.3.14.3.2.26"]
	}
	if !hashField.ReadASN1(&hash, cbasn1.SEQUENCE) || !hash.ReadASN1ObjectIdentifier(&oid) {
		return unknown
	}
	if a, ok := pssHashes[oid.String()]; ok {
		return a
	}
	return unknown
}

// signedWith checks a certificate's signature with a key. Unlike crypto/x509
// it knows MD5, because it must tell who signed, not whether that is safe.
// The error is x509.ErrUnsupportedAlgorithm when it cannot be checked.
func signedWith(c *x509.Certificate, key crypto.PublicKey) error {
	if c.SignatureAlgorithm == x509.MD5WithRSA {
		public, ok := key.(*rsa.PublicKey)
		if !ok {
			return x509.ErrUnsupportedAlgorithm
		}
		hash := crypto.MD5.New()
		hash.Write(c.RawTBSCertificate)
		return rsa.VerifyPKCS1v15(public, crypto.MD5, hash.Sum(nil), c.Signature)
	}
	return (&x509.Certificate{PublicKey: key}).CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature)
}
