package certificate

import (
	"crypto/x509"
	"errors"
	"fmt"

	"golang.org/x/crypto/ocsp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/dername"
)

const (
	// sourcesMax is how many responders, and how many CRLs, are tried.
	sourcesMax = 2
	// crlMax is the largest CRL that is fetched, in bytes.
	crlMax = 10 << 20
)

// fetcher gets a document from an address that a certificate names; see
// [checks.Visit.Fetch].
type fetcher func(address, contentType string, body []byte, most int64) ([]byte, error)

// judgeRevocation asks whether the issuer has revoked the leaf: the stapled
// response first, then the sources that the leaf names, if that is allowed.
func (a *analysis) judgeRevocation(w path, t trust) {
	issuer, err := a.issuer(w, t)
	status := a.stapled(issuer, err)
	if status == statusGood || status == statusRevoked {
		a.facts.Revoked = new(status == statusRevoked)
		return
	}
	revoked, err := a.lookUp(w.links[0], issuer, err)
	if err != nil {
		a.unknown("revoked", err)
		return
	}
	a.facts.Revoked = &revoked
}

// issuer is the certificate whose key signed the leaf.
func (a *analysis) issuer(w path, t trust) (*x509.Certificate, error) {
	switch {
	case t.err == nil && len(t.chain) > 1:
		return t.chain[1], nil
	case len(w.links) > 1 && w.unchecked != w.links[0]:
		return w.links[1].cert, nil
	case w.links[0].selfSigned:
		return a.leaf, nil
	default:
		return nil, checks.Because(checks.ReasonAmbiguous, "who issued the leaf is not known: it was not sent, or does not sign in a way that can be checked")
	}
}

// stapled judges the stapled OCSP response, and returns its status; empty when
// there is none that is valid.
func (a *analysis) stapled(issuer *x509.Certificate, issuerErr error) string {
	err := issuerErr
	var status string
	switch {
	case len(a.ocsp) == 0:
		err = checks.Because(checks.ReasonNotAsked, "no OCSP response was stapled")
	case err == nil:
		status, err = readOCSP(a.ocsp, a.leaf, issuer, a.now)
	}
	if wrong, ok := errors.AsType[*invalidError](err); ok {
		a.facts.OCSPResponseValid = new(false)
		a.facts.Problems = append(a.facts.Problems, "the stapled OCSP response is not valid: "+wrong.why)
		a.unknown("ocsp_status", checks.Because(checks.ReasonGarbage, "the stapled OCSP response is not valid: %w", wrong))
		return ""
	}
	if err != nil {
		a.unknown("ocsp_response_valid", err)
		a.unknown("ocsp_status", err)
		return ""
	}
	a.facts.OCSPResponseValid, a.facts.OCSPStatus = new(true), &status
	return status
}

// lookUp asks the responders and then the CRLs that the leaf names.
func (a *analysis) lookUp(leaf *link, issuer *x509.Certificate, issuerErr error) (revoked bool, err error) {
	responders, lists := leaf.outline.sources.responders, leaf.outline.sources.lists
	if len(responders)+len(lists) == 0 {
		return false, checks.Because(checks.ReasonNotAsked, "the leaf names neither an OCSP responder nor a CRL")
	}
	if issuerErr != nil {
		return false, issuerErr
	}
	var failures []error
	try := func(address string, ask func(string) (bool, error)) bool {
		revoked, err = ask(address)
		if err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", dername.Printable(address), err))
		}
		return err == nil
	}
	for _, address := range responders[:min(len(responders), sourcesMax)] {
		if try(address, func(address string) (bool, error) { return a.askResponder(address, issuer) }) {
			return revoked, nil
		}
	}
	for _, address := range lists[:min(len(lists), sourcesMax)] {
		if try(address, func(address string) (bool, error) { return a.askList(address, leaf, issuer) }) {
			return revoked, nil
		}
	}
	return false, failures[0]
}

// askResponder asks an OCSP responder (RFC 6960 appendix A).
func (a *analysis) askResponder(address string, issuer *x509.Certificate) (revoked bool, err error) {
	question, err := ocsp.CreateRequest(a.leaf, issuer, nil)
	if err != nil {
		return false, checks.Because(checks.ReasonBug, "the OCSP request: %w", err)
	}
	response, err := a.fetch(address, "application/ocsp-request", question, ocspMax)
	if err != nil {
		return false, err
	}
	status, err := readOCSP(response, a.leaf, issuer, a.now)
	switch {
	case err != nil:
		return false, unproven("OCSP response", err)
	case status == statusUnknown:
		return false, checks.Because(checks.ReasonAmbiguous, "the responder does not know the certificate")
	}
	return status == statusRevoked, nil
}

// askList looks the leaf up in a CRL (RFC 5280 section 6.3.3).
func (a *analysis) askList(address string, leaf *link, issuer *x509.Certificate) (revoked bool, err error) {
	der, err := a.fetch(address, "", nil, crlMax)
	if err != nil {
		return false, err
	}
	list, err := readCRL(der)
	if err == nil {
		err = list.covers(leaf, address, issuer, a.now)
	}
	if err == nil {
		revoked, err = list.lists(leaf.outline.serial)
	}
	if err != nil {
		return false, unproven("CRL", err)
	}
	return revoked, nil
}

// unproven gives a document that proves nothing its reason.
func unproven(what string, err error) error {
	if wrong, ok := errors.AsType[*invalidError](err); ok {
		return checks.Because(checks.ReasonGarbage, "the %s is not valid: %w", what, wrong)
	}
	return err
}
