package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"slices"

	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// groupQuestions asks for the groups. Those of TLS 1.3 come first, named in
// the HelloRetryRequest; what they and the suites leave open is then asked of
// the newest older version.
func (e *enumeration) groupQuestions() []question {
	questions := e.groups13Questions()
	newest := e.newest()
	if newest == 0 || !e.groups13.settled() || e.suites[hello.TLS13] == nil && !e.suites[newest].settled() {
		return questions
	}
	e.curves.drop(e.groups13.accepted...)
	e.fields.drop(e.groups13.accepted...)
	questions = append(questions, e.olderQuestions(e.curves, func(info hello.SuiteInfo) bool { return info.EllipticCurve() })...)
	return append(questions, e.olderQuestions(e.fields, hello.SuiteInfo.FiniteField)...)
}

// groups13Questions asks with every suite that is accepted, so that a refusal
// is about the groups; those still open stand in front of them.
func (e *enumeration) groups13Questions() []question {
	t := e.suites[hello.TLS13]
	if t == nil {
		return nil
	}
	if len(t.accepted) == 0 && t.settled() {
		e.giveUp(e.groups13, t.err)
		return nil
	}
	e.groups13.guess(likelyGroups(e.groups13.accepted))
	suites := slices.Concat(openOf(t), t.accepted)
	return e.lotQuestions(e.groups13, hello.TLS13, suites)
}

// olderQuestions asks for groups with the suites of one key exchange.
func (e *enumeration) olderQuestions(t *tally[hello.Group], uses func(hello.SuiteInfo) bool) []question {
	if t.settled() {
		return nil
	}
	for _, version := range e.versions() {
		var suites []hello.Suite
		if version == hello.TLS13 {
			continue
		}
		for _, suite := range e.suites[version].accepted {
			if info, _ := suite.Info(); uses(info) {
				suites = append(suites, suite)
			}
		}
		if len(suites) > 0 {
			t.guess(likelyGroups(t.accepted))
			return e.lotQuestions(t, version, suites)
		}
	}
	var err error // that leaves open whether there is such a suite
	for _, version := range e.versions() {
		if version != hello.TLS13 {
			if !e.suites[version].settled() {
				return nil
			}
			err = firstOf(err, e.suites[version].err)
		}
	}
	e.giveUp(t, err)
	return nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *enumeration) lotQuestions(t *tally[hello.Group], version hello.Version, suites []hello.Suite) []question {
	var behind []hello.Group
	if leaf := e.leafCurve(version, suites); leaf != 0 && !e.ownOrder(version) {
		behind = []hello.Group{leaf}
	}
	var questions []question
	for _, l := range t.lots {
		if e.pairedGroups[l] {
			continue
		}
		groups := slices.Clone(l.items)
		if !containsAny(groups, behind) {
			groups = append(groups, behind...)
		}
		subject := about(t, l)
		subject.heedless = version < hello.TLS13
		questions = append(questions, question{offer: e.offer(version, suites, groups), subject: subject})
	}
	return questions
}

// leafCurve is the curve of the server's ECDSA certificate where the suites go
// with no other kind; zero when they do, or it is not known. Up to TLS 1.2 the
// client's groups are those of certificates, too (RFC 8422 section 5.1), and
// some servers keep to it: their refusal may be about the certificate. Where
// the client's order counts, that curve stands behind those asked for; it is
// chosen when they are refused.
func (e *enumeration) leafCurve(version hello.Version, suites []hello.Suite) hello.Group {
	if version == hello.TLS13 || slices.ContainsFunc(suites, func(s hello.Suite) bool { return !byECDSA(s) }) {
		return 0
	}
	for _, x := range e.heard {
		if len(x.answer.Chain) == 0 || !byECDSA(x.answer.Suite) {
			continue
		}
		leaf, err := x509.ParseCertificate(x.answer.Chain[0])
		if err != nil {
			continue
		}
		if key, ok := leaf.PublicKey.(*ecdsa.PublicKey); ok {
			return map[elliptic.Curve]hello.Group{
				elliptic.P256(): hello.SecP256r1, elliptic.P384(): hello.SecP384r1, elliptic.P521(): hello.SecP521r1,
			}[key.Curve]
		}
	}
	return 0
}

func byECDSA(suite hello.Suite) bool {
	info, _ := suite.Info()
	return info.Authentication == "ECDSA"
}

// certificateBars reports that a refusal may be about the certificate, of
// which no answer shows that the server uses it whatever the groups.
func (e *enumeration) certificateBars(version hello.Version, offer hello.Offer) bool {
	leaf := e.leafCurve(version, offer.Suites)
	return leaf != 0 && !slices.Contains(offer.Groups, leaf) && !slices.ContainsFunc(e.heard, func(x exchange) bool {
		return x.answer.Version == version && byECDSA(x.answer.Suite) && !slices.Contains(x.offer.Groups, leaf)
	})
}

// giveUp ends a tally for which there is no suite to ask with: all of it is
// lost for a reason, or there being no such suite is the answer.
func (e *enumeration) giveUp(t *tally[hello.Group], err error) {
	for len(t.lots) > 0 {
		if err != nil {
			t.lose(t.lots[0], err)
		} else {
			t.refuse(t.lots[0].items...)
		}
	}
}
