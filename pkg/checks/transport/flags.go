package transport

import (
	"math/big"
	"slices"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// flag is a fact that the ServerHello of TLS 1.2 and older shows.
type flag struct {
	fact string
	of   func(*Facts) **bool
	// shows reads it from an answer; known is false where the hello did not ask.
	shows func(e exchange) (value, known bool)
	// worse is the value that counts when answers differ, and its opposite the
	// one where TLS 1.3 is all there is.
	worse bool
}

//nolint:gochecknoglobals // a table
var flags = []flag{
	{"secure_renegotiation", func(f *Facts) **bool { return &f.SecureRenegotiation }, secureRenegotiation, false},
	{"extended_master_secret", func(f *Facts) **bool { return &f.ExtendedMasterSecret }, extended(hello.ExtExtendedMasterSecret), false},
	{"compression", func(f *Facts) **bool { return &f.Compression }, compression, true},
}

// secureRenegotiation is asked for by every hello, by extension or by suite
// (RFC 5746 section 3.3).
func secureRenegotiation(e exchange) (value, known bool) {
	return e.answer.Has(hello.ExtRenegotiationInfo), true
}

func compression(e exchange) (value, known bool) {
	return e.answer.Compression != 0, e.offer.Deflate
}

// extended reads an extension that every hello from TLS 1.0 on asks for, unless
// it is a small one. That SSL 3.0 has none is a no.
func extended(extension uint16) func(exchange) (value, known bool) {
	return func(e exchange) (value, known bool) {
		return e.answer.Has(extension), !e.offer.Small
	}
}

// encryptThenMAC shows in the choice of a block cipher alone (RFC 7366
// section 3).
func encryptThenMAC(e exchange) (value, known bool) {
	info, _ := e.answer.Suite.Info()
	return e.answer.Has(hello.ExtEncryptThenMAC), info.CBC() && !e.offer.Small
}

func heartbeat(e exchange) (value, known bool) {
	return e.answer.Has(hello.ExtHeartbeat), e.offer.Heartbeat || e.answer.Version == hello.SSL3
}

// setFlags sets what the answers show beside what was chosen.
func (s *survey) setFlags(f *Facts) {
	for _, flag := range flags {
		set(s, flag.of(f), flag.fact, flag.worse, !flag.worse, flag.shows)
	}
	s.setEncryptThenMAC(f)
	s.setHeartbeat(f)
	s.setTickets(f)
	s.setFallback(f)
	s.setCBCOnly(f)
	s.setDH(f)
	f.HelloIntolerance = s.intolerance()
	if f.HelloIntolerance == nil {
		s.visit.UnknownReason("hello_intolerance", checks.ReasonAmbiguous, "no long hello had an answer, and no short one had")
	}
}

// set sets a fact to the worse of what the answers show, or to what holds when
// there is only TLS 1.3.
func set(s *survey, fact **bool, name string, worse, otherwise bool, shows func(exchange) (value, known bool)) {
	value, known := s.worst(worse, shows)
	switch {
	case known:
		*fact = &value
	case s.onlyModern():
		*fact = &otherwise
	default:
		s.visit.Unknown(name, s.whyNotClassical())
	}
}

// worst reads all answers of SSL 3.0 to TLS 1.2.
func (s *survey) worst(worse bool, shows func(exchange) (value, known bool)) (value, known bool) {
	value = !worse
	for _, e := range s.heard {
		if !classical(e.answer.Version) {
			continue
		}
		if v, ok := shows(e); ok {
			known = true
			if v == worse {
				value = worse
			}
		}
	}
	return value, known
}

// onlyModern reports that every version from SSL 3.0 to TLS 1.2 is refused.
func (s *survey) onlyModern() bool {
	return !slices.ContainsFunc(classicalVersions, func(v hello.Version) bool { return !s.refused(v) })
}

// whyNotClassical says why no answer up to TLS 1.2 shows what was asked for.
func (s *survey) whyNotClassical() error {
	for _, version := range classicalVersions {
		if _, known := s.accepts(version); !known {
			return s.open(version)
		}
	}
	return checks.Because(checks.ReasonNotTested, "only short hellos had an answer, and they do not ask for it")
}

// setEncryptThenMAC: where no block cipher is accepted there is nothing to
// encrypt first.
func (s *survey) setEncryptThenMAC(f *Facts) {
	value, known := s.worst(false, encryptThenMAC)
	switch {
	case f.CBC == nil:
		s.visit.UnknownReason("encrypt_then_mac", checks.ReasonNotTested, "whether a suite in CBC mode is accepted is not settled")
	case !*f.CBC:
		f.EncryptThenMAC = new(true)
	case known:
		f.EncryptThenMAC = &value
	default:
		s.visit.UnknownReason("encrypt_then_mac", checks.ReasonNotTested, "no hello that asks for it got a suite in CBC mode")
	}
}

// setHeartbeat: TLS 1.3 answers the extension under encryption.
func (s *survey) setHeartbeat(f *Facts) {
	value, known := s.worst(true, heartbeat)
	switch {
	case known:
		f.Heartbeat = &value
	case s.onlyModern():
		s.visit.UnknownReason("heartbeat", checks.ReasonNotTested, "TLS 1.3 answers this extension under encryption")
	default:
		s.visit.Unknown("heartbeat", s.whyNotClassical())
	}
}

// setTickets reads the extension up to TLS 1.2, and of TLS 1.3 the tickets that
// arrived while the shared connection was read.
func (s *survey) setTickets(f *Facts) {
	value, known := s.worst(true, extended(hello.ExtSessionTicket))
	received := s.modern() && s.handshake.TicketReceived()
	switch {
	case received || value:
		f.SessionTickets = new(true)
	case s.refused(hello.TLS13) && known:
		f.SessionTickets = new(false)
	case s.accepted(hello.TLS13):
		s.visit.Unknown("session_tickets", errNoTicket)
	case !s.refused(hello.TLS13):
		s.visit.Unknown("session_tickets", s.open(hello.TLS13))
	case s.onlyModern(): // nothing is accepted
		f.SessionTickets = new(false)
	default:
		s.visit.Unknown("session_tickets", s.whyNotClassical())
	}

	switch offered, told := s.earlyData(); {
	case told:
		f.EarlyData = &offered
	case s.refused(hello.TLS13):
		f.EarlyData = new(false)
	case s.accepted(hello.TLS13):
		s.visit.Unknown("early_data", errNoTicket)
	default:
		s.visit.Unknown("early_data", s.open(hello.TLS13))
	}
}

//nolint:gochecknoglobals // an error
var errNoTicket = checks.Because(checks.ReasonAmbiguous, "no ticket of TLS 1.3 came while the connection was read; one may come later")

func (s *survey) earlyData() (offered, known bool) {
	if !s.modern() {
		return false, false
	}
	return s.handshake.EarlyDataOffered()
}

// setFallback: where one version is accepted there is none to fall back to.
func (s *survey) setFallback(f *Facts) {
	if s.fallback.yes != nil && s.secondNewest() != 0 {
		f.FallbackSCSV = s.fallback.yes
		return
	}
	var open error
	accepted := 0
	for _, version := range allVersions[:5] {
		switch yes, known := s.accepts(version); {
		case !known:
			open = s.open(version)
		case yes:
			accepted++
		}
	}
	switch {
	case accepted < 2 && open == nil:
		f.FallbackSCSV = new(true)
	case accepted < 2:
		s.visit.Unknown("fallback_scsv", open)
	case s.fallback.err != nil:
		s.visit.Unknown("fallback_scsv", s.fallback.err)
	default:
		s.visit.Unknown("fallback_scsv", orBudget(open))
	}
}

func orBudget(err error) error {
	if err != nil {
		return err
	}
	return errQueries
}

// setCBCOnly: AEAD suites came with TLS 1.2, and TLS 1.3 has no others.
func (s *survey) setCBCOnly(f *Facts) {
	switch newest := s.newest(); {
	case s.accepted(hello.TLS13), s.aeadSeen(), s.aead.yes != nil && *s.aead.yes:
		f.CBCOnly = new(false)
	case !s.refused(hello.TLS13):
		s.visit.Unknown("cbc_only", s.open(hello.TLS13))
	case !s.refused(hello.TLS12) && !s.accepted(hello.TLS12):
		s.visit.Unknown("cbc_only", s.open(hello.TLS12))
	case newest == hello.TLS12 && s.aead.yes == nil:
		s.visit.Unknown("cbc_only", orBudget(s.aead.err))
	case newest != 0:
		f.CBCOnly = new(true)
	default:
		set(s, &f.CBCOnly, "cbc_only", true, false, func(exchange) (value, known bool) { return false, false })
	}
}

// setDH sets the smallest prime that was seen.
func (s *survey) setDH(f *Facts) {
	if f.DHE == nil {
		s.visit.UnknownReason("dh_bits", checks.ReasonNotTested, "whether such a suite is accepted is not settled")
		s.visit.UnknownReason("dh_prime", checks.ReasonNotTested, "whether such a suite is accepted is not settled")
		return
	}
	if !*f.DHE {
		f.DHBits, f.DHPrime = new(0), new("")
		return
	}
	var smallest *big.Int
	for _, e := range s.heard {
		if prime := new(big.Int).SetBytes(e.answer.DHPrime); prime.BitLen() > 0 && (smallest == nil || prime.BitLen() < smallest.BitLen()) {
			smallest = prime
		}
	}
	if smallest == nil {
		s.visit.UnknownReason("dh_bits", checks.ReasonAmbiguous, "such a suite was chosen, but its parameters were not read")
		s.visit.UnknownReason("dh_prime", checks.ReasonAmbiguous, "such a suite was chosen, but its parameters were not read")
		return
	}
	name, _ := knownPrime(smallest.Bytes())
	f.DHBits, f.DHPrime = new(smallest.BitLen()), &name
}

// intolerance is true when a short hello had an answer that a long one had not,
// and false when a long one had. SSL's are never long.
func (s *survey) intolerance() *bool {
	if s.choked || s.handshake != nil && s.handshake.HelloIntolerant {
		return new(true)
	}
	for _, e := range s.heard {
		if !e.offer.Small && e.offer.Versions[0] > hello.SSL3 {
			return new(false)
		}
	}
	return nil
}
