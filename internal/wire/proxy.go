package wire

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Options are what a proxy does to a connection. The zero value only counts.
type Options struct {
	Delay time.Duration // of a round trip
	Limit
}

// Stats are what passed a proxy.
type Stats struct {
	Connections int64 // that clients made, refused ones included
	Refused     int64 // above the limit
	Open        int64 // now, refused ones not included
	Most        int64 // open at once at any time
	Sent        int64 // bytes that clients sent and that arrived
	Received    int64 // bytes that servers sent and that arrived
}

// Proxy stands between clients and one server, all on this machine.
type Proxy struct {
	upstream string
	delay    time.Duration
	listener *Limited
	cancel   context.CancelFunc
	serving  sync.WaitGroup

	sent, received atomic.Int64

	mu     sync.Mutex
	closed bool
	ends   map[net.Conn]struct{} // open, of both sides
	open   int64
	most   int64
	idle   chan struct{} // closed while nothing is open
}

// New starts a proxy to upstream, "127.0.0.1:port", on a port of its own on
// 127.0.0.1. It ends with ctx or with Close.
func New(ctx context.Context, upstream string, o Options) (*Proxy, error) {
	if err := loopback(upstream); err != nil {
		return nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &Proxy{
		upstream: upstream, delay: o.Delay, listener: NewLimited(l, o.Limit), cancel: cancel,
		ends: make(map[net.Conn]struct{}), idle: make(chan struct{}),
	}
	close(p.idle)
	context.AfterFunc(ctx, p.end)
	p.serving.Go(func() { p.accept(ctx) })
	return p, nil
}

// loopback refuses an upstream that is not on this machine.
func loopback(address string) error {
	to, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return fmt.Errorf("upstream: %w", err)
	}
	if !to.IP.IsLoopback() {
		return fmt.Errorf("upstream %s is not on this machine", address)
	}
	return nil
}

// Addr is where clients connect, "127.0.0.1:port".
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Stats returns what has passed so far.
func (p *Proxy) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Stats{Open: p.open, Most: p.most, Sent: p.sent.Load(), Received: p.received.Load()}
	s.Connections, s.Refused = p.listener.Counts()
	return s
}

// Idle waits until no connection is open that was let through.
func (p *Proxy) Idle(ctx context.Context) error {
	p.mu.Lock()
	idle := p.idle
	p.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends all connections and returns once nothing of the proxy runs.
func (p *Proxy) Close() error {
	p.cancel()
	p.end()
	p.serving.Wait()
	return nil
}

// end closes the listener and everything that is open, once.
func (p *Proxy) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	_ = p.listener.Close()
	for c := range p.ends {
		_ = c.Close()
	}
}

func (p *Proxy) accept(ctx context.Context) {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.came()
		p.serving.Go(func() {
			defer p.went()
			p.serve(ctx, client)
		})
	}
}

// serve joins a client to the server until both directions have ended.
func (p *Proxy) serve(ctx context.Context, client net.Conn) {
	defer p.forget(client)
	if !p.remember(client) {
		return
	}
	if p.delay == 0 {
		if server := p.dial(ctx, client); server != nil {
			defer p.forget(server)
			join(server, client,
				func() error { return copyNow(server, client, &p.sent) },
				func() error { return copyNow(client, server, &p.received) })
		}
		return
	}
	there, arrival := p.delay/2, p.delay+p.delay/2 // of a byte, and of a connection
	outbound := readLate(client, arrival, there)
	time.Sleep(arrival)
	server := p.dial(ctx, client)
	if server == nil {
		drain(outbound)
		return
	}
	defer p.forget(server)
	inbound := readLate(server, there, there)
	join(server, client,
		func() error { return forward(server, outbound, &p.sent) },
		func() error { return forward(client, inbound, &p.received) })
	drain(outbound)
	drain(inbound)
}

// dial connects to the server. Without success it resets the client.
func (p *Proxy) dial(ctx context.Context, client net.Conn) net.Conn {
	dialer := net.Dialer{} // to this machine alone, as New made sure
	server, err := dialer.DialContext(ctx, "tcp", p.upstream)
	if err != nil {
		abort(client)
		return nil
	}
	if !p.remember(server) {
		p.forget(server)
		return nil
	}
	return server
}

// join runs both directions of a connection to their ends.
func join(server, client net.Conn, out, in func() error) {
	var both sync.WaitGroup
	both.Go(func() { finish(server, client, out()) })
	both.Go(func() { finish(client, server, in()) })
	both.Wait()
}

// remember keeps a connection for end; it reports whether that is yet to come.
func (p *Proxy) remember(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ends[c] = struct{}{}
	return !p.closed
}

// forget closes a connection.
func (p *Proxy) forget(c net.Conn) {
	_ = c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.ends, c)
}

func (p *Proxy) came() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == 0 {
		p.idle = make(chan struct{})
	}
	p.open++
	p.most = max(p.most, p.open)
}

func (p *Proxy) went() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open--; p.open == 0 {
		close(p.idle)
	}
}
