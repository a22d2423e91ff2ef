package transport

import (
	"slices"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// How the versions are found.
//
// Up to TLS 1.2 a hello names the highest version only, and the server answers
// with the highest of its own that is not above it (RFC 5246 appendix E.1). So
// one hello settles its version, and those between it and the one chosen. It
// offers every suite there is, lest a version be missed for want of one.
//
// What an alert says, in place of a hello, where another version is accepted:
//
//	70 protocol_version       no, to this version and all older ones
//	40 handshake_failure,     no to this version once every suite was on offer, for
//	71 insufficient_security  then no client gets further. The many of TLS 1.2 may
//	                          be what the server chokes on: it is asked once more
//	                          with the common ones alone.
//	80 internal_error         no to TLS 1.1 and older, where it comes again or to
//	                          both TLS 1.1 and 1.0, no older version is accepted,
//	                          and a hello for an accepted version still works
//	                          then: OpenSSL 3 in its default settings, for which
//	                          no signature of theirs is strong enough, as all are
//	                          over SHA-1
//	any other                 open: it may have any cause
//
// Where no other version is accepted, alert 70 is a no to the version that was
// asked for, and every other alert leaves it open: the name, the client's
// address or the server's mood may be the cause.
//
// SSL 3.0 and SSL 2.0 are asked for alone, for their servers read no other
// hello. SSL 2.0 knows no alerts: any is from a server that does not speak it.

// manySuites is the length of a list up to which servers are not known to choke.
const manySuites = 127

// versionQueries asks for the versions that are open, the newest first.
func (s *survey) versionQueries() []query {
	var due []hello.Version
	for _, version := range allVersions {
		if s.due(version) {
			due = append(due, version)
		}
	}
	var queries []query
	for _, version := range due {
		queries = append(queries, s.versionQuery(version))
	}
	return queries
}

func (s *survey) versionQuery(version hello.Version) query {
	s.versions[version].asked = true
	return query{
		offer: s.everything(version),
		hear:  func(answer *hello.Answer, err error) { s.hearVersion(version, answer, err) },
	}
}

// wary begins with one hello at a time where a long one has had no answer
// already: a short one, which has, and then a long one to compare.
func (s *survey) wary() []query {
	_, version := s.negotiated()
	switch {
	case s.handshake == nil || !s.handshake.HelloIntolerant || s.versions[version].asked:
		return nil
	case s.once("wary"):
		return []query{{offer: s.shorter(version), hear: func(*hello.Answer, error) {}}}
	default:
		return []query{s.versionQuery(version)}
	}
}

// due: TLS 1.0 waits for the answer to TLS 1.1, which mostly settles it. A
// version that the shared handshake chose is asked for all the same, to see
// what it gives to a client that is not modern; but for TLS 1.3, which tells
// nothing more in the clear.
func (s *survey) due(version hello.Version) bool {
	st := s.versions[version]
	switch {
	case st.asked || st.answer != nil || s.refused(version):
		return false
	case version == hello.TLS13:
		return st.accepted == nil
	case version == hello.TLS10:
		return s.versions[hello.TLS11].asked || s.refused(hello.TLS11)
	default:
		return true
	}
}

// everything offers all that a client of a version can, and asks for what is
// seen in the answer alone. Suites with a shared secret, which hardly anyone
// accepts in TLS 1.1 and 1.0, wait there until the others are refused: without
// them the list is not one of the many that some servers choke on.
func (s *survey) everything(version hello.Version) hello.Offer {
	if s.small {
		return s.shorter(version)
	}
	keep := every
	if version == hello.TLS11 || version == hello.TLS10 {
		keep = hello.SuiteInfo.WithoutSecret
	}
	offer := s.offer(version, suitesOf(version, keep), groupsOf(version))
	if classical(version) {
		offer.Deflate, offer.Heartbeat = true, version > hello.SSL3
	}
	return offer
}

func (s *survey) hearVersion(version hello.Version, answer *hello.Answer, err error) {
	switch {
	case err != nil:
		s.versions[version].silence = err
		s.leaveOpen(version, err)
	case answer.Version != 0:
		s.chose(version, answer)
	default:
		s.versions[version].said = answer.Alert
		if version == hello.SSL2 {
			s.settle(version, false)
		} else {
			s.hearAlert(version, *answer.Alert)
		}
	}
}

// leaveOpen notes why a version is not known.
func (s *survey) leaveOpen(version hello.Version, err error) {
	if st := s.versions[version]; st.accepted == nil {
		st.err = err
	}
}

// chose notes the version that a server chose, and that it has no use for the
// one it was offered when that is another: for those between the two neither,
// as it would have chosen the highest.
func (s *survey) chose(offered hello.Version, answer *hello.Answer) {
	for _, version := range allVersions {
		switch {
		case version == answer.Version:
			s.settle(version, true)
			if st := s.versions[version]; st.answer == nil {
				st.answer = answer
			}
		case version == offered, version < offered && version > answer.Version:
			s.settle(version, false)
		}
	}
}

func (s *survey) hearAlert(version hello.Version, alert hello.Alert) {
	st := s.versions[version]
	s.leaveOpen(version, checks.Because(checks.ReasonAmbiguous, "%s may refuse %s or something else", alert, version))
	if alert.Code != hello.AlertProtocolVersion {
		st.alert = &alert
		return
	}
	s.settle(version, false)
	if s.newest() > version {
		for _, older := range classicalVersions {
			if older < version && older > hello.SSL3 {
				s.settle(older, false)
			}
		}
	}
}

// newest is the newest version that is known to be accepted; zero when none is.
func (s *survey) newest() hello.Version {
	for _, version := range allVersions {
		if s.accepted(version) {
			return version
		}
	}
	return 0
}

// doubts asks again where an alert left a version open, once all were asked
// and one is known to be accepted.
func (s *survey) doubts() []query {
	newest := s.newest()
	if newest == 0 || s.small {
		return nil
	}
	var queries []query
	for _, version := range allVersions {
		if st := s.versions[version]; st.accepted != nil || st.alert == nil || !aboutSuites(*st.alert) {
			continue
		}
		offer, ok := s.otherwise(version)
		switch {
		case !ok:
			s.settle(version, false)
		case s.once("otherwise " + version.String()):
			queries = append(queries, query{offer: offer, hear: func(answer *hello.Answer, err error) {
				s.hearOtherwise(version, answer, err)
			}})
		}
	}
	if failing := s.failing(); len(failing) > 0 && s.once("control") {
		queries = append(queries, s.confirm(failing, newest)...)
	}
	return queries
}

// otherwise is what else can be offered of a version whose suites were all
// refused: where they were many, the common ones alone; where those with a
// shared secret were held back, these.
func (s *survey) otherwise(version hello.Version) (offer hello.Offer, ok bool) {
	switch version {
	case hello.TLS12:
		return s.shorter(version), true
	case hello.TLS11, hello.TLS10:
		secret := suitesOf(version, func(i hello.SuiteInfo) bool { return !i.WithoutSecret() })
		return s.offer(version, secret, groupsOf(version)), true
	default:
		return hello.Offer{}, false
	}
}

// aboutSuites reports an alert that says that there is no suite or group in
// common (RFC 5246 section 7.2.2, RFC 8446 section 4.1.1).
func aboutSuites(alert hello.Alert) bool {
	return alert.Code == hello.AlertHandshakeFailure || alert.Code == hello.AlertInsufficientSecurity
}

// shorter offers the common suites, and no extension that is not needed.
func (s *survey) shorter(version hello.Version) hello.Offer {
	offer := s.offer(version, suitesOf(version, common), usualGroupsOf(version))
	offer.Small = true
	return offer
}

func (s *survey) hearOtherwise(version hello.Version, answer *hello.Answer, err error) {
	switch {
	case err != nil:
		s.leaveOpen(version, err)
	case answer.Version != 0:
		s.choked = s.choked || answer.Version == hello.TLS12
		s.chose(version, answer)
	case aboutSuites(*answer.Alert):
		s.settle(version, false)
	default:
		s.hearAlert(version, *answer.Alert)
	}
}

// failing lists the versions that are left open by internal_error, if TLS 1.2
// is not and if no older version is accepted or may be.
func (s *survey) failing() []hello.Version {
	var failing []hello.Version
	for _, version := range slices.Backward(classicalVersions) { // the oldest first
		switch {
		case s.failed(version) && version < hello.TLS12:
			failing = append(failing, version)
		case s.refused(version), s.accepted(version) && version == hello.TLS12:
		case len(failing) > 0 || version < hello.TLS11:
			return nil
		}
	}
	return failing
}

func (s *survey) failed(version hello.Version) bool {
	st := s.versions[version]
	return st.accepted == nil && st.alert != nil && st.alert.Code == hello.AlertInternalError
}

// confirm asks for the newest version, and again for those that failed unless
// TLS 1.1 and 1.0 are both among them.
func (s *survey) confirm(failing []hello.Version, newest hello.Version) []query {
	again := make(map[hello.Version]bool)
	var queries []query
	for _, version := range failing {
		if s.failed(hello.TLS11) && s.failed(hello.TLS10) {
			again[version] = true
			continue
		}
		queries = append(queries, query{offer: s.everything(version), hear: func(answer *hello.Answer, err error) {
			if err == nil && answer.Version != 0 {
				s.chose(version, answer)
				return
			}
			again[version] = err == nil && answer.Alert.Code == hello.AlertInternalError
		}})
	}
	return append(queries, query{offer: s.everything(newest), hear: func(answer *hello.Answer, err error) {
		for version, twice := range again {
			if twice && err == nil && answer.Version != 0 {
				s.settle(version, false)
			}
		}
	}})
}

// retrySmall asks for the newest version up to TLS 1.2 by a short hello when
// the long one had no answer. If that has one, all that is open is asked again
// by short hellos.
func (s *survey) retrySmall() []query {
	for _, version := range classicalVersions {
		st := s.versions[version]
		if s.refused(version) {
			continue
		}
		if s.small || !unanswered(st) || !s.once("small") {
			return nil
		}
		return []query{{offer: s.shorter(version), hear: func(answer *hello.Answer, err error) {
			if err != nil {
				return
			}
			s.small, s.choked = true, true
			for _, version := range allVersions {
				if st := s.versions[version]; unanswered(st) {
					st.asked = false
				}
			}
			clear(s.hunts)
			s.done = map[string]bool{"small": true}
			s.hearVersion(version, answer, nil)
		}}}
	}
	return nil
}

// unanswered reports that a version was asked for in vain.
func unanswered(st *standing) bool {
	if !st.asked || st.answer != nil || st.alert != nil {
		return false
	}
	_, reason := checks.Classify(st.silence)
	return reason == checks.ReasonReset || reason == checks.ReasonStalled
}
