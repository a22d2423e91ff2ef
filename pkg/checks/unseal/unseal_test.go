package unseal_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/checks/unseal"
)

//go:embed testdata/rfc8448.txt
var traceText string

// capture is what a server sent in one connection, and the secrets of it.
type capture struct {
	bytes []byte
	log   *unseal.KeyLog
	state tls.ConnectionState
	err   error // of the handshake
}

// tee keeps what is read through it.
type tee struct {
	net.Conn
	read bytes.Buffer
}

func (t *tee) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	t.read.Write(b[:n])
	return n, err
}

// shake connects to a server, shakes hands in TLS 1.3, asks for a page and
// reads until the server ends.
func shake(tb testing.TB, addr string, config *tls.Config) capture {
	tb.Helper()
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	log := &unseal.KeyLog{}
	config = config.Clone()
	config.MinVersion, config.InsecureSkipVerify, config.KeyLogWriter = tls.VersionTLS13, true, log
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1) // without one no ticket is asked for
	c := &tee{Conn: raw}
	client := tls.Client(c, config)
	defer client.Close()
	err = client.Handshake()
	if err == nil {
		_, _ = io.WriteString(client, "GET / HTTP/1.0\r\n\r\n")
		_, _ = io.Copy(io.Discard, client)
	}
	return capture{c.read.Bytes(), log, client.ConnectionState(), err}
}

// serve answers each connection with a greeting, and closes it when the client
// has spoken.
func serve(tb testing.TB, config *tls.Config) (addr string) {
	tb.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		tb.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "hello")
			_, _ = c.Read(make([]byte, 1024))
			// Closed with something unread, TCP would reset and lose the rest.
			_ = c.(*tls.Conn).CloseWrite()
			_, _ = io.Copy(io.Discard, c)
			_ = c.Close()
		}
	}()
	tb.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String()
}

// open reads a capture, which must be in order.
func open(tb testing.TB, c capture) *unseal.Flight {
	tb.Helper()
	flight, err := unseal.Open(c.bytes, c.log.Secrets())
	if err != nil {
		tb.Fatalf("Open: %v", err)
	}
	return flight
}

// What crypto/tls saw and what the bytes show must agree.
func TestGoServers(t *testing.T) {
	t.Parallel()
	const week = 7 * 24 * 60 * 60
	leaf := testserver.SelfSigned(t, testserver.RSA(t, 2048)).TLS()
	leaf.OCSPStaple = []byte("a staple")
	leaf.SignedCertificateTimestamps = [][]byte{[]byte("first"), []byte("second")}
	leaf.Certificate = append(leaf.Certificate, leaf.Certificate[0])
	cas := testserver.Pool(testserver.Root(t, "Some CA"), testserver.Root(t, "Another CA"))

	for _, test := range []struct {
		name   string
		server *tls.Config
		want   unseal.Flight
	}{
		{"plain", &tls.Config{}, unseal.Flight{Tickets: []unseal.Ticket{{Lifetime: week}}}},
		{"without tickets", &tls.Config{SessionTicketsDisabled: true}, unseal.Flight{}},
		{
			"HelloRetryRequest", &tls.Config{CurvePreferences: []tls.CurveID{tls.CurveP521}},
			unseal.Flight{Tickets: []unseal.Ticket{{Lifetime: week}}},
		},
		{
			"client certificate", &tls.Config{ClientAuth: tls.RequestClientCert, ClientCAs: cas},
			unseal.Flight{
				CertificateRequest: true, CAs: cas.Subjects(), //nolint:staticcheck // a pool made here
				Tickets: []unseal.Ticket{{Lifetime: week}},
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.server.Certificates = []tls.Certificate{leaf}
			c := shake(t, serve(t, test.server), &tls.Config{})
			if c.err != nil || c.state.HelloRetryRequest != (test.server.CurvePreferences != nil) {
				t.Fatalf("handshake: %v, HelloRetryRequest %v", c.err, c.state.HelloRetryRequest)
			}
			got := open(t, c)
			if got.CertificateRequest != slices.Contains(got.SignatureSchemes, uint16(tls.PSSWithSHA256)) {
				t.Errorf("signature schemes %v", got.SignatureSchemes)
			}
			want := test.want
			want.Chain, want.OCSPStaple, want.SCTs = leaf.Certificate, leaf.OCSPStaple, leaf.SignedCertificateTimestamps
			want.Finished, want.Alert, want.SignatureSchemes = true, new(uint8(0)), got.SignatureSchemes
			if diff := cmp.Diff(*got, want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
			tickets, err := unseal.Tickets(c.bytes, c.log.Secrets())
			if diff := cmp.Diff(tickets, want.Tickets); diff != "" || err != nil {
				t.Errorf("Tickets: error %v (-got +want):\n%s", err, diff)
			}
		})
	}
}

// A server that insists on a client certificate says so only under its keys.
func TestAlert(t *testing.T) {
	t.Parallel()
	c := shake(t, serve(t, &tls.Config{
		Certificates: []tls.Certificate{testserver.SelfSigned(t, testserver.RSA(t, 2048)).TLS()},
		ClientAuth:   tls.RequireAnyClientCert,
	}), &tls.Config{})
	got := open(t, c)
	const certificateRequired = 116
	if got.Alert == nil || *got.Alert != certificateRequired || !got.CertificateRequest || got.Tickets != nil {
		t.Errorf("got %+v, want alert %d", got, certificateRequired)
	}
}

// What crypto/tls cannot parse, and refuses before it has all keys.
func TestRefusedChain(t *testing.T) {
	t.Parallel()
	leaf := testserver.SelfSigned(t, testserver.RSA(t, 2048)).TLS()
	leaf.Certificate = append(leaf.Certificate, []byte("not DER"))
	c := shake(t, serve(t, &tls.Config{Certificates: []tls.Certificate{leaf}}), &tls.Config{})
	if c.err == nil {
		t.Fatal("crypto/tls accepts the chain")
	}
	got, err := unseal.Open(c.bytes, c.log.Secrets())
	if diff := cmp.Diff(got.Chain, leaf.Certificate); diff != "" {
		t.Errorf("error %v; chain (-got +want):\n%s", err, diff)
	}
}

// RFC 8448 section 3.
func TestTrace(t *testing.T) {
	t.Parallel()
	c := trace(t)
	got := open(t, c)
	if len(got.Chain) != 1 || len(got.Chain[0]) != 432 {
		t.Fatalf("chain %x", got.Chain)
	}
	leaf, err := x509.ParseCertificate(got.Chain[0])
	if err != nil || leaf.Subject.CommonName != "rsa" {
		t.Errorf("leaf %v, error %v", leaf.Subject, err)
	}
	want := unseal.Flight{
		Chain: got.Chain, Finished: true, Alert: new(uint8(0)),
		Tickets: []unseal.Ticket{{Lifetime: 30, EarlyData: true, MaxEarlyData: 1024}},
	}
	if diff := cmp.Diff(*got, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	tickets, err := unseal.Tickets(c.bytes, c.log.Secrets())
	if diff := cmp.Diff(tickets, want.Tickets); diff != "" || err != nil {
		t.Errorf("Tickets: error %v (-got +want):\n%s", err, diff)
	}
}

// Bytes that end anywhere give what they hold and never more, and no error
// only where a server may end.
func TestCutShort(t *testing.T) {
	t.Parallel()
	c := trace(t)
	whole := open(t, c)
	clean := map[int]bool{774: true, 1001: true, 1073: true} // behind Finished, ticket, data
	for n := range len(c.bytes) {
		got, err := unseal.Open(c.bytes[:n], c.log.Secrets())
		if clean[n] != (err == nil) || err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes: %v", n, err)
		}
		want := unseal.Flight{}
		if n >= 774 {
			want.Chain, want.Finished = whole.Chain, true
		}
		if n >= 1001 {
			want.Tickets = whole.Tickets
		}
		if diff := cmp.Diff(*got, want); diff != "" {
			t.Errorf("%d bytes (-got +want):\n%s", n, diff)
		}
	}
}

// A wrong or missing secret opens nothing, and what it does not seal is there.
func TestSecrets(t *testing.T) {
	t.Parallel()
	c := trace(t)
	right := keyLines(t)
	wrong := func(label string) string {
		return label + " 00 " + strings.Repeat("5a", 32) + "\n"
	}
	for _, test := range []struct {
		name, log string
		finished  bool
		tickets   bool
	}{
		{"none", "", false, false},
		{"no handshake secret", right[1], false, true},
		{"no application secret", right[0], true, false},
		{"wrong handshake secret", wrong("SERVER_HANDSHAKE_TRAFFIC_SECRET") + right[1], false, true},
		{"wrong application secret", right[0] + wrong("SERVER_TRAFFIC_SECRET_0"), true, false},
		{"swapped", strings.Replace(right[1], "SERVER_TRAFFIC_SECRET_0", "SERVER_HANDSHAKE_TRAFFIC_SECRET", 1), false, false},
		{"of another hash", "SERVER_HANDSHAKE_TRAFFIC_SECRET 00 " + strings.Repeat("5a", 48), false, false},
		{"not hexadecimal", strings.ReplaceAll(right[0], "b67b", "zzzz"), false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			log := &unseal.KeyLog{}
			if _, err := io.WriteString(log, test.log); err != nil {
				t.Fatal(err)
			}
			got, err := unseal.Open(c.bytes, log.Secrets())
			if !errors.Is(err, unseal.ErrSecret) {
				t.Errorf("error %v, want ErrSecret", err)
			}
			if got.Finished != test.finished || (got.Chain != nil) != test.finished || got.Tickets != nil {
				t.Errorf("got %+v", got)
			}
			tickets, err := unseal.Tickets(c.bytes, log.Secrets())
			if (tickets != nil) != test.tickets || err != nil {
				t.Errorf("tickets %v, error %v", tickets, err)
			}
		})
	}
}

// No verb of fmt tells a secret, wherever it stands.
func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	c := trace(t)
	type holder struct {
		Log     *unseal.KeyLog
		secrets unseal.Secrets
	}
	held := holder{c.log, c.log.Secrets()}
	for _, value := range []any{c.log, held.secrets, &held.secrets, held, &held} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			printed := strings.ToLower(fmt.Sprintf(verb, value))
			for _, secret := range []string{"b67b7d69", "a11af9f0", "182 123 125", "161 26 249", "0xb6, 0x7b"} {
				if strings.Contains(printed, secret) {
					t.Errorf("%s of a %T prints a secret: %s", verb, value, printed)
				}
			}
		}
	}
	if got := fmt.Sprint(c.log, held.secrets); got != "[secrets] [secrets]" {
		t.Errorf("printed %q", got)
	}
}

// trace is the capture in testdata.
func trace(tb testing.TB) capture {
	tb.Helper()
	log := &unseal.KeyLog{}
	for _, line := range keyLines(tb) {
		_, _ = io.WriteString(log, line)
	}
	var digits strings.Builder
	for line := range strings.Lines(traceText) {
		if !strings.HasPrefix(line, "#") && !strings.Contains(line, " ") {
			digits.WriteString(strings.TrimSpace(line))
		}
	}
	records, err := hex.DecodeString(digits.String())
	if err != nil {
		tb.Fatal(err)
	}
	return capture{bytes: records, log: log}
}

func keyLines(tb testing.TB) (lines []string) {
	tb.Helper()
	for line := range strings.Lines(traceText) {
		if strings.HasPrefix(line, "SERVER_") {
			lines = append(lines, line)
		}
	}
	if len(lines) != 2 {
		tb.Fatalf("%d secrets in the trace, want 2", len(lines))
	}
	return lines
}

// FuzzOpen feeds the reader of records. Whatever the bytes and the secrets, it
// ends, and changes nothing of what it was given.
func FuzzOpen(f *testing.F) {
	c := trace(f)
	lines := strings.Join(keyLines(f), "")
	f.Add(c.bytes, lines)
	f.Add(c.bytes[:774], lines)
	f.Add([]byte("\x15\x03\x03\x00\x02\x02\x28"), "")
	f.Fuzz(func(t *testing.T, sent []byte, keyLog string) {
		log := &unseal.KeyLog{}
		if n, err := io.WriteString(log, keyLog); n != len(keyLog) || err != nil {
			t.Fatalf("KeyLog wrote %d bytes: %v", n, err)
		}
		before := bytes.Clone(sent)
		flight, err := unseal.Open(sent, log.Secrets())
		tickets, _ := unseal.Tickets(sent, log.Secrets())
		if !bytes.Equal(sent, before) {
			t.Error("the bytes were changed")
		}
		if flight == nil || err == nil && !flight.Finished && flight.Alert == nil {
			t.Errorf("Flight %+v without an error", flight)
		}
		if err == nil && flight.Finished && !slices.Equal(tickets, flight.Tickets) {
			t.Errorf("tickets %v, of Open %v", tickets, flight.Tickets)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	c := shakeBenchmark(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := unseal.Open(c.bytes, c.log.Secrets()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTickets(b *testing.B) {
	c := shakeBenchmark(b)
	b.ReportAllocs()
	for b.Loop() {
		if tickets, err := unseal.Tickets(c.bytes, c.log.Secrets()); err != nil || len(tickets) == 0 {
			b.Fatal(tickets, err)
		}
	}
}

// shakeBenchmark captures a connection with a chain of two RSA certificates.
func shakeBenchmark(b *testing.B) capture {
	b.Helper()
	root := testserver.Root(b, "Root")
	leaf := root.Leaf(b, testserver.RSA(b, 2048))
	return shake(b, serve(b, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}}), &tls.Config{})
}
