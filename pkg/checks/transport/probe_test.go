package transport

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// observed runs the probe and gives its facts, which may be nil.
func observed(t *testing.T, s *testserver.Server, scheme string) (*Facts, checks.Observation) {
	t.Helper()
	o := testserver.Observe(t, s.Link(t, scheme, ""), nil, Probe())[0]
	f, _ := o.Facts.(*Facts)
	return f, o
}

// unexpected lists the unknown facts of an observation, but for those that are
// so by design: of the full profile, and of TLS 1.3 alone the heartbeat.
func unexpected(o checks.Observation) map[string]checks.Reason {
	reasons := testserver.Reasons(o)
	for _, fact := range []string{
		"suites", "groups", "server_preference", "key_types",
		"suites_in.ssl2", "suites_in.ssl3", "suites_in.tls10", "suites_in.tls11", "suites_in.tls12", "suites_in.tls13",
	} {
		delete(reasons, "tls."+fact)
	}
	if f, ok := o.Facts.(*Facts); ok && f.Accepts.TLS12 != nil && !*f.Accepts.TLS12 {
		delete(reasons, "tls.heartbeat")
	}
	return reasons
}

// acceptsOf is what a server of the versions given accepts.
func acceptsOf(versions ...hello.Version) Accepts {
	has := func(v hello.Version) *bool { return new(slices.Contains(versions, v)) }
	return Accepts{
		has(hello.SSL2), has(hello.SSL3), has(hello.TLS10), has(hello.TLS11), has(hello.TLS12), has(hello.TLS13),
	}
}

func TestVersionRanges(t *testing.T) {
	t.Parallel()
	certificate := testserver.SelfSigned(t, testserver.RSA(t, 2048)).TLS()
	for low := uint16(tls.VersionTLS10); low <= tls.VersionTLS13; low++ {
		for high := low; high <= tls.VersionTLS13; high++ {
			t.Run(tls.VersionName(low)+" to "+tls.VersionName(high), func(t *testing.T) {
				t.Parallel()
				s := testserver.TLS(t, &tls.Config{
					Certificates: []tls.Certificate{certificate}, MinVersion: low, MaxVersion: high,
				}, nil)
				f, o := observed(t, s, "mqtts")
				if f == nil || len(unexpected(o)) > 0 {
					t.Fatalf("observation %+v", o)
				}
				var versions []hello.Version
				var names []string
				for v := low; v <= high; v++ {
					versions, names = append(versions, hello.Version(v)), append(names, tls.VersionName(v))
				}
				if diff := cmp.Diff(f.Accepts, acceptsOf(versions...)); diff != "" {
					t.Errorf("accepts (-got +want):\n%s", diff)
				}
				if diff := cmp.Diff(f.Versions, names); diff != "" {
					t.Error(diff)
				}
				if *f.Version != tls.VersionName(high) || *f.Plaintext {
					t.Errorf("version %s, plaintext %v", *f.Version, *f.Plaintext)
				}
				if got := s.Connections(t); got != o.Connections || got > 12 {
					t.Errorf("%d connections, noted %d", got, o.Connections)
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
			if f == nil || f.PostQuantum == nil || f.Group == nil {
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
	alone := Accepts{SSL2: new(false)} // any alert says that no SSL 2.0 is spoken
	for _, test := range []struct {
		name        string
		handle      func(net.Conn, int)
		want        *Accepts
		plaintext   *bool
		outcome     checks.Outcome
		reason      checks.Reason // of the observation, or of accepts.tls12
		connections int
	}{
		{"refuses every version", testserver.Alert(70), new(acceptsOf()), new(false), checks.Observed, "", 7},
		{"handshake failure", testserver.Alert(40), &alone, new(false), checks.Observed, checks.ReasonAmbiguous, 7},
		{"internal error", testserver.Alert(80), &alone, new(false), checks.Observed, checks.ReasonAmbiguous, 7},
		{"plain text", testserver.Say("HTTP/1.1 400 Bad Request\r\n\r\n"), &Accepts{}, new(true), checks.Observed, checks.ReasonPlaintext, 1},
		{"stall", testserver.Stall, nil, nil, checks.Inconclusive, checks.ReasonStalled, 2},
		{"reset", testserver.Reset, nil, nil, checks.Inconclusive, checks.ReasonReset, 2},
		{"garbage", testserver.Say("\x00\x01\x02\x03\x04\x05\x06"), nil, nil, checks.Inconclusive, checks.ReasonGarbage, 1},
		{"endless", testserver.Endless, nil, nil, checks.Inconclusive, checks.ReasonGarbage, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := testserver.Raw(t, test.handle)
			f, o := observed(t, s, "mqtts")
			if (f != nil) != (test.want != nil) {
				t.Fatalf("observation %+v", o)
			}
			if f != nil {
				if diff := cmp.Diff(f.Accepts, *test.want); diff != "" {
					t.Errorf("accepts (-got +want):\n%s", diff)
				}
				if diff := cmp.Diff(f.Plaintext, test.plaintext); diff != "" {
					t.Errorf("plaintext (-got +want):\n%s", diff)
				}
				if f.Version != nil || f.Suite != nil || f.AEAD != nil {
					t.Errorf("facts of a handshake that was not made: %+v", f)
				}
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

// TestConnectionLimit: a limit must not pass for a refusal, of a version or of
// a suite, nor for intolerance. Where it passes, nothing stays unknown.
func TestConnectionLimit(t *testing.T) {
	t.Parallel()
	config := &tls.Config{Certificates: []tls.Certificate{testserver.SelfSigned(t, nil).TLS()}, MinVersion: tls.VersionTLS10}
	for _, test := range []struct {
		name     string
		from, to int // the connections that are reset
		budget   int // of connections, lest a limit that lasts for ever take a minute
		want     Accepts
		rc4, des *bool
	}{
		{"for a while", 3, 6, 60, acceptsOf(hello.TLS10, hello.TLS11, hello.TLS12, hello.TLS13), new(false), new(false)},
		{"for ever", 2, 99, 12, Accepts{TLS13: new(true)}, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := testserver.Raw(t, func(c net.Conn, number int) {
				if test.from <= number && number <= test.to {
					testserver.Reset(c, number)
					return
				}
				testserver.ServeTLS(c, config, nil)
			})
			results, err := runnerOf(checks.Limits{Connections: test.budget}, 1).Run(t.Context(), []*inventory.Link{s.Link(t, "mqtts", "")})
			if err != nil {
				t.Fatal(err)
			}
			o := results[0].Observations[0]
			f, ok := o.Facts.(*Facts)
			if !ok {
				t.Fatalf("observation %+v", o)
			}
			if diff := cmp.Diff(f.Accepts, test.want); diff != "" {
				t.Errorf("accepts (-got +want):\n%s", diff)
			}
			if diff := cmp.Diff([]*bool{f.Weak.RC4, f.Weak.DES}, []*bool{test.rc4, test.des}); diff != "" {
				t.Errorf("weak suites (-got +want):\n%s", diff)
			}
			if f.HelloIntolerance != nil && *f.HelloIntolerance {
				t.Error("taken for intolerance")
			}
			if reason := testserver.Reasons(o)["tls.accepts.tls11"]; test.want.TLS11 == nil && reason != checks.ReasonReset && reason != checks.ReasonBudget {
				t.Errorf("accepts.tls11 is unknown for %q", reason)
			}
		})
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
	if f == nil || len(unexpected(o)) > 0 {
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
		lowest  uint16
		failing []hello.Version
		times   int32 // that each fails
		want    Accepts
	}{
		{"both old versions", tls.VersionTLS10, []hello.Version{hello.TLS10, hello.TLS11}, 99, acceptsOf(hello.TLS12, hello.TLS13)},
		{"and SSL 3.0", tls.VersionTLS10, []hello.Version{hello.SSL3, hello.TLS10, hello.TLS11}, 99, acceptsOf(hello.TLS12, hello.TLS13)},
		{"one of them", tls.VersionTLS10, []hello.Version{hello.TLS11}, 99, Accepts{SSL2: no, SSL3: no, TLS10: yes, TLS12: yes, TLS13: yes}},
		{
			"one of them, once", tls.VersionTLS11, []hello.Version{hello.TLS11}, 1,
			acceptsOf(hello.TLS11, hello.TLS12, hello.TLS13),
		},
		{
			"a server in trouble", tls.VersionTLS10, []hello.Version{hello.SSL3, hello.TLS10, hello.TLS11, hello.TLS12}, 99,
			Accepts{SSL2: no, TLS13: yes},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			config := &tls.Config{Certificates: []tls.Certificate{testserver.SelfSigned(t, nil).TLS()}, MinVersion: test.lowest}
			var failed atomic.Int32
			s := testserver.Raw(t, func(c net.Conn, _ int) {
				peeked := &peekConn{Conn: c}
				if slices.Contains(test.failing, peeked.highest()) && failed.Add(1) <= test.times {
					_, _ = c.Write([]byte{21, 3, 1, 0, 2, 2, 80})
					_, _ = io.Copy(io.Discard, c)
					return
				}
				_ = tls.Server(peeked, config).Handshake()
				_ = c.(*net.TCPConn).CloseWrite()
				_, _ = io.Copy(io.Discard, c)
			})
			f, o := observed(t, s, "mqtts")
			if f == nil {
				t.Fatalf("observation %+v", o)
			}
			if diff := cmp.Diff(f.Accepts, test.want); diff != "" {
				t.Errorf("accepts (-got +want):\n%s", diff)
			}
			if got := s.Connections(t); got > 12 {
				t.Errorf("%d connections", got)
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
		_ = c.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, c)
	})
	f, o := observed(t, s, "mqtts")
	if f == nil || f.Accepts.TLS13 != nil || *f.Version != "TLS 1.2" || !*f.Accepts.TLS12 || *f.Accepts.TLS10 || !*f.HelloIntolerance {
		t.Fatalf("observation %+v, facts %+v", o, f)
	}
	if got := testserver.Reasons(o)["tls.accepts.tls13"]; got != checks.ReasonReset {
		t.Errorf("reason %q", got)
	}
}

// peekConn reads the first bytes of a client before crypto/tls does.
type peekConn struct {
	net.Conn
	ahead bytes.Buffer
}

// offersTLS13 goes by the extension supported_versions.
func (p *peekConn) offersTLS13() bool {
	h, err := hello.ReadClientHello(io.TeeReader(p.Conn, &p.ahead))
	return err == nil && slices.Contains(h.Versions, hello.TLS13)
}

// highest is the version that a hello for TLS 1.2 or less offers at most.
func (p *peekConn) highest() hello.Version {
	h, err := hello.ReadClientHello(io.TeeReader(p.Conn, &p.ahead))
	switch {
	case err != nil:
		return 0
	case len(h.Versions) > 0:
		return slices.Max(h.Versions)
	default:
		return h.Version
	}
}

func (p *peekConn) Read(b []byte) (int, error) {
	if p.ahead.Len() > 0 {
		return p.ahead.Read(b)
	}
	return p.Conn.Read(b)
}
