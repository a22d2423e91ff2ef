package transport

import (
	"context"
	"crypto/tls"
	"net/netip"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
	"github.com/m2mscan/m2mscan/pkg/checks/inquiry"
)

// survey is what is asked of one address, and what it has answered so far.
type survey struct {
	visit   *checks.Visit
	address netip.Addr
	ask     *inquiry.Inquirer

	// handshake is what a modern client is given; nil when all it was given is
	// a refusal.
	handshake *checks.Handshake

	// versions holds what is known of each version.
	versions map[hello.Version]*standing
	// hunts holds what was asked of the weak suites of each version.
	hunts map[hello.Version]*hunt
	// postQuantum, aead and fallback are what single queries found.
	postQuantum, aead, fallback finding
	// done holds the names of queries that are put once.
	done map[string]bool

	// heard holds every answer that came, alerts included.
	heard []exchange
	// asked is how many hellos the risk profile has put.
	asked int
	// small says that only hellos of few suites and extensions get an answer.
	small bool
	// choked says that a long hello got no answer, or an alert, where a short
	// one is accepted.
	choked bool
}

// standing is what is known of one version.
type standing struct {
	accepted *bool         // nil while it is not known
	answer   *hello.Answer // that accepts it, to a hello with every suite; may be nil
	asked    bool          // whether a hello was sent for it
	said     *hello.Alert  // the alert to a hello with every suite, if that was the answer
	alert    *hello.Alert  // an alert that left it open
	silence  error         // why the hello had no answer
	err      error         // why it is not known; nil when it is
}

// finding is what a single query found.
type finding struct {
	yes   *bool
	alert *hello.Alert // that left it open
	err   error
}

// exchange is an offer with its answer.
type exchange struct {
	offer  hello.Offer
	answer *hello.Answer
}

// allVersions lists the versions there are, the newest first.
//
//nolint:gochecknoglobals // a table
var allVersions = []hello.Version{hello.TLS13, hello.TLS12, hello.TLS11, hello.TLS10, hello.SSL3, hello.SSL2}

// classicalVersions lists those whose suites have a key exchange and a cipher
// of their own each, the newest first.
//
//nolint:gochecknoglobals // a table
var classicalVersions = allVersions[1:5]

func newSurvey(v *checks.Visit, address netip.Addr, h *checks.Handshake) *survey {
	s := &survey{
		visit: v, address: address, ask: inquiry.New(v, address), handshake: h,
		versions: make(map[hello.Version]*standing), hunts: make(map[hello.Version]*hunt), done: make(map[string]bool),
	}
	for _, version := range allVersions {
		s.versions[version] = &standing{}
	}
	if h != nil {
		s.shared(hello.Version(h.Version), h.HelloIntolerant)
	}
	return s
}

// shared notes what the shared handshake says of the versions: the one it
// chose, and that it has no use for newer ones, which were on offer.
func (s *survey) shared(chosen hello.Version, intolerant bool) {
	for _, version := range allVersions {
		switch {
		case version == chosen:
			s.settle(version, true)
		case version > chosen && (version < hello.TLS13 || !intolerant):
			s.settle(version, false)
		}
	}
}

// accepts reports whether a version is accepted, and whether that is known.
func (s *survey) accepts(version hello.Version) (accepted, known bool) {
	answer := s.versions[version].accepted
	return answer != nil && *answer, answer != nil
}

// accepted reports that a version is known to be accepted.
func (s *survey) accepted(version hello.Version) bool {
	accepted, _ := s.accepts(version)
	return accepted
}

// refused reports that a version is known not to be accepted.
func (s *survey) refused(version hello.Version) bool {
	accepted, known := s.accepts(version)
	return known && !accepted
}

// settle notes the answer to whether a version is accepted. What is known
// already stays.
func (s *survey) settle(version hello.Version, accepted bool) {
	if st := s.versions[version]; st.accepted == nil {
		st.accepted, st.err, st.alert = &accepted, nil, nil
	}
}

// negotiated is the suite that a modern client was given, with its version;
// zero when there was none.
func (s *survey) negotiated() (hello.Suite, hello.Version) {
	if s.handshake == nil {
		return 0, 0
	}
	return hello.Suite(s.handshake.CipherSuite), hello.Version(s.handshake.Version)
}

// modern reports that a TLS 1.3 handshake was made.
func (s *survey) modern() bool {
	return s.handshake != nil && s.handshake.Version == tls.VersionTLS13
}

// offer is a hello that offers the suites in their order, with the name that
// the shared handshake also sends. Up to TLS 1.2 the server may choose any
// version below the one given; TLS 1.3 stands alone.
func (s *survey) offer(version hello.Version, suites []hello.Suite, groups []hello.Group) hello.Offer {
	return hello.Offer{
		Versions: []hello.Version{version}, Suites: suites, Groups: groups,
		ServerName: s.visit.Target().ServerName, Small: s.small,
	}
}

// once is true the first time that it is asked of a name.
func (s *survey) once(name string) bool {
	if s.done[name] {
		return false
	}
	s.done[name] = true
	return true
}

// putAll asks independent questions, at once as far as the host allows, and
// keeps the answers. The replies are in the order of the offers.
func (s *survey) putAll(ctx context.Context, offers ...hello.Offer) []inquiry.Reply {
	replies := s.ask.AskAll(ctx, offers...)
	for i, reply := range replies {
		switch a := reply.Answer; {
		case reply.Err != nil:
		case a.Alert == nil && a.Version == 0: // it warned and hung up
			replies[i] = inquiry.Reply{Err: checks.Because(checks.ReasonAmbiguous, "no answer but a warning")}
		default:
			s.heard = append(s.heard, exchange{offers[i], a})
		}
	}
	return replies
}
