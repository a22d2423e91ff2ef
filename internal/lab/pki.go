package lab

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"
)

// day is what certificate lifetimes are counted in.
const day = 24 * time.Hour

// CA is a certificate authority whose key lives in memory only.
type CA struct {
	Certificate *x509.Certificate
	key         crypto.Signer
	chain       [][]byte // DER, from this CA up to, but without, its root; empty for a root
}

// NewCA makes a root CA with an ECDSA P-256 key, valid for ten years.
func NewCA(commonName string) (*CA, error) {
	return newCA(commonName, nil)
}

// Intermediate makes a CA below ca. Leaves of the new CA carry its
// certificate in their chain.
func (ca *CA) Intermediate(commonName string) (*CA, error) {
	return newCA(commonName, ca)
}

// newCA makes a CA signed by parent, or by itself when parent is nil.
func newCA(commonName string, parent *CA) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key for %s: %w", commonName, err)
	}
	start := time.Now().Add(-day).Truncate(time.Second)
	ca := &CA{key: key}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: commonName, Organization: []string{"m2mscan lab"}},
		NotBefore:             start,
		NotAfter:              start.AddDate(10, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	signer, issuer := crypto.Signer(key), template
	if parent != nil {
		signer, issuer = parent.key, parent.Certificate
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), signer)
	if err != nil {
		return nil, fmt.Errorf("sign CA %s: %w", commonName, err)
	}
	if ca.Certificate, err = x509.ParseCertificate(der); err != nil {
		return nil, fmt.Errorf("parse CA %s: %w", commonName, err)
	}
	if parent != nil {
		ca.chain = append([][]byte{der}, parent.chain...)
	}
	return ca, nil
}

// Pool returns a pool that holds this CA as its only trust anchor.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.Certificate)
	return pool
}

// PEM returns the CA's certificate in PEM.
func (ca *CA) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Certificate.Raw})
}

// LeafOptions say what certificate to mint. The zero value of a field is its
// good default.
type LeafOptions struct {
	Names     []string                // DNS names and IP literals of the subject alternative name; the first is also the common name
	NotBefore time.Time               // default: an hour ago
	NotAfter  time.Time               // default: 90 days after NotBefore
	Key       crypto.Signer           // default: a new ECDSA P-256 key
	Signature x509.SignatureAlgorithm // default: what suits the issuer's key, with SHA-256
	Usage     x509.ExtKeyUsage        // default: server authentication
}

// Leaf mints a certificate signed by ca. The chain holds the leaf and the
// intermediates, without the root, as a server should send it.
func (ca *CA) Leaf(o LeafOptions) (tls.Certificate, error) {
	return mint(o, ca)
}

// SelfSigned mints a certificate that is signed with its own key.
func SelfSigned(o LeafOptions) (tls.Certificate, error) {
	return mint(o, nil)
}

// mint makes a leaf signed by ca, or by itself when ca is nil.
func mint(o LeafOptions, ca *CA) (tls.Certificate, error) {
	if len(o.Names) == 0 {
		return tls.Certificate{}, errors.New("a certificate needs a name")
	}
	if o.Key == nil {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return tls.Certificate{}, fmt.Errorf("make a key for %s: %w", o.Names[0], err)
		}
		o.Key = key
	}
	template := leafTemplate(o)
	issuer, signer, chain := template, o.Key, [][]byte(nil)
	if ca != nil {
		issuer, signer, chain = ca.Certificate, ca.key, ca.chain
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, o.Key.Public(), signer)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("sign a certificate for %s: %w", o.Names[0], err)
	}
	return tls.Certificate{Certificate: append([][]byte{der}, chain...), PrivateKey: o.Key}, nil
}

func leafTemplate(o LeafOptions) *x509.Certificate {
	if o.NotBefore.IsZero() {
		o.NotBefore = time.Now().Add(-time.Hour).Truncate(time.Second)
	}
	if o.NotAfter.IsZero() {
		o.NotAfter = o.NotBefore.Add(90*day - time.Second) // the last second counts (RFC 5280 section 4.1.2.5)
	}
	if o.Usage == x509.ExtKeyUsageAny {
		o.Usage = x509.ExtKeyUsageServerAuth
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: o.Names[0]},
		NotBefore:             o.NotBefore,
		NotAfter:              o.NotAfter,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:           []x509.ExtKeyUsage{o.Usage},
		BasicConstraintsValid: true,
		SignatureAlgorithm:    o.Signature,
	}
	for _, name := range o.Names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return template
}

// LeafOnly returns cert without the rest of its chain, as a server sends it
// whose operator forgot the intermediate certificate.
func LeafOnly(cert tls.Certificate) tls.Certificate {
	cert.Certificate = slices.Clone(cert.Certificate[:1])
	return cert
}

// EncodePEM returns the chain of cert and its private key (PKCS #8) in PEM,
// ready for files.
func EncodePEM(cert tls.Certificate) (chain, key []byte, err error) {
	var buf bytes.Buffer
	for _, der := range cert.Certificate {
		if err := pem.Encode(&buf, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
			return nil, nil, fmt.Errorf("encode certificate: %w", err)
		}
	}
	der, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		return nil, nil, fmt.Errorf("encode private key: %w", err)
	}
	return buf.Bytes(), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
