package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Stall starts a server that accepts connections, reads what it is sent and
// never says a word.
func Stall(ctx context.Context) (*Server, error) {
	return serveConns(ctx, func(conn net.Conn) {
		_, _ = io.Copy(io.Discard, conn)
	})
}

// Reset starts a server that accepts connections, waits for the first byte
// and answers with a TCP reset.
func Reset(ctx context.Context) (*Server, error) {
	return serveConns(ctx, func(conn net.Conn) {
		var first [1]byte
		_, _ = conn.Read(first[:])
		reset(conn)
	})
}

// garbageSize is more than any protocol's first header and less than a
// socket buffer, so that one write never blocks.
const garbageSize = 512

// Garbage starts a server that answers the first bytes it is sent with the
// same 512 bytes of noise every time, which begin no protocol.
func Garbage(ctx context.Context) (*Server, error) {
	noise := make([]byte, garbageSize)
	_, _ = rand.NewChaCha8([32]byte{'l', 'a', 'b'}).Read(noise) // never fails
	noise[0] = 0xff                                             // neither a TLS record type nor a letter
	return serveConns(ctx, func(conn net.Conn) {
		var first [1]byte
		if _, err := conn.Read(first[:]); err != nil {
			return
		}
		if _, err := conn.Write(noise); err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, conn) // closing over unread bytes would reset instead
	})
}

// Endless starts a server that answers any request with an HTTP header that
// never ends. With a config it does so behind TLS.
func Endless(ctx context.Context, config *tls.Config) (*Server, error) {
	header := "X-Padding: " + strings.Repeat("a", 1024) + "\r\n"
	return serveConns(ctx, func(conn net.Conn) {
		if config != nil {
			conn = tls.Server(conn, config)
		}
		var first [1]byte
		if _, err := conn.Read(first[:]); err != nil {
			return
		}
		_, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
		for err == nil {
			_, err = io.WriteString(conn, header)
		}
	})
}

// Drip starts a server that announces a TLS record of 16 KB and sends it one
// byte every interval: each read succeeds, and none brings the end nearer.
func Drip(ctx context.Context, interval time.Duration) (*Server, error) {
	stopped := make(chan struct{})
	server, err := serveConns(ctx, func(conn net.Conn) {
		// A handshake record (type 22) of TLS 1.2 that holds a ServerHello
		// (type 2) of nearly the same length: RFC 8446 section 5.1.
		_, err := conn.Write([]byte{22, 3, 3, 0x40, 0, 2, 0, 0x3f, 0xfc, 3, 3})
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for err == nil {
			select {
			case <-stopped:
				return
			case <-tick.C:
				_, err = conn.Write([]byte{0})
			}
		}
	})
	if err != nil {
		return nil, err
	}
	stop := server.stop
	server.stop = func() error {
		close(stopped)
		return stop()
	}
	return server, nil
}

// Intolerant starts an HTTPS server behind a firewall that resets every
// connection whose ClientHello does not offer TLS 1.3. What the server itself
// would say to an older client cannot be known from outside.
func Intolerant(ctx context.Context, config *tls.Config, handler http.Handler) (*Server, error) {
	config = config.Clone()
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if slices.Contains(hello.SupportedVersions, tls.VersionTLS13) {
			return nil, nil //nolint:nilnil // crypto/tls: nil means "use the config there is"
		}
		reset(hello.Conn)
		return nil, net.ErrClosed
	}
	return HTTPS(ctx, config, handler)
}

// reset closes a connection of the lab with a TCP reset.
func reset(conn net.Conn) {
	if t, ok := conn.(*tracked); ok {
		if tcp, ok := t.Conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // unsent bytes are dropped, and the peer is told so
		}
	}
	_ = conn.Close()
}

// Refuse reserves a port on which nobody listens: connecting to it is
// refused until the Server is closed. The port is the local end of a
// connection inside this process, so nobody else can take it meanwhile.
func Refuse(ctx context.Context) (*Server, error) {
	l, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	held, err := dialer.DialContext(ctx, "tcp", l.Addr().String())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reserve a port: %w", err), l.Close())
	}
	other, err := l.Accept()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reserve a port: %w", err), held.Close(), l.Close())
	}
	return &Server{
		address:     held.LocalAddr().String(),
		connections: func() int { return 0 },
		stop:        func() error { return errors.Join(held.Close(), other.Close(), l.Close()) },
	}, nil
}
