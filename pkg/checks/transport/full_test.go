package transport

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
	"github.com/m2mscan/m2mscan/pkg/checks/inquiry"
)

// What servers accept, in their own order.
var (
	suites13 = []hello.Suite{0x1302, 0x1303, 0x1301}
	suites12 = []hello.Suite{0xc030, 0xc02f, 0xcca8}
	groups3  = []hello.Group{hello.X25519, hello.SecP256r1, hello.SecP384r1}
	groups10 = []hello.Group{
		hello.X25519, hello.SecP256r1, hello.X448, hello.SecP521r1, hello.SecP384r1, 0x100, 0x101, 0x102, 0x103, 0x104,
	}
)

// ofVersion keeps the suites that are defined for a version.
func ofVersion(version hello.Version, suites []hello.Suite) []hello.Suite {
	return slices.DeleteFunc(slices.Clone(suites), func(s hello.Suite) bool {
		info, _ := s.Info()
		return info.First > version
	})
}

// olden is a box of all versions from TLS 1.0 that accepts what openssl3 does.
func olden() box {
	all := openssl3()
	return box{
		suites: map[hello.Version][]hello.Suite{
			hello.TLS13: suites13, hello.TLS12: all, hello.TLS11: ofVersion(hello.TLS11, all), hello.TLS10: ofVersion(hello.TLS10, all),
		},
		groups13: groups10, curves: groups10[:5],
	}
}

func everything() box {
	b := box{suites: make(map[hello.Version][]hello.Suite), groups13: hello.AllGroups(), curves: classicalGroups()}
	for version := hello.SSL3; version <= hello.TLS13; version++ {
		b.suites[version] = registeredFor(version)
	}
	return b
}

// check compares what was found with what the box accepts.
func (b *box) check(t *testing.T, e *enumeration) {
	t.Helper()
	for version, want := range b.suites {
		got := slices.Sorted(slices.Values(e.suites[version].accepted))
		if diff := cmp.Diff(got, slices.Sorted(slices.Values(want))); diff != "" {
			t.Errorf("%s (-got +want):\n%s", version, diff)
		}
		if refused, others := len(e.suites[version].refused), len(registeredFor(version))-len(want); refused != others {
			t.Errorf("%s: %d suites refused, of %d that are not accepted", version, refused, others)
		}
	}
	want := slices.Clone(b.curves)
	if b.suites[hello.TLS13] != nil {
		want = append(want, b.groups13...)
	}
	slices.Sort(want)
	if diff := cmp.Diff(e.groups(), slices.Compact(want)); diff != "" {
		t.Errorf("groups (-got +want):\n%s", diff)
	}
	for name, t2 := range map[string]*tally[hello.Group]{"groups of TLS 1.3": e.groups13, "curves": e.curves, "fields": e.fields} {
		if len(t2.lost) > 0 || len(t2.lots) > 0 {
			t.Errorf("%s: %d lost (%v), %d open", name, len(t2.lost), t2.err, len(t2.lots))
		}
	}
}

// ideal is what no way of asking can do with less: a hello for each suite that
// a version accepts, one for each lot that is left, and in TLS 1.3 one for each
// group where there are more of those.
func (b *box) ideal() int {
	total := 0
	for version, accepted := range b.suites {
		k := len(accepted)
		if version == hello.TLS13 {
			k = max(k, len(b.groups13))
		}
		total += k + (len(registeredFor(version))-len(accepted)+lotSize-1)/lotSize
	}
	return total
}

// TestFinds holds the number of hellos against the ideal, and the number of
// rounds, each of which is a round trip or two. They are exact: nothing here
// depends on timing.
func TestFinds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name            string
		box             box
		above, rounds   int // of the ideal; of the server's own order
		above2, rounds2 int // of the client's order
	}{
		{"hardened", box{suites: map[hello.Version][]hello.Suite{hello.TLS13: suites13, hello.TLS12: suites12}, groups13: groups3, curves: groups3}, 5, 2, 7, 3},
		{"TLS 1.3 alone", box{suites: map[hello.Version][]hello.Suite{hello.TLS13: suites13}, groups13: groups3}, 5, 3, 7, 3},
		{"TLS 1.2 alone", box{suites: map[hello.Version][]hello.Suite{hello.TLS12: suites12}, curves: groups3}, 3, 3, 4, 3},
		{"30 suites", box{suites: map[hello.Version][]hello.Suite{hello.TLS13: suites13, hello.TLS12: openssl3()}, groups13: groups10, curves: groups10[:5]}, 6, 6, 7, 6},
		{"30 suites and old versions", olden(), 6, 7, 7, 7},
		{"everything", everything(), 15, 40, 15, 41},
	} {
		for _, client := range []bool{false, true} {
			b := test.box
			b.clientsOrder = client
			e := b.enumerate(t)
			b.check(t, e)
			above, rounds := test.above, test.rounds
			if client {
				above, rounds = test.above2, test.rounds2
			}
			t.Logf("%s, client's order %v: %d hellos (ideal %d) in %d rounds", test.name, client, b.questions, b.ideal(), b.rounds)
			if b.questions > b.ideal()+above || b.rounds > rounds {
				t.Errorf("%s, client's order %v: %d hellos in %d rounds, want at most %d in %d",
					test.name, client, b.questions, b.rounds, b.ideal()+above, rounds)
			}
			if b.questions > fullCost() {
				t.Errorf("%s: %d hellos, of at most %d", test.name, b.questions, fullCost())
			}
		}
	}
}

// TestKnownAlready: what the risk profile heard is not asked again.
func TestKnownAlready(t *testing.T) {
	t.Parallel()
	b := box{suites: map[hello.Version][]hello.Suite{hello.TLS13: suites13, hello.TLS12: suites12}, groups13: groups3, curves: groups3}
	e := newEnumeration(b.ask, plainOffer, []hello.Version{hello.TLS13, hello.TLS12}, lotSize)
	weak := slices.DeleteFunc(registeredFor(hello.TLS12), func(s hello.Suite) bool { return slices.Contains(suites12, s) })
	for _, offer := range []hello.Offer{
		plainOffer(hello.TLS12, weak, classicalGroups()),
		plainOffer(hello.TLS12, suites12[:1], classicalGroups()),
		plainOffer(hello.TLS12, suites12[1:2], classicalGroups()),
		plainOffer(hello.TLS12, suites12[2:], classicalGroups()),
		plainOffer(hello.TLS13, suites13, postQuantumGroups()),
	} {
		e.heard = append(e.heard, exchange{offer, b.answer(offer)})
	}
	b.fail = func(_ int, offer hello.Offer) error {
		switch {
		case offer.Versions[0] == hello.TLS12 && len(offer.Groups) == len(classicalGroups()) && !slices.Equal(plain(offer.Suites), offer.Suites):
			t.Errorf("TLS 1.2 is asked again for %v", offer.Suites)
		case offer.Versions[0] == hello.TLS13 && !slices.ContainsFunc(offer.Groups, func(g hello.Group) bool { return !g.PostQuantum() }):
			t.Errorf("TLS 1.3 is asked again for %v", offer.Groups)
		}
		return nil
	}
	e.run(t.Context())
	b.check(t, e)
}

// TestRefusalElsewhere: that TLS 1.2 refuses a suite says nothing of TLS 1.0.
func TestRefusalElsewhere(t *testing.T) {
	t.Parallel()
	b := box{suites: map[hello.Version][]hello.Suite{
		hello.TLS12: suites12, hello.TLS10: {0x0004, 0x0005, 0x000a},
	}, curves: groups3}
	b.check(t, b.enumerate(t))
}

var errLost = checks.Because(checks.ReasonStalled, "no answer")

// TestUnanswered: what has no answer is lost and named, and the rest is found.
func TestUnanswered(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		fail func(number int, offer hello.Offer) error
		lost []hello.Suite // of TLS 1.2; nil means none
		all  bool
	}{
		{"too long a hello", func(_ int, offer hello.Offer) error {
			if len(offer.Suites) > 60 {
				return errLost
			}
			return nil
		}, nil, false},
		{"one suite", func(_ int, offer hello.Offer) error {
			if slices.Equal(offer.Suites, []hello.Suite{0x0035}) {
				return errLost
			}
			return nil
		}, []hello.Suite{0x0035}, false},
		{"anything", func(int, hello.Offer) error { return errLost }, nil, true},
		{"anything from the tenth on", func(number int, _ hello.Offer) error {
			if number > 9 {
				return errLost
			}
			return nil
		}, nil, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := olden()
			b.fail = test.fail
			e := b.enumerate(t)
			got := e.suites[hello.TLS12].lost
			switch {
			case test.all && len(got) < 100:
				t.Errorf("lost %v", got)
			case !test.all && !slices.Equal(got, test.lost):
				t.Errorf("lost %v", got)
			case test.lost == nil && !test.all:
				b.check(t, e)
			}
			if err := e.suites[hello.TLS12].err; (err != nil) != (len(got) > 0) || err != nil && !errors.Is(err, errLost) {
				t.Errorf("reason %v", err)
			}
			if b.questions > fullCost() {
				t.Errorf("%d hellos, of at most %d", b.questions, fullCost())
			}
		})
	}
}

// TestRefusals: an alert that has other causes is asked for twice, one that
// says the hello was not understood refuses nothing.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		alert uint8
		known bool
	}{
		{hello.AlertHandshakeFailure, true}, {hello.AlertInsufficientSecurity, true},
		{hello.AlertInternalError, true}, {hello.AlertIllegalParameter, true}, {hello.AlertProtocolVersion, true},
		{hello.AlertDecodeError, false}, {hello.AlertUnexpectedMessage, false},
	} {
		b := olden()
		b.refusal = test.alert
		e := b.enumerate(t)
		if test.known {
			b.check(t, e)
		}
		for _, version := range e.versions() {
			if known := len(e.suites[version].lost) == 0; known != test.known {
				t.Errorf("alert %d, %s: known %v", test.alert, version, known)
			}
		}
		if b.questions > fullCost() {
			t.Errorf("alert %d: %d hellos, of at most %d", test.alert, b.questions, fullCost())
		}
	}
}

// TestLiars: no server keeps the enumeration going for ever, nor gets a suite
// into the list that was not offered.
func TestLiars(t *testing.T) {
	t.Parallel()
	versions := []hello.Version{hello.TLS13, hello.TLS12, hello.TLS10}
	for name, lie := range map[string]func(number int, offer hello.Offer) *hello.Answer{
		"a suite that was not offered": func(_ int, offer hello.Offer) *hello.Answer {
			return &hello.Answer{Version: offer.Versions[0], Suite: 0x5600, Group: hello.X25519}
		},
		"always the same": func(_ int, offer hello.Offer) *hello.Answer {
			return &hello.Answer{Version: offer.Versions[0], Suite: 0xc02f, Group: hello.X25519}
		},
		"another version": func(_ int, offer hello.Offer) *hello.Answer {
			return &hello.Answer{Version: hello.TLS10, Suite: offer.Suites[0], Group: hello.X25519}
		},
		"now this, now that": func(number int, offer hello.Offer) *hello.Answer {
			if number%3 == 0 {
				return &hello.Answer{Alert: &hello.Alert{Fatal: true, Code: hello.AlertHandshakeFailure}}
			}
			return &hello.Answer{Version: offer.Versions[0], Suite: offer.Suites[number%len(offer.Suites)], Group: hello.X448}
		},
		"neither a hello nor an alert": func(int, hello.Offer) *hello.Answer { return &hello.Answer{} },
	} {
		questions := 0
		ask := func(_ context.Context, offers ...hello.Offer) []inquiry.Reply {
			replies := make([]inquiry.Reply, len(offers))
			for i, offer := range offers {
				questions++
				replies[i].Answer = lie(questions, offer)
			}
			if questions > 2*fullCost() {
				t.Fatalf("%s: no end", name)
			}
			return replies
		}
		e := newEnumeration(ask, plainOffer, versions, lotSize)
		e.run(t.Context())
		if questions > fullCost() {
			t.Errorf("%s: %d hellos, of at most %d", name, questions, fullCost())
		}
		for _, version := range versions {
			if slices.Contains(e.suites[version].accepted, 0x5600) {
				t.Errorf("%s: a suite was found that was never offered", name)
			}
		}
	}
}

// BenchmarkEnumerate measures what the client itself does to list 30 suites.
func BenchmarkEnumerate(b *testing.B) {
	for b.Loop() {
		server := box{
			suites:   map[hello.Version][]hello.Suite{hello.TLS13: suites13, hello.TLS12: openssl3()},
			groups13: groups10, curves: groups10[:5],
		}
		e := newEnumeration(server.ask, plainOffer, []hello.Version{hello.TLS12, hello.TLS13}, lotSize)
		e.run(b.Context())
		b.ReportMetric(float64(server.questions), "hellos/op")
		b.ReportMetric(float64(server.rounds), "rounds/op")
	}
}
