package testserver

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net"
	"testing"
	"time"
)

// Now is the moment tests are played at, and Host the name they ask for.
var Now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// Host is the name that certificates are minted for, beside 127.0.0.1.
const Host = "api.acme.example"

// Issued is a certificate with its key and what stands above it.
type Issued struct {
	Cert *x509.Certificate
	Key  crypto.Signer
	Up   *Issued // nil for a root
}

// Option changes a template before it is signed.
type Option func(*x509.Certificate)

// ECDSA returns a new P-256 key.
func ECDSA(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return must(t, key, err)
}

// RSA returns a new RSA key.
func RSA(t testing.TB, bits int) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	return must(t, key, err)
}

// Ed25519 returns a new Ed25519 key.
func Ed25519(t testing.TB) crypto.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return must(t, key, err)
}

// Root mints a certificate authority that signs itself.
func Root(t testing.TB, name string, options ...Option) *Issued {
	t.Helper()
	return issue(t, nil, authority(name), ECDSA(t), options)
}

// Authority mints an intermediate certificate authority.
func (c *Issued) Authority(t testing.TB, name string, options ...Option) *Issued {
	t.Helper()
	return issue(t, c, authority(name), ECDSA(t), options)
}

// Leaf mints a server certificate for Host and 127.0.0.1, valid at Now. A nil
// key means a new P-256 key.
func (c *Issued) Leaf(t testing.TB, key crypto.Signer, options ...Option) *Issued {
	t.Helper()
	if key == nil {
		key = ECDSA(t)
	}
	return issue(t, c, server(), key, options)
}

// SelfSigned mints a server certificate that is its own issuer.
func SelfSigned(t testing.TB, key crypto.Signer, options ...Option) *Issued {
	t.Helper()
	if key == nil {
		key = ECDSA(t)
	}
	return issue(t, nil, server(), key, options)
}

// Chain returns the DER certificates from this one up, without the root.
func (c *Issued) Chain() [][]byte {
	var chain [][]byte
	for ; c != nil && (c.Up != nil || len(chain) == 0); c = c.Up {
		chain = append(chain, c.Cert.Raw)
	}
	return chain
}

// TLS is the certificate as crypto/tls takes it. Without a chain it is Chain.
func (c *Issued) TLS(chain ...[]byte) tls.Certificate {
	if len(chain) == 0 {
		chain = c.Chain()
	}
	return tls.Certificate{Certificate: chain, PrivateKey: c.Key}
}

// Pool returns a pool with the certificates given.
func Pool(issued ...*Issued) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range issued {
		pool.AddCert(c.Cert)
	}
	return pool
}

// MD5 signs a certificate anew with MD5, which crypto/x509 refuses to do. The
// certificate must be signed with SHA-256 by an RSA key.
func (c *Issued) MD5(t testing.TB) *Issued {
	t.Helper()
	sha256RSA := []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11}
	md5RSA := []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4}
	tbs := bytes.Replace(c.Cert.RawTBSCertificate, sha256RSA, md5RSA, 1)
	sum := md5.Sum(tbs)
	key := c.Key
	if c.Up != nil {
		key = c.Up.Key
	}
	signature, err := key.Sign(rand.Reader, sum[:], crypto.MD5)
	must(t, signature, err)
	der, err := asn1.Marshal(struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}{
		asn1.RawValue{FullBytes: tbs},
		pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 4}, Parameters: asn1.NullRawValue},
		asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)},
	})
	must(t, der, err)
	read, err := x509.ParseCertificate(der)
	return &Issued{Cert: must(t, read, err), Key: c.Key, Up: c.Up}
}

// Valid sets the dates.
func Valid(from, to time.Time) Option {
	return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = from, to }
}

// For sets the names and drops the addresses.
func For(names ...string) Option {
	return func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = names, nil }
}

// Usage sets the extended key usage; none at all when nothing is given.
func Usage(usages ...x509.ExtKeyUsage) Option {
	return func(c *x509.Certificate) { c.ExtKeyUsage = usages }
}

// Extension adds an extension.
func Extension(value []byte, oid ...int) Option {
	return func(c *x509.Certificate) {
		c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: oid, Value: value})
	}
}

// Signed sets the signature algorithm.
func Signed(algorithm x509.SignatureAlgorithm) Option {
	return func(c *x509.Certificate) { c.SignatureAlgorithm = algorithm }
}

func authority(name string) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:  x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		NotBefore: Now.AddDate(-5, 0, 0), NotAfter: Now.AddDate(5, 0, 0),
	}
}

func server() *x509.Certificate {
	return &x509.Certificate{
		Subject:  pkix.Name{CommonName: Host, Organization: []string{"Acme"}},
		DNSNames: []string{Host}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: Now.AddDate(0, 0, -10), NotAfter: Now.AddDate(0, 0, 80).Add(-time.Second),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

func issue(t testing.TB, up *Issued, template *x509.Certificate, key crypto.Signer, options []Option) *Issued {
	t.Helper()
	for _, option := range options {
		option(template)
	}
	parent, signer := template, key
	if up != nil {
		parent, signer = up.Cert, up.Key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	must(t, der, err)
	read, err := x509.ParseCertificate(der)
	return &Issued{Cert: must(t, read, err), Key: key, Up: up}
}

func must[T any](t testing.TB, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}
