package certificate

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/dername"
)

const (
	// ocspMax is the longest OCSP response that is looked at, in bytes. Usual
	// are 500 to 5,000; the bound keeps its keys and so the work small.
	ocspMax = 16 << 10
	// skew is how far a responder's clock may be ahead of ours.
	skew = 5 * time.Minute
)

// The answers of an OCSP response.
const (
	statusGood    = "good"
	statusRevoked = "revoked"
	statusUnknown = "unknown"
)

// invalidError says why a statement about revocation proves nothing.
type invalidError struct{ why string }

func (e *invalidError) Error() string { return e.why }

func invalid(format string, args ...any) error { return &invalidError{fmt.Sprintf(format, args...)} }

// readOCSP reads what an OCSP response says about a leaf, if it can be relied
// on (RFC 6960 section 3.2): it is for the leaf, in date, and signed by its
// issuer or by a responder that the issuer appointed. An invalidError says
// that it is not; any other error, that this cannot be told here.
func readOCSP(der []byte, leaf, issuer *x509.Certificate, now time.Time) (status string, err error) {
	if len(der) > ocspMax {
		return "", checks.Because(checks.ReasonTooLarge, "the OCSP response has more than %d bytes", ocspMax)
	}
	// The parser checks the signature of a responder's certificate, if one is
	// in the response; who signed that is checked below.
	response, err := ocsp.ParseResponseForCert(der, leaf, nil)
	if err != nil {
		return "", unparsed(err)
	}
	if !isFor(response, leaf, issuer) {
		return "", invalid("it is for another certificate")
	}
	if err := signedFor(response, issuer, now); err != nil {
		return "", err
	}
	if response.ThisUpdate.After(now.Add(skew)) {
		return "", invalid("it is of the future, from %s", response.ThisUpdate.UTC().Format(time.DateOnly))
	}
	if !response.NextUpdate.IsZero() && response.NextUpdate.Before(now) {
		return "", invalid("it expired on %s", response.NextUpdate.UTC().Format(time.DateOnly))
	}
	switch response.Status {
	case ocsp.Good:
		return statusGood, nil
	case ocsp.Revoked:
		return statusRevoked, nil
	default:
		return statusUnknown, nil
	}
}

// unparsed tells a response that is wrong from one that cannot be judged.
func unparsed(err error) error {
	if e, ok := errors.AsType[ocsp.ResponseError](err); ok {
		return invalid("the responder answered with an error: %s", e.Status)
	}
	if _, ok := errors.AsType[ocsp.ParseError](err); !ok {
		return invalid("it is malformed")
	}
	text := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "ocsp: "), "x509: ")
	// The package wraps this error as a text alone.
	if strings.Contains(err.Error(), strings.TrimPrefix(x509.ErrUnsupportedAlgorithm.Error(), "x509: ")) {
		return checks.Because(checks.ReasonAmbiguous, "the signature of the OCSP response cannot be checked here")
	}
	return invalid("%s", dername.Printable(text))
}

// signedFor checks who signed a response (RFC 6960 section 4.2.2.2).
func signedFor(response *ocsp.Response, issuer *x509.Certificate, now time.Time) error {
	delegate := response.Certificate
	var err error
	switch {
	case delegate == nil:
		err = response.CheckSignatureFrom(issuer)
	case bytes.Equal(delegate.RawSubjectPublicKeyInfo, issuer.RawSubjectPublicKeyInfo):
		return nil // the issuer's own certificate came along
	default:
		err = issuer.CheckSignature(delegate.SignatureAlgorithm, delegate.RawTBSCertificate, delegate.Signature)
	}
	switch {
	case errors.Is(err, x509.ErrUnsupportedAlgorithm):
		return checks.Because(checks.ReasonAmbiguous, "the signature of the OCSP response cannot be checked here")
	case err != nil:
		return invalid("neither the issuer nor a responder of the issuer's signed it")
	case delegate == nil:
		return nil
	case !slices.Contains(delegate.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning):
		return invalid("its signer may not sign OCSP responses: the extended key usage lacks OCSPSigning")
	case outOfDate(delegate, now):
		return invalid("the certificate of its signer is not valid now")
	}
	return nil
}

// responseData is what package ocsp reads and does not tell: the CertID of
// each answer (RFC 6960 section 4.2.1).
type responseData struct {
	Version     int `asn1:"optional,default:0,explicit,tag:0"`
	ResponderID asn1.RawValue
	ProducedAt  time.Time `asn1:"generalized"`
	Responses   []struct {
		ID struct {
			Hash              pkix.AlgorithmIdentifier
			NameHash, KeyHash []byte
			Serial            *big.Int
		}
	}
}

// isFor reports whether the answer with the leaf's serial number names the
// leaf's issuer, too (RFC 6960 section 4.1.1).
func isFor(response *ocsp.Response, leaf, issuer *x509.Certificate) bool {
	var data responseData
	if _, err := asn1.Unmarshal(response.TBSResponseData, &data); err != nil || !response.IssuerHash.Available() {
		return false
	}
	var spki struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(issuer.RawSubjectPublicKeyInfo, &spki); err != nil {
		return false
	}
	for _, answer := range data.Responses {
		if answer.ID.Serial.Cmp(leaf.SerialNumber) == 0 {
			return bytes.Equal(answer.ID.NameHash, digest(response.IssuerHash, issuer.RawSubject)) &&
				bytes.Equal(answer.ID.KeyHash, digest(response.IssuerHash, spki.Key.RightAlign()))
		}
	}
	return false
}

func digest(hash crypto.Hash, b []byte) []byte {
	h := hash.New()
	h.Write(b)
	return h.Sum(nil)
}
