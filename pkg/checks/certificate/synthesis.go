package certificate

import (
	"crypto/x509"
	"encoding/asn1"
	"math/big"
)

// certificate gives crypto/x509 what it would have parsed, had it not refused:
// enough to find who signed it and whether a way leads to an anchor. What is
// not read here counts as an extension that is not understood, if it is
// critical or may narrow what the certificate is good for.
func (o *outline) certificate() *x509.Certificate {
	c := &x509.Certificate{
		Raw: o.raw, RawTBSCertificate: o.tbs, RawSubjectPublicKeyInfo: o.spki, RawSubject: o.subject, RawIssuer: o.issuer,
		Signature: o.signed, SignatureAlgorithm: o.signature.check,
		Version: o.version, SerialNumber: o.serialNumber(), NotBefore: o.notBefore, NotAfter: o.notAfter,
		Extensions: o.extensions, DNSNames: o.names.dns, IPAddresses: o.names.ips,
		KeyUsage: o.usage.key, UnknownExtKeyUsage: o.usage.extended,
		BasicConstraintsValid: o.usage.constrained, IsCA: o.usage.authority, MaxPathLen: o.usage.pathLen,
	}
	for _, usage := range []struct {
		oid asn1.ObjectIdentifier
		is  x509.ExtKeyUsage
	}{
		{oidAnyUsage, x509.ExtKeyUsageAny}, {oidServerAuth, x509.ExtKeyUsageServerAuth}, {oidClientAuth, x509.ExtKeyUsageClientAuth},
	} {
		if o.usage.lists(usage.oid) {
			c.ExtKeyUsage = append(c.ExtKeyUsage, usage.is)
		}
	}
	for _, e := range o.extensions {
		switch {
		case e.Id.Equal(oidKeyUsage), e.Id.Equal(oidBasicConstraints), e.Id.Equal(oidExtKeyUsage) && o.usage.extendedErr == nil,
			e.Id.Equal(oidSAN) && !o.names.broken:
		case e.Critical, e.Id.Equal(oidNameConstraints):
			c.UnhandledCriticalExtensions = append(c.UnhandledCriticalExtensions, e.Id)
		}
	}
	return c
}

// serialNumber is the serial as a number, which may be negative.
func (o *outline) serialNumber() *big.Int {
	n := new(big.Int).SetBytes(o.serial)
	if len(o.serial) > 0 && o.serial[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(o.serial))))
	}
	return n
}
