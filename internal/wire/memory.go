package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Memory is a network in memory with one listener. It holds nothing of the
// operating system, so that testing/synctest can let its time fly: what takes
// a minute behind a limit then takes none.
type Memory struct {
	address netip.AddrPort
	queue   chan net.Conn
	closing sync.Once
	closed  chan struct{}
}

// NewMemory makes a network whose listener has an address of its choice.
func NewMemory(address netip.AddrPort) *Memory {
	return &Memory{address: address, queue: make(chan net.Conn), closed: make(chan struct{})}
}

// Addr is the address of the listener.
func (m *Memory) Addr() net.Addr { return net.TCPAddrFromAddrPort(m.address) }

// Accept returns the next connection.
func (m *Memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.queue:
		return c, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

// Close ends the listener; connections that were made go on.
func (m *Memory) Close() error {
	m.closing.Do(func() { close(m.closed) })
	return nil
}

// Dial connects to the listener. Any other address refuses.
func (m *Memory) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	failed := func(err error) error { return &net.OpError{Op: "dial", Net: network, Addr: m.Addr(), Err: err} }
	if address != m.address.String() {
		return nil, failed(os.NewSyscallError("connect", syscall.ECONNREFUSED))
	}
	up, down := newPipe(), newPipe()
	client := &memoryConn{in: down, out: up, local: net.TCPAddrFromAddrPort(netip.AddrPortFrom(m.address.Addr(), 1)), remote: m.Addr()}
	server := &memoryConn{in: up, out: down, local: m.Addr(), remote: client.local}
	select {
	case m.queue <- server:
		return client, nil
	case <-m.closed:
		return nil, failed(os.NewSyscallError("connect", syscall.ECONNREFUSED))
	case <-ctx.Done():
		return nil, failed(ctx.Err())
	}
}

// memoryConn is one end of a connection.
type memoryConn struct {
	in, out       *pipe
	local, remote net.Addr
	abrupt        atomic.Bool // Close is a reset
}

// Read reads what the other end wrote.
func (c *memoryConn) Read(b []byte) (int, error) {
	n, err := c.in.read(b)
	return n, c.explain("read", err)
}

// Write writes without ever waiting for the other end.
func (c *memoryConn) Write(b []byte) (int, error) {
	n, err := c.out.write(b)
	return n, c.explain("write", err)
}

func (c *memoryConn) explain(op string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	if _, ok := errors.AsType[syscall.Errno](err); ok {
		err = os.NewSyscallError(op, err)
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}

// CloseWrite ends what the other end reads.
func (c *memoryConn) CloseWrite() error {
	c.out.end(io.EOF)
	return nil
}

// Close ends both directions. As over TCP, the other end may first read what
// was written, and its own writes are answered by a reset.
func (c *memoryConn) Close() error {
	if c.abrupt.Load() {
		c.out.shut(syscall.ECONNRESET, net.ErrClosed)
	}
	c.out.end(io.EOF)
	c.in.shut(net.ErrClosed, syscall.ECONNRESET)
	return nil
}

// SetLinger with zero makes Close a reset.
func (c *memoryConn) SetLinger(sec int) error {
	c.abrupt.Store(sec == 0)
	return nil
}

// LocalAddr is the address of this end.
func (c *memoryConn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is the address of the other end.
func (c *memoryConn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline ends reads at a time; writes never wait.
func (c *memoryConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline ends reads at a time; zero means never.
func (c *memoryConn) SetReadDeadline(t time.Time) error {
	c.in.deadline(t)
	return nil
}

// SetWriteDeadline does nothing, for writes never wait.
func (c *memoryConn) SetWriteDeadline(time.Time) error { return nil }
