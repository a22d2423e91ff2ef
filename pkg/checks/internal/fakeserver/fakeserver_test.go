package fakeserver_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks/hello"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/fakeserver"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

const (
	aesGCM      = hello.Suite(0xc02f) // TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
	aesCBC      = hello.Suite(0x002f) // TLS_RSA_WITH_AES_128_CBC_SHA
	rc4         = hello.Suite(0x0005) // TLS_RSA_WITH_RC4_128_SHA
	exportDHE   = hello.Suite(0x0014) // TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA
	ecdsa       = hello.Suite(0xc02b) // TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
	aes13       = hello.Suite(0x1301) // TLS_AES_128_GCM_SHA256
	rc4Kind     = hello.Suite(0x010080)
	exportKind  = hello.Suite(0x020080)
	fallback    = true
	longestList = 3
)

func config() fakeserver.Config {
	return fakeserver.Config{
		Versions:   []hello.Version{hello.SSL2, hello.SSL3, hello.TLS10, hello.TLS12, hello.TLS13},
		Suites:     []hello.Suite{aes13, aesGCM, aesCBC, rc4, exportDHE, rc4Kind, exportKind},
		Groups:     []hello.Group{hello.X25519MLKEM768, hello.SecP256r1, hello.X25519},
		Chain:      [][]byte{[]byte("certificate")},
		Extensions: []uint16{hello.ExtRenegotiationInfo, hello.ExtEncryptThenMAC},
		Deflate:    true, Fallback: true,
	}
}

// TestNegotiates holds the server to what the RFCs say of the choice.
func TestNegotiates(t *testing.T) {
	t.Parallel()
	groups := []hello.Group{hello.X25519, hello.SecP256r1}
	offer := func(v hello.Version, suites ...hello.Suite) hello.Offer {
		return hello.Offer{Versions: []hello.Version{v}, Suites: suites, Groups: groups}
	}
	for _, test := range []struct {
		name   string
		change func(*fakeserver.Config)
		offer  hello.Offer
		want   string
	}{
		{"the highest version", nil, offer(hello.TLS12, rc4, aesGCM), "TLS 1.2 c02f secp256r1"},
		{"the client's order", func(c *fakeserver.Config) { c.ClientPreference = true }, offer(hello.TLS12, rc4, aesGCM), "TLS 1.2 0005"},
		{"a version lower than asked for", nil, offer(hello.TLS11, rc4, aesGCM), "TLS 1.0 0005"},
		{"TLS 1.3 with a retry", nil, offer(hello.TLS13, aes13), "TLS 1.3 1301 secp256r1 retry"},
		{"no common suite", nil, offer(hello.TLS12, ecdsa|1), "handshake_failure"},
		{"no common group", nil, hello.Offer{Versions: []hello.Version{hello.TLS12}, Suites: []hello.Suite{aesGCM}, Groups: []hello.Group{hello.X448}}, "handshake_failure"},
		{"no common version", func(c *fakeserver.Config) { c.Versions = []hello.Version{hello.TLS13} }, offer(hello.TLS12, aesGCM), "protocol_version"},
		{"its own alert", func(c *fakeserver.Config) { c.RefuseSuites = 71 }, offer(hello.TLS12, ecdsa), "insufficient_security"},
		{"no certificate for it", func(c *fakeserver.Config) { c.Chains = map[string][][]byte{"ECDSA": {{1}}} }, offer(hello.TLS12, aesGCM), "handshake_failure"},
		{"encrypt-then-MAC and compression", nil, hello.Offer{Versions: []hello.Version{hello.TLS12}, Suites: []hello.Suite{aesCBC}, Deflate: true}, "TLS 1.2 002f [65281 22] deflate"},
		{"fallback", nil, hello.Offer{Versions: []hello.Version{hello.TLS12}, Suites: []hello.Suite{aesCBC}, Fallback: fallback}, "inappropriate_fallback"},
		{"the smallest prime", func(c *fakeserver.Config) { c.ExportPrime = bytes.Repeat([]byte{0xff}, 64) }, offer(hello.SSL3, exportDHE), "SSL 3.0 0014 prime 512"},
		{"suites of one version", func(c *fakeserver.Config) {
			c.SuitesOf = map[hello.Version][]hello.Suite{hello.SSL3: {rc4}}
		}, offer(hello.SSL3, aesCBC, rc4), "SSL 3.0 0005"},
		{"SSL 2.0", nil, hello.Offer{Versions: []hello.Version{hello.SSL2}, Suites: []hello.Suite{exportKind, rc4Kind}}, "SSL 2.0 10080 kinds 2"},
		{"a mood", func(c *fakeserver.Config) { c.Alerts = map[hello.Version]uint8{hello.TLS12: 80} }, offer(hello.TLS12, aesGCM), "internal_error"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := config()
			if test.change != nil {
				test.change(&c)
			}
			s := fakeserver.Start(t, c)
			answer, err := ask(t, s, test.offer)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(describe(answer, test.offer), test.want); diff != "" {
				t.Error(diff)
			}
			if got := len(s.Hellos()); got != 1 {
				t.Errorf("%d hellos were kept", got)
			}
		})
	}
}

// describe names what the tests look at.
func describe(a *hello.Answer, o hello.Offer) string {
	if a.Alert != nil {
		return a.Alert.String()
	}
	text := fmt.Sprintf("%s %04x", a.Version, uint32(a.Suite))
	if a.Group != 0 {
		text += " " + a.Group.String()
	}
	if a.Retry {
		text += " retry"
	}
	if o.Deflate {
		var types []uint16
		for _, e := range a.Extensions {
			types = append(types, e.Type)
		}
		text += fmt.Sprint(" ", types)
	}
	if a.Compression == 1 {
		text += " deflate"
	}
	if a.DHPrime != nil {
		text += fmt.Sprint(" prime ", 8*len(a.DHPrime))
	}
	if a.Kinds != nil {
		text += fmt.Sprint(" kinds ", len(a.Kinds))
	}
	return text
}

func ask(t *testing.T, s *fakeserver.Server, offer hello.Offer) (*hello.Answer, error) {
	t.Helper()
	records, err := offer.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(records); err != nil {
		t.Fatal(err)
	}
	return hello.Read(c, offer)
}

// TestDrops: a hello may get no answer for its length or its content.
func TestDrops(t *testing.T) {
	t.Parallel()
	c := config()
	sizes := make(chan int, 2)
	c.Drop = func(h *hello.ClientHello, size int) bool {
		sizes <- size
		return len(h.Suites) > longestList
	}
	s := fakeserver.Start(t, c)
	long := hello.Offer{Versions: []hello.Version{hello.SSL3}, Suites: []hello.Suite{rc4, rc4, rc4, rc4}}
	if a, err := ask(t, s, long); err == nil || a != nil {
		t.Errorf("answered with %+v, %v", a, err)
	}
	records, _ := long.Marshal()
	if got := <-sizes; got != len(records)-5 {
		t.Errorf("the size was given as %d, want %d", got, len(records)-5)
	}
	long.Suites = long.Suites[:1]
	if a, err := ask(t, s, long); err != nil || a.Version != hello.SSL3 {
		t.Errorf("answered with %+v, %v", a, err)
	}
	if got := s.Connections(t); got != 2 {
		t.Errorf("%d connections were counted", got)
	}
}

// TestModern: crypto/tls gets a whole handshake, others what was configured.
func TestModern(t *testing.T) {
	t.Parallel()
	c := config()
	c.Modern = &tls.Config{Certificates: []tls.Certificate{testserver.SelfSigned(t, nil).TLS()}}
	s := fakeserver.Start(t, c)
	conn, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := conn.ConnectionState().Version; got != tls.VersionTLS13 {
		t.Errorf("version %s", tls.VersionName(got))
	}
	_ = conn.CloseWrite()
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Errorf("the server did not end: %v", err)
	}
	answer, err := ask(t, s, hello.Offer{Versions: []hello.Version{hello.SSL3}, Suites: []hello.Suite{rc4}})
	if err != nil || answer.Suite != rc4 {
		t.Errorf("answer %+v, %v", answer, err)
	}
}
