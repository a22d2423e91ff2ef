package grpc

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// TestHostilePeers: whatever comes in place of gRPC, nothing is learned from it,
// in bounded time.
func TestHostilePeers(t *testing.T) {
	t.Parallel()
	const oldHTTP = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
	settings := "\x00\x00\x00\x04\x00\x00\x00\x00\x00" // an empty SETTINGS frame
	for name, tt := range map[string]struct {
		serve  func(net.Conn, int) // nil refuses connections
		reason checks.Reason
	}{
		"refuses":                   {nil, checks.ReasonRefused},
		"resets":                    {reset, checks.ReasonReset},
		"closes":                    {func(net.Conn, int) {}, checks.ReasonReset},
		"stalls":                    {testserver.Stall, checks.ReasonStalled},
		"endless zeroes":            {testserver.Endless, checks.ReasonGarbage},
		"HTTP/1.1":                  {testserver.Say(oldHTTP), checks.ReasonGarbage},
		"another protocol":          {testserver.Say("SSH-2.0-OpenSSH_9.6\r\n"), checks.ReasonGarbage},
		"a huge frame":              {testserver.Say("\xff\xff\xff\x00\x00\x00\x00\x00\x01"), checks.ReasonGarbage},
		"stalls after the settings": {testserver.Say(settings), checks.ReasonStalled},
		"goes away":                 {testserver.Say(settings + "\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), checks.ReasonReset},
		"wants calm":                {testserver.Say(settings + "\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0b"), checks.ReasonThrottled},
		"resets the stream": {func(c net.Conn, _ int) {
			buffer := make([]byte, 4096)
			_, _ = c.Read(buffer)
			_, _ = io.WriteString(c, settings)
			for { // at the latest when the settings are confirmed, the stream is open
				if _, err := c.Read(buffer); err != nil {
					return
				}
				_, _ = io.WriteString(c, "\x00\x00\x04\x03\x00\x00\x00\x00\x01\x00\x00\x00\x02")
			}
		}, checks.ReasonAmbiguous},
	} {
		for _, scheme := range []string{"grpc", "grpcs"} {
			t.Run(name+", "+scheme, func(t *testing.T) {
				t.Parallel()
				root := testserver.Root(t, "Root")
				s := serve(t, root, scheme, tt.serve)
				began := time.Now()
				facts, o, _ := look(t, s.Link(t, scheme, ""), visit{root: root, limits: checks.Limits{StepTimeout: 200 * time.Millisecond}})
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("took %s", took)
				}
				want := tt.reason
				if strings.Contains(o.Detail, "could not be established") || strings.Contains(o.Detail, "kept connection") ||
					strings.Contains(o.Detail, "before the call had begun") {
					// What ends a connection before the call on it has begun,
					// net/http does not say.
					want = checks.ReasonReset
				}
				if facts[""] != "("+string(want)+")" || len(facts) != 1 {
					t.Errorf("%v, want %s; %v", facts, tt.reason, o.Unknown)
				}
				if o.Connections > 4 {
					t.Errorf("%d connections", o.Connections)
				}
			})
		}
	}
}

// serve serves connections as they are, or within TLS that agrees on HTTP/2.
func serve(t *testing.T, root *testserver.Issued, scheme string, handle func(net.Conn, int)) *testserver.Server {
	t.Helper()
	if handle == nil {
		return testserver.Refused(t)
	}
	if scheme == "grpc" {
		return testserver.Raw(t, handle)
	}
	config := &tls.Config{NextProtos: []string{"h2"}, Certificates: []tls.Certificate{root.Leaf(t, nil).TLS()}}
	return testserver.TLS(t, config, func(c *tls.Conn) { handle(tcp{c}, 1) })
}

// reset resets the connection once the client has spoken.
func reset(c net.Conn, _ int) {
	_, _ = c.Read(make([]byte, 4096))
	_ = c.(interface{ SetLinger(int) error }).SetLinger(0)
}

// tcp is a TLS connection whose linger can be set.
type tcp struct{ *tls.Conn }

// SetLinger makes the close of the connection below a reset.
func (c tcp) SetLinger(seconds int) error { return c.NetConn().(*net.TCPConn).SetLinger(seconds) }

// TestClosedConnectionIsRepeated: a call whose connection was closed is made
// once more, with its whole message.
func TestClosedConnectionIsRepeated(t *testing.T) {
	t.Parallel()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var lengths []int64
	server := &http.Server{
		Protocols: new(http.Protocols), ReadHeaderTimeout: time.Second,
		Handler: unlike(func(w http.ResponseWriter, r *http.Request) {
			n, _ := io.Copy(io.Discard, r.Body)
			lengths = append(lengths, n) // calls come one after another
			reply(nil, served, "Grpc-Status: 0")(w, r)
		}),
	}
	server.Protocols.SetUnencryptedHTTP2(true)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(&firstReset{Listener: inner})
	}()
	t.Cleanup(func() { _ = server.Close(); <-done })
	s := &testserver.Server{Port: uint16(inner.Addr().(*net.TCPAddr).Port)}
	facts, o, planned := look(t, s.Link(t, "grpc", ""), visit{})
	expect(t, facts, map[string]string{"health_without_token": "accepted", "unknown_method_status": "12"})
	if o.Requests != 4 || o.Requests > planned.MostRequests || o.Connections != 2 || len(lengths) != 2 || lengths[0] != 5 {
		t.Errorf("%d requests, %d connections, messages of %v bytes", o.Requests, o.Connections, lengths)
	}
}

// firstReset resets its first connection.
type firstReset struct {
	net.Listener
	done bool
}

// Accept implements [net.Listener].
func (l *firstReset) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil || l.done {
		return c, err
	}
	l.done = true
	reset(c, 1)
	_ = c.Close()
	return l.Listener.Accept()
}

// TestTLSThatIsNoHTTP2: without ALPN there is no telling that HTTP/2 is spoken,
// and nothing is sent.
func TestTLSThatIsNoHTTP2(t *testing.T) {
	t.Parallel()
	root := testserver.Root(t, "Root")
	heard := make(chan int, 8)
	s := testserver.TLS(t, &tls.Config{Certificates: []tls.Certificate{root.Leaf(t, nil).TLS()}}, func(c *tls.Conn) {
		n, _ := io.Copy(io.Discard, c)
		heard <- int(n)
	})
	facts, o, _ := look(t, s.Link(t, "grpcs", ""), visit{root: root})
	if facts[""] != "(ambiguous)" {
		t.Errorf("%v, %v", facts, o.Unknown)
	}
	for range o.Connections {
		if n := <-heard; n != 0 {
			t.Errorf("%d bytes were sent", n)
		}
	}
}

// TestPlainServerBehindTLSScheme: an answer in the clear is no gRPC over TLS.
func TestPlainServerBehindTLSScheme(t *testing.T) {
	t.Parallel()
	s := testserver.Raw(t, testserver.Say("HTTP/1.1 400 Bad Request\r\n\r\n"))
	if facts, _, _ := look(t, s.Link(t, "grpcs", ""), visit{}); facts[""] != "(plaintext)" {
		t.Error(facts)
	}
}

// TestBodiesAreBounded: of an endless body no more is read than its cap, of one
// that drips no longer than a step.
func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"endless": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/grpc")
			for {
				if _, err := io.WriteString(w, strings.Repeat("a", 1<<14)); err != nil {
					return
				}
			}
		}, "(ambiguous)"},
		"dripping": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/grpc")
			every := time.NewTicker(20 * time.Millisecond)
			defer every.Stop()
			for {
				select {
				case <-r.Context().Done():
					return
				case <-every.C:
					_, _ = io.WriteString(w, "a")
					_ = http.NewResponseController(w).Flush()
				}
			}
		}, "(stalled)"},
		"a large header": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/grpc")
			w.Header().Set("Grpc-Message", strings.Repeat("a", 200<<10))
			w.Header().Set("Grpc-Status", "13")
		}, "(garbage)"}, // as net/http has it
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startHTTP(t, unlike(tt.handler))
			began := time.Now()
			facts, o, _ := look(t, s.Link(t, "grpcs", ""), visit{root: s.root, limits: checks.Limits{StepTimeout: 300 * time.Millisecond}})
			if took := time.Since(began); took > 5*time.Second || o.Bytes > 8<<20 {
				t.Errorf("took %s and %d bytes", took, o.Bytes)
			}
			if facts["health_without_token"] != tt.want && facts[""] != tt.want {
				t.Errorf("%v, want %s; %v", facts, tt.want, o.Unknown)
			}
		})
	}
}
