package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// observed runs the probe and gives its facts, which may be nil.
func observed(t *testing.T, s *testserver.Server, scheme string) (*Facts, checks.Observation) {
	t.Helper()
	o := testserver.Observe(t, s.Link(t, scheme, ""), nil, Probe())[0]
	f, _ := o.Facts.(*Facts)
	return f, o
}

func TestVersionRanges(t *testing.T) {
	t.Parallel()
	certificate := testserver.SelfSigned(t, testserver.RSA(t, 2048)).TLS()
	names := []string{"TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"}
	for low := uint16(tls.VersionTLS10); low <= tls.VersionTLS13; low++ {
		for high := low; high <= tls.VersionTLS13; high++ {
			t.Run(tls.VersionName(low)+" to "+tls.VersionName(high), func(t *testing.T) {
				t.Parallel()
				s := testserver.TLS(t, &tls.Config{
					Certificates: []tls.Certificate{certificate}, MinVersion: low, MaxVersion: high,
				}, nil)
				f, o := observed(t, s, "mqtts")
				if f == nil || len(o.Unknown) > 0 {
					t.Fatalf("observation %+v", o)
				}
				within := func(v uint16) *bool { return new(low <= v && v <= high) }
				want := Accepts{within(tls.VersionTLS10), within(tls.VersionTLS11), within(tls.VersionTLS12), within(tls.VersionTLS13)}
				if diff := cmp.Diff(f.Accepts, want); diff != "" {
					t.Errorf("accepts (-got +want):\n%s", diff)
				}
				if diff := cmp.Diff(f.Versions, names[low-tls.VersionTLS10:high-tls.VersionTLS10+1]); diff != "" {
					t.Error(diff)
				}
				if *f.Version != tls.VersionName(high) || *f.Plaintext {
					t.Errorf("version %s, plaintext %v", *f.Version, *f.Plaintext)
				}
				most := 4 // the shared handshake and the three other versions
				if high < tls.VersionTLS13 {
					most = 3 // which settled TLS 1.3 as well
				}
				if got := s.Connections(t); got != most || o.Connections != got {
					t.Errorf("%d connections, noted %d; want %d", got, o.Connections, most)
				}
			})
		}
	}
}

func TestChoice(t *testing.T) {
	t.Parallel()
	certificate := testserver.SelfSigned(t, testserver.RSA(t, 2048)).TLS()
	type choice struct {
		Suite, Group, ALPN                string
		ForwardSecrecy, AEAD, PostQuantum bool
	}
	for _, test := range []struct {
		name   string
		scheme string
		config *tls.Config
		want   choice
	}{
		{"post-quantum", "https", &tls.Config{NextProtos: []string{"h2"}}, choice{"TLS_AES_128_GCM_SHA256", "X25519MLKEM768", "h2", true, true, true}},
		{"classical", "mqtts", &tls.Config{CurvePreferences: []tls.CurveID{tls.X25519}}, choice{"TLS_AES_128_GCM_SHA256", "X25519", "", true, true, false}},
		{
			"TLS 1.2", "https",
			&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256}, CurvePreferences: []tls.CurveID{tls.CurveP256}, NextProtos: []string{"http/1.1"}},
			choice{"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "secp256r1", "http/1.1", true, true, false},
		},
		{
			"static RSA with CBC", "mqtts",
			&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}},
			choice{"TLS_RSA_WITH_AES_128_CBC_SHA", "", "", false, false, false},
		},
		{
			"RC4", "mqtts",
			&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA}, CurvePreferences: []tls.CurveID{tls.X25519}},
			choice{"TLS_ECDHE_RSA_WITH_RC4_128_SHA", "X25519", "", true, false, false},
		},
		{ // TLS 1.2 fails for want of a client certificate, after the choice.
			"client certificate required", "mqtts",
			&tls.Config{MaxVersion: tls.VersionTLS12, ClientAuth: tls.RequireAnyClientCert, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}, CurvePreferences: []tls.CurveID{tls.CurveP384}},
			choice{"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "secp384r1", "", true, true, false},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			config := test.config.Clone()
			config.Certificates = []tls.Certificate{certificate}
			f, o := observed(t, testserver.TLS(t, config, nil), test.scheme)
			if f == nil || len(o.Unknown) > 0 {
				t.Fatalf("observation %+v", o)
			}
			got := choice{*f.Suite, *f.Group, *f.ALPN, *f.ForwardSecrecy, *f.AEAD, *f.PostQuantum}
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("choice (-got +want):\n%s", diff)
			}
		})
	}
}

func TestWithoutHello(t *testing.T) {
	t.Parallel()
	no := new(false)
	for _, test := range []struct {
		name        string
		handle      func(net.Conn, int)
		want        *Facts
		outcome     checks.Outcome
		reason      checks.Reason // of the observation, or of accepts.tls12
		connections int
	}{
		{"refuses every version", testserver.Alert(70), &Facts{Plaintext: no, Accepts: Accepts{no, no, no, no}, Versions: []string{}}, checks.Observed, "", 5},
		{"handshake failure", testserver.Alert(40), &Facts{Plaintext: no}, checks.Observed, checks.ReasonAmbiguous, 5},
		{"internal error", testserver.Alert(80), &Facts{Plaintext: no}, checks.Observed, checks.ReasonAmbiguous, 5},
		{"plain text", testserver.Say("HTTP/1.1 400 Bad Request\r\n\r\n"), &Facts{Plaintext: new(true)}, checks.Observed, checks.ReasonPlaintext, 1},
		{"stall", testserver.Stall, nil, checks.Inconclusive, checks.ReasonStalled, 2},
		{"reset", testserver.Reset, nil, checks.Inconclusive, checks.ReasonReset, 2},
		{"garbage", testserver.Say("\x00\x01\x02\x03\x04\x05\x06"), nil, checks.Inconclusive, checks.ReasonGarbage, 1},
		{"endless", testserver.Endless, nil, checks.Inconclusive, checks.ReasonGarbage, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := testserver.Raw(t, test.handle)
			f, o := observed(t, s, "mqtts")
			if diff := cmp.Diff(f, test.want); diff != "" {
				t.Errorf("facts (-got +want):\n%s", diff)
			}
			reason := o.Reason
			if o.Outcome == checks.Observed {
				reason = testserver.Reasons(o)["tls.accepts.tls12"]
			}
			if o.Outcome != test.outcome || reason != test.reason {
				t.Errorf("%s, reason %q; want %s, %q", o.Outcome, reason, test.outcome, test.reason)
			}
			if got := s.Connections(t); got != test.connections {
				t.Errorf("%d connections, want %d", got, test.connections)
			}
		})
	}
	if _, o := observed(t, testserver.Refused(t), "mqtts"); o.Outcome != checks.Unreachable || o.Reason != checks.ReasonRefused {
		t.Errorf("refused: %s, %s", o.Outcome, o.Reason)
	}
}

// TestConnectionLimit: a limit must not pass for a refusal of old versions.
func TestConnectionLimit(t *testing.T) {
	t.Parallel()
	config := &tls.Config{Certificates: []tls.Certificate{testserver.SelfSigned(t, nil).TLS()}, MinVersion: tls.VersionTLS10}
	s := testserver.Raw(t, func(c net.Conn, number int) {
		if number > 2 {
			testserver.Reset(c, number)
			return
		}
		testserver.ServeTLS(c, config, nil)
	})
	f, o := observed(t, s, "mqtts")
	if f == nil {
		t.Fatalf("observation %+v", o)
	}
	if diff := cmp.Diff(f.Accepts, Accepts{TLS12: new(true), TLS13: new(true)}); diff != "" {
		t.Errorf("accepts (-got +want):\n%s", diff)
	}
	reasons := testserver.Reasons(o)
	if reasons["tls.accepts.tls10"] != checks.ReasonReset || reasons["tls.accepts.tls11"] != checks.ReasonReset || reasons["tls.versions"] != checks.ReasonNotTested {
		t.Errorf("reasons %v", reasons)
	}
	if got := s.Connections(t); got > 8 {
		t.Errorf("%d connections to a server that resets them", got)
	}
}

// TestOneAtATime: a server that serves one connection after the other, as
// openssl s_server does, must not seem to stall.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	config := &tls.Config{Certificates: []tls.Certificate{testserver.SelfSigned(t, nil).TLS()}}
	var serving sync.Mutex
	s := testserver.Raw(t, func(c net.Conn, _ int) {
		serving.Lock()
		defer serving.Unlock()
		testserver.ServeTLS(c, config, nil)
	})
	f, o := observed(t, s, "mqtts")
	if f == nil || len(o.Unknown) > 0 || o.DurationMS > 1000 {
		t.Errorf("observation %+v", o)
	}
}

// TestRefusalByFailing plays OpenSSL 3, which answers TLS 1.0 and 1.1 with
// internal_error, and servers that fail in other ways.
func TestRefusalByFailing(t *testing.T) {
	t.Parallel()
	no, yes := new(false), new(true)
	for _, test := range []struct {
		name    string
		failing map[uint16]bool
		want    Accepts
		trouble int // the connection from which on everything fails
		most    int
	}{
		{"both old versions", map[uint16]bool{tls.VersionTLS10: true, tls.VersionTLS11: true}, Accepts{no, no, yes, yes}, 99, 5},
		{"one of them", map[uint16]bool{tls.VersionTLS11: true}, Accepts{yes, nil, yes, yes}, 99, 4},
		{"a server in trouble", nil, Accepts{nil, nil, yes, yes}, 3, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			config := &tls.Config{Certificates: []tls.Certificate{testserver.SelfSigned(t, nil).TLS()}, MinVersion: tls.VersionTLS10}
			s := testserver.Raw(t, func(c net.Conn, number int) {
				peeked := &peekConn{Conn: c}
				if test.failing[peeked.highest()] || number >= test.trouble {
					_, _ = c.Write([]byte{21, 3, 1, 0, 2, 2, 80})
					_, _ = c.Read(make([]byte, 1))
					return
				}
				_ = tls.Server(peeked, config).Handshake()
			})
			f, o := observed(t, s, "mqtts")
			if f == nil {
				t.Fatalf("observation %+v", o)
			}
			if diff := cmp.Diff(f.Accepts, test.want); diff != "" {
				t.Errorf("accepts (-got +want):\n%s", diff)
			}
			if got := s.Connections(t); got != test.most {
				t.Errorf("%d connections, want %d", got, test.most)
			}
		})
	}
}

// TestIntolerance: no answer to TLS 1.3 is not a refusal of it.
func TestIntolerance(t *testing.T) {
	t.Parallel()
	config := &tls.Config{Certificates: []tls.Certificate{testserver.SelfSigned(t, nil).TLS()}, MaxVersion: tls.VersionTLS12}
	s := testserver.Raw(t, func(c net.Conn, _ int) {
		peeked := &peekConn{Conn: c}
		if peeked.offersTLS13() {
			_ = c.(*net.TCPConn).SetLinger(0)
			return
		}
		_ = tls.Server(peeked, config).Handshake()
	})
	f, o := observed(t, s, "mqtts")
	if f == nil || f.Accepts.TLS13 != nil || *f.Version != "TLS 1.2" || !*f.Accepts.TLS12 || *f.Accepts.TLS10 {
		t.Fatalf("observation %+v, facts %+v", o, f)
	}
	if got := testserver.Reasons(o)["tls.accepts.tls13"]; got != checks.ReasonAmbiguous {
		t.Errorf("reason %q", got)
	}
}

// peekConn reads the first bytes of a client before crypto/tls does.
type peekConn struct {
	net.Conn
	ahead []byte
}

// offersTLS13 goes by the length: a hello with post-quantum key shares.
func (p *peekConn) offersTLS13() bool {
	buffer := make([]byte, 4096)
	n, _ := p.Conn.Read(buffer)
	p.ahead = buffer[:n]
	return n > 600
}

// highest is the version that a hello for TLS 1.2 or less offers at most.
func (p *peekConn) highest() uint16 {
	p.offersTLS13()
	if len(p.ahead) < 11 {
		return 0
	}
	return uint16(p.ahead[9])<<8 | uint16(p.ahead[10])
}

func (p *peekConn) Read(b []byte) (int, error) {
	if len(p.ahead) > 0 {
		n := copy(b, p.ahead)
		p.ahead = p.ahead[n:]
		return n, nil
	}
	return p.Conn.Read(b)
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	lost := errors.New("lost")
	for _, test := range []struct {
		err      error
		accepted bool
		reason   checks.Reason // empty when the answer settles it
	}{
		{nil, true, ""},
		{tls.AlertError(70), false, ""},
		{&checks.VersionError{Version: tls.VersionTLS12}, false, ""},
		{tls.AlertError(40), false, checks.ReasonAmbiguous},
		{tls.AlertError(47), false, checks.ReasonAmbiguous},
		{tls.AlertError(71), false, checks.ReasonAmbiguous},
		{tls.AlertError(80), false, checks.ReasonAmbiguous},
		{tls.AlertError(112), false, checks.ReasonAmbiguous},
		{checks.Because(checks.ReasonReset, "%w", lost), false, checks.ReasonReset},
		{context.DeadlineExceeded, false, checks.ReasonStalled},
	} {
		accepted, err := answerOf(tls.VersionTLS10, test.err)
		_, reason := checks.Classify(err)
		if accepted != test.accepted || reason != test.reason {
			t.Errorf("%v: %v, %q; want %v, %q", test.err, accepted, reason, test.accepted, test.reason)
		}
	}
}

// TestSuites holds the derived properties against every suite of crypto/tls.
func TestSuites(t *testing.T) {
	t.Parallel()
	type properties struct{ forwardSecrecy, aead bool }
	want := map[string]properties{
		"TLS_AES_128_GCM_SHA256": {true, true}, "TLS_CHACHA20_POLY1305_SHA256": {true, true},
		"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": {true, true}, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256": {true, false},
		"TLS_RSA_WITH_AES_256_GCM_SHA384": {false, true}, "TLS_RSA_WITH_3DES_EDE_CBC_SHA": {false, false},
		"TLS_RSA_WITH_RC4_128_SHA": {false, false},
	}
	seen := 0
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		version := suite.SupportedVersions[0]
		name, forwardSecrecy, aead := suiteProperties(version, suite.ID)
		if name != suite.Name {
			t.Errorf("%#x is called %s", suite.ID, name)
		}
		if w, ok := want[name]; ok {
			seen++
			if w != (properties{forwardSecrecy, aead}) {
				t.Errorf("%s: forward secrecy %v, AEAD %v", name, forwardSecrecy, aead)
			}
		}
	}
	if seen != len(want) {
		t.Errorf("crypto/tls has %d of the %d suites", seen, len(want))
	}
	if name, postQuantum := groupProperties(0x0102); name != "0x0102" || postQuantum {
		t.Errorf("unknown group: %s %v", name, postQuantum)
	}
}
