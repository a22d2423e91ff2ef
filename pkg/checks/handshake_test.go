package checks

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// shakeWith visits a peer and hands the outcome of the shared handshake over.
func shakeWith(t *testing.T, limits Limits, url string, check func(context.Context, *Visit, *Handshake, error)) Observation {
	t.Helper()
	r := Runner{Limits: limits}
	return visitOne(t, r, testLink(t, "l", url), func(ctx context.Context, v *Visit) (*testFacts, error) {
		v.UnknownReason("", ReasonNotTested, "")
		h, err := v.Handshake(ctx)
		if check != nil {
			check(ctx, v, h, err)
		}
		if err != nil {
			return nil, err
		}
		return &testFacts{}, nil
	})
}

func TestHandshakeOfAModernServer(t *testing.T) {
	t.Parallel()
	certificate := certify(t, nil)
	certificate.OCSPStaple = []byte("staple")
	certificate.SignedCertificateTimestamps = [][]byte{[]byte("sct")}
	p := tlsPeer(t, &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2"}})
	o := shakeWith(t, patient, p.url("https"), func(ctx context.Context, v *Visit, h *Handshake, err error) {
		if err != nil || h.Err != nil {
			t.Fatal(err, h)
		}
		if h.Version != tls.VersionTLS13 || h.Group != tls.X25519MLKEM768 || h.CipherSuite == 0 || h.ALPN != "h2" ||
			h.Address.String() != p.Addr().String() || h.Duration <= 0 || h.ClientCertRequested {
			t.Errorf("%+v", h)
		}
		if len(h.Chain) != 1 || !slices.Equal(h.Chain[0], certificate.Certificate[0]) ||
			string(h.OCSPStaple) != "staple" || len(h.SCTs) != 1 {
			t.Errorf("chain, staple or SCTs differ: %+v", h)
		}
		if again, err := v.Handshake(ctx); again != h || err != nil {
			t.Error("the second call has another answer")
		}
		c := h.TakeConn()
		if c == nil || h.TakeConn() != nil {
			t.Fatal("the connection is not had exactly once")
		}
		echo(t, c)
		if !h.TicketReceived() || h.RequestedLater() {
			t.Error("no ticket was seen, or a renegotiation")
		}
	})
	if o.Connections != 1 || p.accepted.Load() != 1 || o.Bytes < 1000 {
		t.Errorf("%d connections counted, %d accepted, %d bytes", o.Connections, p.accepted.Load(), o.Bytes)
	}
}

func echo(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := io.WriteString(c, "ping"); err != nil {
		t.Error(err)
	}
	answer := make([]byte, 4)
	if _, err := io.ReadFull(c, answer); err != nil || string(answer) != "ping" {
		t.Errorf("echo: %q, %v", answer, err)
	}
}

// A required client certificate ends TLS 1.2 within the handshake and TLS 1.3
// after it. What came before is kept.
func TestHandshakeWithClientCertificateRequired(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			t.Parallel()
			pool := poolOf(t, certify(t, nil))
			p := tlsPeer(t, &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MaxVersion: version})
			shakeWith(t, patient, p.url("https"), func(_ context.Context, v *Visit, h *Handshake, err error) {
				if err != nil {
					t.Fatal(err)
				}
				if !h.ClientCertRequested || len(h.AcceptableCAs) != 1 || len(h.Chain) != 1 || h.Version != version || h.CipherSuite == 0 {
					t.Errorf("%+v", h)
				}
				end, want := h.Err, tls.AlertError(40) // handshake failure
				if version == tls.VersionTLS13 {
					if end != nil {
						t.Fatal(end)
					}
					_, end = h.TakeConn().Read(make([]byte, 1))
					want = 116
				} else if _, ok := errors.AsType[tls.AlertError](end); !ok {
					t.Errorf("no tls.AlertError in %v", end)
				}
				if alert, ok := AlertOf(end); !ok || alert != want {
					t.Errorf("ended with %v, want alert %d", end, want)
				}
				if h.TicketReceived() || v.Verify(h) == nil {
					t.Error("a refused handshake counts as accepted")
				}
			})
		})
	}
}

// Servers that Go's defaults turn away must be seen: the go.mod of this
// program relaxes them.
func TestHandshakeWithWeakServers(t *testing.T) {
	t.Parallel()
	// A key of 768 bits (RFC 8017), which x/crypto refuses to make by default.
	weak, err := rsa.GenerateKey(rand.Reader, 768)
	if err != nil {
		t.Fatalf("rsa1024min=0 is not in force: %v", err)
	}
	tests := []struct {
		name   string
		config *tls.Config
		suite  uint16
	}{
		{"RSA with 768 bits, TLS 1.2", &tls.Config{Certificates: []tls.Certificate{certify(t, weak)}, MaxVersion: tls.VersionTLS12}, 0},
		{"RSA with 768 bits, TLS 1.3", &tls.Config{Certificates: []tls.Certificate{certify(t, weak)}}, 0},
		{"TLS 1.0", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, 0},
		{"RC4", &tls.Config{
			MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA},
		}, tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA},
		{"3DES without forward secrecy", &tls.Config{
			Certificates: []tls.Certificate{certify(t, weak)},
			MaxVersion:   tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA},
		}, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := tlsPeer(t, tt.config)
			shakeWith(t, patient, p.url("mqtts"), func(_ context.Context, _ *Visit, h *Handshake, err error) {
				if err != nil || h.Err != nil || len(h.Chain) != 1 {
					t.Fatalf("%v, %+v", err, h)
				}
				if tt.suite != 0 && h.CipherSuite != tt.suite {
					t.Errorf("suite %s, want %s", tls.CipherSuiteName(h.CipherSuite), tls.CipherSuiteName(tt.suite))
				}
			})
		})
	}
}

func TestHandshakeWithOneVersion(t *testing.T) {
	t.Parallel()
	p := tlsPeer(t, &tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12})
	o := shakeWith(t, patient, p.url("https"), func(ctx context.Context, v *Visit, _ *Handshake, _ error) {
		for version, accepted := range map[uint16]bool{
			tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: false,
		} {
			single, err := v.HandshakeWith(ctx, nil, version, version)
			switch {
			case accepted && (err != nil || single.Version != version || single.Err != nil || single.TakeConn() == nil):
				t.Errorf("%s: %+v, %v", tls.VersionName(version), single, err)
			case !accepted:
				if alert, ok := errors.AsType[tls.AlertError](err); !ok || alert != 70 {
					t.Errorf("%s: %v, want alert 70", tls.VersionName(version), err)
				}
			}
		}
	})
	if p.accepted.Load() != 5 || o.Connections != 5 {
		t.Errorf("%d connections accepted, %d counted, want 5", p.accepted.Load(), o.Connections)
	}
}

// Some servers answer with a version that was not offered.
func TestHandshakeWithVersionNotOffered(t *testing.T) {
	t.Parallel()
	// A ServerHello of TLS 1.0 (RFC 2246 section 7.4.1.3).
	hello := "\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x01" + string(make([]byte, 32)) + "\x00\x00\x2f\x00"
	p := serve(t, say(hello))
	shakeWith(t, quick, p.url("https"), func(ctx context.Context, v *Visit, _ *Handshake, _ error) {
		_, err := v.HandshakeWith(ctx, nil, tls.VersionTLS12, tls.VersionTLS12)
		if e, ok := errors.AsType[*VersionError](err); !ok || e.Version != tls.VersionTLS10 {
			t.Errorf("%v, want a VersionError with TLS 1.0", err)
		}
	})
}

// A single version that has no answer is tried again after a control.
func TestHandshakeWithInsists(t *testing.T) {
	t.Parallel()
	config := &tls.Config{Certificates: []tls.Certificate{certify(t, nil)}, MinVersion: tls.VersionTLS10}
	tests := []struct {
		name      string
		deaf      func(n int64, hello *tls.ClientHelloInfo) bool
		wantErr   bool
		reason    Reason
		connected int64
	}{
		{"a passing fault", func(n int64, _ *tls.ClientHelloInfo) bool { return n == 2 }, false, "", 3},
		{"always for this version", func(_ int64, h *tls.ClientHelloInfo) bool {
			return slices.Max(h.SupportedVersions) == tls.VersionTLS11
		}, true, ReasonReset, 6},
		{"a server that has gone", func(n int64, _ *tls.ClientHelloInfo) bool { return n >= 2 }, true, ReasonReset, 14},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var n atomic.Int64
			p := serve(t, func(c net.Conn) {
				mine := n.Add(1)
				choosy := config.Clone()
				choosy.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
					if tt.deaf(mine, h) {
						reset(c)
						_ = c.Close()
					}
					return nil, nil
				}
				s := tls.Server(c, choosy)
				if s.Handshake() == nil {
					_, _ = io.Copy(s, s)
				}
			})
			shakeWith(t, patient, p.url("https"), func(ctx context.Context, v *Visit, _ *Handshake, err error) {
				if err != nil {
					t.Fatal(err)
				}
				_, err = v.HandshakeWith(ctx, nil, tls.VersionTLS11, tls.VersionTLS11)
				if _, reason := Classify(err); (err != nil) != tt.wantErr || reason != tt.reason {
					t.Errorf("%v (%s), want an error: %v (%s)", err, reason, tt.wantErr, tt.reason)
				}
			})
			if p.accepted.Load() != tt.connected {
				t.Errorf("%d connections, want %d", p.accepted.Load(), tt.connected)
			}
		})
	}
}

// A server that drops hellos of TLS 1.3 is known by what it answers to less.
func TestHandshakeHelloIntolerance(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		deaf       func(n int64, modern bool) bool
		intolerant bool
		version    uint16
		connected  int64
	}{
		"intolerant":      {func(_ int64, modern bool) bool { return modern }, true, tls.VersionTLS12, 3},
		"a passing fault": {func(n int64, _ bool) bool { return n == 1 }, false, tls.VersionTLS13, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := &tls.Config{Certificates: []tls.Certificate{certify(t, nil)}}
			var n atomic.Int64
			p := serve(t, func(c net.Conn) {
				mine := n.Add(1)
				choosy := config.Clone()
				choosy.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
					if tt.deaf(mine, slices.Contains(h.SupportedVersions, tls.VersionTLS13)) {
						return nil, errors.Join(c.Close())
					}
					return nil, nil
				}
				s := tls.Server(c, choosy)
				if s.Handshake() == nil {
					_, _ = io.Copy(s, s)
				}
			})
			o := shakeWith(t, patient, p.url("https"), func(ctx context.Context, v *Visit, h *Handshake, err error) {
				if err != nil || h.HelloIntolerant != tt.intolerant || h.Version != tt.version {
					t.Fatalf("%+v, %v", h, err)
				}
				c := h.TakeConn()
				echo(t, c)
				_ = c.Close() // after so much trouble, the host has one place left
				again, err := v.HandshakeAgain(ctx)
				if err != nil || again.Version != tt.version {
					t.Fatalf("once more: %+v, %v", again, err)
				}
				echo(t, again.TakeConn())
			})
			if p.accepted.Load() != tt.connected+1 || (len(o.Evidence) == 1) != tt.intolerant {
				t.Errorf("%d connections, evidence %v", p.accepted.Load(), o.Evidence)
			}
		})
	}
}

// Every hostile server ends in the outcome and reason that is due, in time.
func TestHandshakeWithHostileServers(t *testing.T) {
	t.Parallel()
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = refused.Close()
	tests := []struct {
		name    string
		handle  func(net.Conn)
		limits  Limits
		outcome Outcome
		reason  Reason
	}{
		{"refuse", nil, patient, Unreachable, ReasonRefused},
		{"reset at once", reset, patient, Inconclusive, ReasonReset},
		{"reset after the hello", resetAfterHello, patient, Inconclusive, ReasonReset},
		{"close after the hello", closeAfterHello, patient, Inconclusive, ReasonReset},
		{"stall", stall, quick, Inconclusive, ReasonStalled},
		{"slow drip", drip, quick, Inconclusive, ReasonStalled},
		{"endless zeros", endless, patient, Inconclusive, ReasonGarbage},
		{"garbage", say("\x00\x01\x02\x03\x04\x05\x06"), patient, Inconclusive, ReasonGarbage},
		{"text that is no protocol", say("hello, who is there?\r\n"), patient, Inconclusive, ReasonGarbage},
		{"HTTP in the clear", say("HTTP/1.1 400 Bad Request\r\n\r\n"), patient, Inconclusive, ReasonPlaintext},
		{"mail in the clear", say("220 mail.example ESMTP\r\n"), patient, Inconclusive, ReasonPlaintext},
		{"Redis in the clear", say("-ERR unknown command\r\n"), patient, Inconclusive, ReasonPlaintext},
		{"AMQP in the clear", say("AMQP\x00\x00\x09\x01"), patient, Inconclusive, ReasonPlaintext},
		{"alert", say("\x15\x03\x03\x00\x02\x02\x28"), patient, Inconclusive, ReasonAmbiguous},
		{"a record too large", say("\x16\x03\x03\x00\x04\x02\xff\xff\xff" + string(make([]byte, 64))), patient, Inconclusive, ReasonGarbage},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			url := "https://" + refused.Addr().String()
			if tt.handle != nil {
				url = serve(t, tt.handle).url("https")
			}
			start := time.Now()
			o := shakeWith(t, tt.limits, url, nil)
			if o.Outcome != tt.outcome || o.Reason != tt.reason {
				t.Errorf("%s, %s (%s); want %s, %s", o.Outcome, o.Reason, o.Detail, tt.outcome, tt.reason)
			}
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("took %v", took)
			}
			if len(o.Unknown) != 1 || o.Unknown[0].Reason != tt.reason || o.Facts != nil {
				t.Errorf("%+v", o)
			}
		})
	}
}

// TestOurCertificateIsForVerifiedPeersOnly: others get an empty one, as if
// there were none.
func TestOurCertificateIsForVerifiedPeersOnly(t *testing.T) {
	t.Parallel()
	ours := certify(t, nil)
	server := certify(t, nil)
	leaf, err := x509.ParseCertificate(server.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, trusted := range []bool{true, false} {
			p := tlsPeer(t, &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequestClientCert, MaxVersion: version})
			r := Runner{Limits: patient, Roots: x509.NewCertPool()}
			if trusted {
				r.Roots = roots
			}
			visitOne(t, r, testLink(t, "l", p.url("mqtts")), func(ctx context.Context, v *Visit) (*testFacts, error) {
				h, err := v.HandshakeWith(ctx, &ours, tls.VersionTLS10, tls.VersionTLS13)
				if err != nil || !h.ClientCertRequested || h.CertificateSent != trusted {
					t.Errorf("%s, trusted %v: %+v, %v", tls.VersionName(version), trusted, h, err)
				}
				h, err = v.HandshakeWithThrowaway(ctx, &ours, tls.VersionTLS10, tls.VersionTLS13)
				if err != nil || !h.CertificateSent {
					t.Errorf("%s, a throw-away: %+v, %v", tls.VersionName(version), h, err)
				}
				return &testFacts{}, nil
			})
		}
	}
}
