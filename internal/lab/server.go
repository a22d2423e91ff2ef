package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server is one server of the lab, listening on a loopback port.
type Server struct {
	address     string
	connections func() int
	stop        func() error

	once sync.Once
	err  error // of the one call of stop
}

// Address is where the server listens: "127.0.0.1:PORT".
func (s *Server) Address() string { return s.address }

// Port is the port of Address.
func (s *Server) Port() string {
	_, port, _ := net.SplitHostPort(s.address) // an address that net made
	return port
}

// Connections counts the TCP connections accepted so far.
func (s *Server) Connections() int { return s.connections() }

// Close stops the server and drops its connections. It returns when every
// goroutine of the server is done with the network. Closing again does nothing.
func (s *Server) Close() error {
	s.once.Do(func() { s.err = s.stop() })
	return s.err
}

// listen opens a loopback port and keeps track of what it accepts.
func listen(ctx context.Context) (*listener, error) {
	var config net.ListenConfig
	inner, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a loopback port: %w", err)
	}
	return &listener{Listener: inner, open: make(map[*tracked]struct{})}, nil
}

// listener counts connections and can close all those still open: a server
// that is shut down must not leave a peer waiting.
type listener struct {
	net.Listener
	mu       sync.Mutex
	accepted int
	closed   bool
	open     map[*tracked]struct{}
	done     sync.WaitGroup // one for each open connection
}

// Accept implements [net.Listener].
func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	l.accepted++
	l.done.Add(1)
	t := &tracked{Conn: conn, from: l}
	l.open[t] = struct{}{}
	return t, nil
}

// Close closes the port and every open connection.
func (l *listener) Close() error {
	l.mu.Lock()
	l.closed = true
	open := make([]*tracked, 0, len(l.open))
	for conn := range l.open {
		open = append(open, conn)
	}
	l.mu.Unlock()
	err := l.Listener.Close()
	for _, conn := range open {
		_ = conn.Close()
	}
	if errors.Is(err, net.ErrClosed) {
		return nil // several owners close one listener
	}
	return err
}

func (l *listener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accepted
}

// tracked is one accepted connection.
type tracked struct {
	net.Conn
	from *listener
	once sync.Once
}

// Close implements [net.Conn].
func (t *tracked) Close() error {
	err := t.Conn.Close()
	t.once.Do(func() {
		t.from.mu.Lock()
		delete(t.from.open, t)
		t.from.mu.Unlock()
		t.from.done.Done()
	})
	return err
}

// HTTPS starts an HTTP server behind TLS. It offers HTTP/2 and HTTP/1.1; with
// suites named in config HTTP/1.1 alone.
func HTTPS(ctx context.Context, config *tls.Config, handler http.Handler) (*Server, error) {
	l, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	srv := &http.Server{Handler: handler, TLSConfig: config, Protocols: new(http.Protocols)}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetHTTP2(config.MinVersion >= tls.VersionTLS12) // net/http insists on HTTP/2's own suites (RFC 9113 section 9.2.2)
	return serveHTTP(l, srv, func(srv *http.Server) error {
		return srv.ServeTLS(l, "", "")
	}), nil
}

// HTTP starts an HTTP server without TLS.
func HTTP(ctx context.Context, handler http.Handler) (*Server, error) {
	l, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	return serveHTTP(l, &http.Server{Handler: handler}, func(srv *http.Server) error {
		return srv.Serve(l)
	}), nil
}

func serveHTTP(l *listener, srv *http.Server, serve func(*http.Server) error) *Server {
	srv.ReadHeaderTimeout = time.Minute
	srv.ErrorLog = log.New(io.Discard, "", 0) // failed handshakes are what the lab is for
	var (
		loop   sync.WaitGroup
		served error
	)
	loop.Go(func() {
		if err := serve(srv); !errors.Is(err, http.ErrServerClosed) {
			served = errors.Join(err, l.Close()) // refused connections are noticed, silence is not
		}
	})
	return &Server{
		address:     l.Addr().String(),
		connections: l.count,
		stop: func() error {
			err := errors.Join(srv.Close(), l.Close())
			loop.Wait()
			l.done.Wait()
			return errors.Join(err, served)
		},
	}
}

// serveConns starts a server that hands each connection to handle, and closes
// it when handle returns.
func serveConns(ctx context.Context, handle func(net.Conn)) (*Server, error) {
	l, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				handle(conn)
			})
		}
	})
	return &Server{
		address:     l.Addr().String(),
		connections: l.count,
		stop: func() error {
			err := l.Close()
			running.Wait()
			return err
		},
	}, nil
}
