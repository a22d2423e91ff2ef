package certificate

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/m2mscan/m2mscan/pkg/checks/internal/dername"
)

// serialMax is how long a serial number may be, in bytes.
const serialMax = 20

// judge notes what is wrong with a certificate though each field can be read.
func (o *outline) judge() {
	o.judgeSerial()
	switch {
	case o.version < 1 || o.version > 3:
		o.fault("it says to be of version %d, which there is not", o.version)
	case o.version != 3 && len(o.extensions) > 0:
		o.fault("it says to be of version %d, and its extensions need version 3 (RFC 5280 section 4.1.2.1)", o.version)
	}
	if o.dated && o.notAfter.Before(o.notBefore) {
		o.fault("its validity ends before it begins")
	}
	o.judgeExtensions()
	o.judgeUsage()
	o.faults = append(o.faults, o.key.faults...)
}

// judgeSerial holds the serial number against RFC 5280 section 4.1.2.2.
func (o *outline) judgeSerial() {
	switch {
	case len(o.serial) == 0:
		o.fault("the serial number is empty")
	case o.serial[0] >= 0x80:
		o.fault("the serial number is negative (RFC 5280 section 4.1.2.2): clients in Go refuse the certificate")
	case new(big.Int).SetBytes(o.serial).Sign() == 0:
		o.fault("the serial number is zero (RFC 5280 section 4.1.2.2)")
	}
	if len(o.serial) > serialMax {
		o.fault("the serial number has %d bytes, of which %d are allowed (RFC 5280 section 4.1.2.2)", len(o.serial), serialMax)
	}
}

// judgeExtensions looks for what RFC 5280 section 4.2 forbids.
func (o *outline) judgeExtensions() {
	seen := make(map[string]bool)
	for _, e := range o.extensions {
		oid := e.Id.String()
		if seen[oid] {
			o.fault("the extension %s is there more than once (RFC 5280 section 4.2)", oid)
			continue
		}
		seen[oid] = true
		var (
			value = cryptobyte.String(e.Value)
			tag   cbasn1.Tag
		)
		if value.ReadAnyASN1(new(cryptobyte.String), &tag) && !value.Empty() {
			o.fault("bytes follow the value of the extension %s", oid)
		}
		switch {
		case e.Id.Equal(oidPoison):
			o.fault("it is a precertificate, which no client accepts (RFC 6962 section 3.1)")
		case e.Critical && !understood(e.Id):
			o.fault("the extension %s is critical: clients that do not know it refuse the certificate (RFC 5280 section 4.2)", oid)
		}
	}
}

// understood reports whether clients in general know an extension: those of
// RFC 5280 section 4.2.
func understood(oid asn1.ObjectIdentifier) bool {
	standard := []int{14, 15, 17, 18, 19, 30, 31, 32, 33, 35, 36, 37, 54}
	if len(oid) == 4 && oid[0] == 2 && oid[1] == 5 && oid[2] == 29 {
		return slices.Contains(standard, oid[3])
	}
	return oid.Equal(oidAuthorityInfo)
}

func (o *outline) judgeUsage() {
	u := o.usage
	if u.key != 0 && u.key&x509.KeyUsageDigitalSignature == 0 && !u.authority {
		o.fault("the key usage lacks digitalSignature, without which clients may refuse it in TLS 1.3 and in ECDHE suites (RFC 8446 section 4.4.2.2)")
	}
	if u.key&x509.KeyUsageCertSign != 0 && !u.authority {
		o.fault("the key usage allows to sign certificates, but it is no CA (RFC 5280 section 4.2.1.3)")
	}
}

// problemsMax caps how many problems are told.
const problemsMax = 20

// problems are what is wrong with a certificate by itself; refusal is that of
// crypto/x509, or nil.
func problems(o *outline, refusal error) []string {
	found := []string{}
	for _, fault := range o.faults {
		if !slices.Contains(found, fault) {
			found = append(found, fault)
		}
	}
	if refusal != nil {
		found = slices.Insert(found, 0, "strict clients, such as those in Go, refuse it: "+dername.Printable(strings.TrimPrefix(refusal.Error(), "x509: ")))
	}
	return capped(found)
}

// capped keeps the first of what was found, and says how many more there are.
func capped(found []string) []string {
	if more := len(found) - problemsMax; more > 0 {
		found = append(found[:problemsMax], fmt.Sprintf("and %d more", more))
	}
	return found
}
