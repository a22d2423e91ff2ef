package transport

import (
	"errors"
	"fmt"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// modernProperties are what a modern client gets from a suite. TLS 1.3 names
// no key exchange in it, which is always ephemeral here, because no pre-shared
// key is offered (RFC 8446 section 4.2.9).
func modernProperties(version hello.Version, suite hello.Suite) (forwardSecrecy, aead bool) {
	info, _ := suite.Info()
	return version == hello.TLS13 || info.ForwardSecrecy(), info.AEAD()
}

// setChoice sets what the shared handshake negotiated. Each fact is unknown
// that a handshake which ended early did not come to.
func (s *survey) setChoice(f *Facts) {
	h := s.handshake
	if h == nil {
		return // recorded already
	}
	suite, version := s.negotiated()
	f.Version = new(version.String())
	forwardSecrecy := false
	if suite == 0 {
		for _, fact := range []string{"suite", "forward_secrecy", "aead"} {
			s.visit.Unknown(fact, h.Err)
		}
	} else {
		ephemeral, aead := modernProperties(version, suite)
		forwardSecrecy = ephemeral
		f.Suite, f.ForwardSecrecy, f.AEAD = new(suite.String()), &ephemeral, &aead
	}
	switch group := s.handshakeGroup(); {
	case group != 0:
		f.Group = new(group.String())
	case version < hello.TLS13 && suite != 0 && !forwardSecrecy:
		f.Group = new("")
	default:
		s.visit.Unknown("group", h.Err)
	}
	// It comes with the ServerHello or right after, in front of the certificate.
	if h.Err == nil || h.ALPN != "" || len(h.Chain) > 0 {
		f.ALPN = new(h.ALPN)
	} else {
		s.visit.Unknown("alpn", h.Err)
	}
}

// setPostQuantum: hybrids are defined for TLS 1.3 alone.
func (s *survey) setPostQuantum(f *Facts) {
	switch {
	case s.handshakeGroup().PostQuantum():
		f.PostQuantum = new(true)
	case s.refused(hello.TLS13):
		f.PostQuantum = new(false)
	case s.postQuantum.yes != nil:
		f.PostQuantum = s.postQuantum.yes
	case s.accepted(hello.TLS13):
		s.visit.Unknown("post_quantum", orBudget(s.postQuantum.err))
	default:
		s.visit.Unknown("post_quantum", s.open(hello.TLS13))
	}
}

// setVersions sets which versions are accepted, and their list when each is
// known.
func (s *survey) setVersions(f *Facts) {
	accepts := map[hello.Version]**bool{
		hello.SSL2: &f.Accepts.SSL2, hello.SSL3: &f.Accepts.SSL3, hello.TLS10: &f.Accepts.TLS10,
		hello.TLS11: &f.Accepts.TLS11, hello.TLS12: &f.Accepts.TLS12, hello.TLS13: &f.Accepts.TLS13,
	}
	names := []string{}
	var open error
	for i := range allVersions {
		version := allVersions[len(allVersions)-1-i] // the oldest first
		accepted, known := s.accepts(version)
		if !known {
			err := s.open(version)
			s.visit.Unknown(factOf(version), err)
			open = errors.Join(open, checks.Because(checks.ReasonNotTested, "%s is not settled", version))
			continue
		}
		*accepts[version] = &accepted
		if accepted {
			names = append(names, version.String())
		}
	}
	if open != nil {
		s.visit.Unknown("versions", open)
		return
	}
	f.Versions = names
}

// factOf is the name of a version's fact, such as "accepts.tls10".
func factOf(version hello.Version) string {
	if version < hello.TLS10 {
		return fmt.Sprintf("accepts.ssl%d", max(version>>8, version&0xff))
	}
	return fmt.Sprintf("accepts.tls1%d", version-hello.TLS10)
}
