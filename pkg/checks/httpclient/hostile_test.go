package httpclient

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// rawPeer is a server below HTTP.
type rawPeer struct {
	net.Listener
	accepted atomic.Int64
}

func serveRaw(t *testing.T, handle func(net.Conn)) *rawPeer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &rawPeer{Listener: l}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.accepted.Add(1)
			serving.Go(func() {
				defer func() { _ = c.Close() }()
				handle(c)
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); serving.Wait() })
	return p
}

func answer(text string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		_, _ = io.WriteString(c, text)
		_, _ = io.Copy(io.Discard, c)
	}
}

// A hostile server costs at most one retry, and a malformed answer none:
// nothing falls back to connections that are not the Visit's.
func TestHostileServers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		handle   func(net.Conn)
		reason   checks.Reason
		requests int
	}{
		{"reset", func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_ = c.(*net.TCPConn).SetLinger(0)
		}, checks.ReasonReset, 2},
		{"close", func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) }, checks.ReasonReset, 2},
		{"stall", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, checks.ReasonStalled, 2},
		{"garbage", answer("what do you mean?\r\n\r\n"), checks.ReasonGarbage, 1},
		{"HTTP/2 without being asked", answer("HTTP/2 200\r\n\r\n"), checks.ReasonGarbage, 1},
		{"bad header", answer("HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), checks.ReasonGarbage, 1},
		{"endless header", func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX: ")
			for b := []byte(strings.Repeat("x", 4096)); ; {
				if _, err := c.Write(b); err != nil {
					return
				}
			}
		}, checks.ReasonTooLarge, 1},
		{"slow drip", func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX: ")
			for {
				if _, err := c.Write([]byte("x")); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		}, checks.ReasonStalled, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := serveRaw(t, tt.handle)
			r := checks.Runner{Limits: checks.Limits{StepTimeout: 300 * time.Millisecond}}
			link := newLink(t, "http://"+p.Addr().String()+"/?token=hunter2hunter2")
			o := visit(t, r, link, func(ctx context.Context, _ *checks.Visit, c *Client) error {
				_, err := c.Get(ctx)
				if err != nil && strings.Contains(err.Error(), "hunter2") {
					t.Errorf("the error holds the URL's secret: %v", err)
				}
				return err
			})
			if o.Reason != tt.reason || o.Requests != tt.requests || p.accepted.Load() != int64(tt.requests) {
				t.Errorf("%s (%s), %d requests, %d connections; want %s, %d", o.Reason, o.Detail, o.Requests, p.accepted.Load(), tt.reason, tt.requests)
			}
		})
	}
}

// A body that ends early leaves what was read.
func TestBodyEndsEarly(t *testing.T) {
	t.Parallel()
	p := serveRaw(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")
	})
	visit(t, checks.Runner{}, newLink(t, "http://"+p.Addr().String()), func(ctx context.Context, _ *checks.Visit, c *Client) error {
		r, err := c.Get(ctx)
		if err != nil || string(r.Body) != "hello" {
			t.Fatalf("%+v, %v", r, err)
		}
		if _, reason := checks.Classify(r.BodyErr); reason != checks.ReasonReset {
			t.Errorf("BodyErr = %v", r.BodyErr)
		}
		return nil
	})
}

// TLS 1.3 tells of a missing client certificate only after the handshake.
func TestAlertAfterTheHandshake(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		config := &tls.Config{ClientAuth: tls.RequireAnyClientCert}
		var requests atomic.Int64
		s, c := secure(t, http2, config, func(http.ResponseWriter, *http.Request) { requests.Add(1) })
		visit(t, checks.Runner{}, newLink(t, s.URL), func(ctx context.Context, v *checks.Visit, client *Client) error {
			h, err := v.Handshake(ctx)
			if err != nil || h.Err != nil || !h.ClientCertRequested {
				t.Errorf("%+v, %v", h, err)
			}
			_, err = client.Get(ctx)
			if alert, ok := errors.AsType[tls.AlertError](err); !ok || alert != 116 {
				t.Errorf("HTTP/2 %v: %v, want alert 116", http2, err)
			}
			return nil
		})
		if requests.Load() != 0 || c.accepted.Load() != 1 {
			t.Errorf("%d requests, %d connections", requests.Load(), c.accepted.Load())
		}
	}
}
