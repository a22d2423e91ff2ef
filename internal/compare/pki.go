package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// pki are the files of the servers' certificate, and of who signed it.
type pki struct {
	chain, key string
	both       string // chain and key in one file
	ca         string
}

// mint writes a certificate authority and an RSA certificate for serverName.
func mint(dir string) (pki, error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pki{}, err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return pki{}, err
	}
	now := time.Now()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench root"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: serverName}, DNSNames: []string{serverName},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 0, 90),
	}
	caPEM, err := certify(ca, ca, caKey.Public(), caKey)
	if err != nil {
		return pki{}, err
	}
	leafPEM, err := certify(leaf, ca, key.Public(), caKey)
	if err != nil {
		return pki{}, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return pki{}, err
	}
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	files := pki{
		chain: filepath.Join(dir, "leaf.pem"), key: filepath.Join(dir, "leaf.key"),
		both: filepath.Join(dir, "both.pem"), ca: filepath.Join(dir, "ca.pem"),
	}
	for path, content := range map[string][]byte{
		files.chain: leafPEM, files.key: keyPEM, files.both: append(leafPEM, keyPEM...), files.ca: caPEM,
	} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return pki{}, err
		}
	}
	return files, nil
}

// certify signs a certificate and writes it as PEM.
func certify(template, issuer *x509.Certificate, key crypto.PublicKey, signer crypto.Signer) ([]byte, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key, signer)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
