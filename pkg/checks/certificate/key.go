package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

const (
	// rsaUsual is the largest RSA key that Go's clients take, among others.
	rsaUsual = 8192
	// rsaMax is the largest RSA key that signatures are checked with: a
	// hostile key of a million bits would take minutes.
	rsaMax = 16384
)

// key is a public key as its SubjectPublicKeyInfo has it (RFC 5280 section
// 4.1.2.7).
type key struct {
	name   string           // RSA, ECDSA, ..., or the OID of one without a name here
	bits   int              // zero when not known, or not comparable
	value  []byte           // of the BIT STRING
	public crypto.PublicKey // nil when signatures cannot be checked with it
	faults []string
}

func (k *key) fault(format string, args ...any) {
	k.faults = append(k.faults, fmt.Sprintf(format, args...))
}

// algorithm is what crypto/x509 calls the type of the key, if it can check
// signatures with it.
func (k *key) algorithm() x509.PublicKeyAlgorithm {
	switch k.public.(type) {
	case *rsa.PublicKey:
		return x509.RSA
	case *ecdsa.PublicKey:
		return x509.ECDSA
	case ed25519.PublicKey:
		return x509.Ed25519
	default:
		return x509.UnknownPublicKeyAlgorithm
	}
}

// keyNames are keys by OID: RFC 3279 (RSA, DSA), 5480 (EC), 8410 (EdDSA), 9881
// (ML-DSA). The size is given where it follows from the type and compares with
// others, which that of an ML-DSA key does not.
var keyNames = map[string]struct {
	name string
	bits int
}{
	"1.2.840.10040.4.1":       {name: "DSA"},
	"1.2.840.10045.2.1":       {name: "ECDSA"},
	"1.2.840.113549.1.1.1":    {name: "RSA"},
	"1.2.840.113549.1.1.10":   {name: "RSA"},
	"1.3.101.112":             {name: "Ed25519", bits: 256},
	"1.3.101.113":             {name: "Ed448", bits: 448},
	"2.16.840.1.101.3.4.3.17": {name: "ML-DSA-44"},
	"2.16.840.1.101.3.4.3.18": {name: "ML-DSA-65"},
	"2.16.840.1.101.3.4.3.19": {name: "ML-DSA-87"},
}

// readKey reads a SubjectPublicKeyInfo. It is false when that is not even one
// in its outer form.
func readKey(spki []byte) (key, bool) {
	var (
		k                              key
		content, algorithm, parameters cryptobyte.String
		oid                            asn1.ObjectIdentifier
	)
	input := cryptobyte.String(spki)
	if !input.ReadASN1(&content, cbasn1.SEQUENCE) || !content.ReadASN1(&algorithm, cbasn1.SEQUENCE) ||
		!algorithm.ReadASN1ObjectIdentifier(&oid) {
		return k, false
	}
	parameters = algorithm
	var ok bool
	if k.value, ok = readBits(&content); !ok {
		k.fault("the public key is malformed")
	}
	k.name = oid.String()
	if known, ok := keyNames[k.name]; ok {
		k.name, k.bits = known.name, known.bits
	}
	public, err := x509.ParsePKIXPublicKey(spki)
	if err == nil {
		k.public = public
	}
	switch k.name {
	case "RSA":
		k.readRSA()
	case "ECDSA":
		k.readCurve(parameters)
	case "DSA":
		k.bits = dsaBits(parameters)
	}
	return k, true
}

// readRSA reads an RSAPublicKey (RFC 8017 appendix A.1.1).
func (k *key) readRSA() {
	var sequence, n, e cryptobyte.String
	value := cryptobyte.String(k.value)
	if !value.ReadASN1(&sequence, cbasn1.SEQUENCE) || !sequence.ReadASN1(&n, cbasn1.INTEGER) ||
		!sequence.ReadASN1(&e, cbasn1.INTEGER) || len(n) == 0 {
		k.fault("the RSA key is malformed")
		return
	}
	// Read as if they had no sign: an encoder that forgets the leading zero is
	// the one way to come by a negative modulus.
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	k.bits = modulus.BitLen()
	if n[0] >= 0x80 {
		k.fault("the RSA modulus is negative")
	}
	if modulus.Bit(0) == 0 {
		k.fault("the RSA modulus is even: anybody can compute the private key")
	}
	if exponent.Bit(0) == 0 || exponent.Cmp(big.NewInt(3)) < 0 {
		k.fault("the RSA public exponent %s is not an odd number of 3 or more (RFC 8017 section 3.1)", shortNumber(exponent))
	}
	if k.bits > rsaUsual {
		k.fault("the RSA key of %d bits is larger than many clients take; those in Go refuse more than %d", k.bits, rsaUsual)
	}
	switch {
	case k.bits > rsaMax:
		k.public = nil
	case k.public == nil && exponent.IsInt64() && exponent.Int64() > 1:
		k.public = &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}
	}
}

func shortNumber(n *big.Int) string {
	if n.BitLen() > 64 {
		return fmt.Sprintf("of %d bits", n.BitLen())
	}
	return n.String()
}

// readCurve reads the parameters of an EC key (RFC 5480 section 2.1.1).
func (k *key) readCurve(parameters cryptobyte.String) {
	var oid asn1.ObjectIdentifier
	if !parameters.PeekASN1Tag(cbasn1.OBJECT_IDENTIFIER) || !parameters.ReadASN1ObjectIdentifier(&oid) {
		k.bits = explicitBits(parameters)
		k.fault("the key spells out its curve, where RFC 5480 section 2.1.1 demands the name of one")
		return
	}
	curve, known := curves[oid.String()]
	k.bits = curve.bits
	switch {
	case !known:
		k.fault("the key is on a curve that is not known here, %s", oid)
	case !curve.usual:
		k.fault("the key is on the curve %s, which most TLS clients do not know", curve.name)
	case k.public == nil:
		k.fault("the key is no point on its curve, %s", curve.name)
	}
}

// explicitBits reads the size of the prime of a curve that is spelt out:
// SpecifiedECDomain of SEC 1 section C.2.
func explicitBits(parameters cryptobyte.String) int {
	var (
		domain, field, prime cryptobyte.String
		oid                  asn1.ObjectIdentifier
	)
	primeField := asn1.ObjectIdentifier{1, 2, 840, 10045, 1, 1}
	if !parameters.ReadASN1(&domain, cbasn1.SEQUENCE) || !domain.SkipASN1(cbasn1.INTEGER) ||
		!domain.ReadASN1(&field, cbasn1.SEQUENCE) || !field.ReadASN1ObjectIdentifier(&oid) ||
		!oid.Equal(primeField) || !field.ReadASN1(&prime, cbasn1.INTEGER) {
		return 0
	}
	return new(big.Int).SetBytes(prime).BitLen()
}

// dsaBits reads the size of the prime p (RFC 3279 section 2.3.2).
func dsaBits(parameters cryptobyte.String) int {
	var sequence, p cryptobyte.String
	if !parameters.ReadASN1(&sequence, cbasn1.SEQUENCE) || !sequence.ReadASN1(&p, cbasn1.INTEGER) {
		return 0
	}
	return new(big.Int).SetBytes(p).BitLen()
}

// curve is a named curve; usual are those of TLS that Go knows.
type curve struct {
	name  string
	bits  int
	usual bool
}

// curves by OID: RFC 5480 section 2.1.1.1, RFC 5639 section 4.1, SEC 2 and,
// for SM2, GB/T 32918.
var curves = map[string]curve{
	"1.2.840.10045.3.1.1":   {"P-192", 192, false},
	"1.3.132.0.33":          {"P-224", 224, true},
	"1.2.840.10045.3.1.7":   {"P-256", 256, true},
	"1.3.132.0.34":          {"P-384", 384, true},
	"1.3.132.0.35":          {"P-521", 521, true},
	"1.3.132.0.8":           {"secp160r1", 160, false},
	"1.3.132.0.9":           {"secp160k1", 160, false},
	"1.3.132.0.30":          {"secp160r2", 160, false},
	"1.3.132.0.31":          {"secp192k1", 192, false},
	"1.3.132.0.32":          {"secp224k1", 224, false},
	"1.3.132.0.10":          {"secp256k1", 256, false},
	"1.3.132.0.1":           {"sect163k1", 163, false},
	"1.3.132.0.15":          {"sect163r2", 163, false},
	"1.3.132.0.26":          {"sect233k1", 233, false},
	"1.3.132.0.27":          {"sect233r1", 233, false},
	"1.3.132.0.16":          {"sect283k1", 283, false},
	"1.3.132.0.17":          {"sect283r1", 283, false},
	"1.3.132.0.36":          {"sect409k1", 409, false},
	"1.3.132.0.37":          {"sect409r1", 409, false},
	"1.3.132.0.38":          {"sect571k1", 571, false},
	"1.3.132.0.39":          {"sect571r1", 571, false},
	"1.3.36.3.3.2.8.1.1.1":  {"brainpoolP160r1", 160, false},
	"1.3.36.3.3.2.8.1.1.3":  {"brainpoolP192r1", 192, false},
	"1.3.36.3.3.2.8.1.1.5":  {"brainpoolP224r1", 224, false},
	"1.3.36.3.3.2.8.1.1.7":  {"brainpoolP256r1", 256, false},
	"1.3.36.3.3.2.8.1.1.9":  {"brainpoolP320r1", 320, false},
	"1.3.36.3.3.2.8.1.1.11": {"brainpoolP384r1", 384, false},
	"1.3.36.3.3.2.8.1.1.13": {"brainpoolP512r1", 512, false},
	"1.2.156.10197.1.301":   {"SM2", 256, false},
}
