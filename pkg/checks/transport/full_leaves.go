package transport

import (
	"crypto/x509"
	"slices"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// leafTypes is what is known of the types of the server's certificates.
type leafTypes struct {
	types []string
	asked bool
	err   error // why there may be others
}

// Signatures by the type of certificate that makes them.
//
//nolint:gochecknoglobals // a table
var schemesOf = map[string][]hello.SignatureScheme{
	"RSA":     {0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401, 0x0501, 0x0601, 0x0201},
	"ECDSA":   {0x0403, 0x0503, 0x0603, 0x0203},
	"Ed25519": {0x0807},
	"Ed448":   {0x0808},
}

// note adds the type of a leaf certificate. Of one that cannot be parsed the
// suite tells as much as matters.
func (l *leafTypes) note(answer *hello.Answer) {
	if len(answer.Chain) == 0 {
		return
	}
	info, _ := answer.Suite.Info()
	name := map[string]string{"RSA": "RSA", "ECDSA": "ECDSA", "DSS": "DSA"}[info.Authentication]
	if leaf, err := x509.ParseCertificate(answer.Chain[0]); err == nil {
		if leaf.PublicKeyAlgorithm != x509.UnknownPublicKeyAlgorithm {
			name = leaf.PublicKeyAlgorithm.String()
		} else if scheme := answer.Signature; scheme == schemesOf["Ed448"][0] {
			name = "Ed448"
		}
	}
	l.add(name)
}

func (l *leafTypes) add(name string) {
	if name != "" && !slices.Contains(l.types, name) {
		l.types = append(l.types, name)
	}
}

func (e *enumeration) noteLeaves() {
	for _, x := range e.heard {
		e.leaves.note(x.answer)
	}
}

// leafQuestions asks for certificates that the enumeration of the suites does
// not bring up: with TLS 1.2 an Ed25519 or Ed448 certificate beside an ECDSA
// one, which share their suites; and with TLS 1.3 alone, where a suite says
// nothing of the certificate, any other than that of the shared handshake.
func (e *enumeration) leafQuestions() []question {
	newest := e.newest()
	version := newest
	if version == 0 {
		version = hello.TLS13
	}
	t := e.suites[version]
	if e.leaves.asked || t == nil || !t.settled() || len(t.accepted) == 0 {
		return nil
	}
	e.leaves.asked = true
	e.noteLeaves()
	suites, others := t.accepted, []string{"RSA", "ECDSA", "Ed25519", "Ed448"}
	if version != hello.TLS13 {
		suites = slices.DeleteFunc(slices.Clone(suites), func(s hello.Suite) bool {
			info, _ := s.Info()
			return info.Authentication != "ECDSA" || !info.EllipticCurve()
		})
		others = []string{"ECDSA", "Ed25519", "Ed448"}
	}
	if len(suites) == 0 || version < hello.TLS12 {
		return nil
	}
	return e.leafQuestion(version, suites, others)
}

// leafQuestion asks once for all types that were not seen.
func (e *enumeration) leafQuestion(version hello.Version, suites []hello.Suite, others []string) []question {
	offer := e.offer(version, suites, e.mixedGroups(version))
	for _, name := range others {
		if !slices.Contains(e.leaves.types, name) {
			offer.SignatureSchemes = append(offer.SignatureSchemes, schemesOf[name]...)
		}
	}
	if len(offer.SignatureSchemes) == 0 {
		return nil
	}
	return []question{{offer: offer, subject: &ofLeaves{&e.leaves, version}}}
}

// ofLeaves is a question about certificates.
type ofLeaves struct {
	*leafTypes
	version hello.Version
}

func (o *ofLeaves) doubted() bool                { return true }
func (o *ofLeaves) unanswered(err error, _ bool) { o.err = err }

// answered: a HelloRetryRequest does not mean that there is a certificate.
func (o *ofLeaves) answered(answer *hello.Answer) {
	switch {
	case answer.Version == hello.TLS13:
		o.err = checks.Because(checks.ReasonAmbiguous, "TLS 1.3 does not show in the clear whether there is a certificate of another type")
	case answer.Version != 0:
		before := len(o.types)
		o.note(answer)
		o.asked = len(o.types) == before // else there may be a third
	}
}
