package wire_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/internal/wire"
)

// echo starts a server that sends back what it reads, and half closes then.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { serveEcho(l, &serving) })
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	return l.Addr().String()
}

func serveEcho(l net.Listener, serving *sync.WaitGroup) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		serving.Go(func() {
			defer c.Close()
			_, _ = io.Copy(c, c)
		})
	}
}

func proxy(t *testing.T, upstream string, o wire.Options) *wire.Proxy {
	t.Helper()
	p, err := wire.New(t.Context(), upstream, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// exchange sends a text, half closes, and returns the whole answer.
func exchange(addr, text string) (string, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if _, err := io.WriteString(c, text); err != nil {
		return "", err
	}
	_ = c.(*net.TCPConn).CloseWrite()
	answer, err := io.ReadAll(c)
	return string(answer), err
}

// A proxy without limits carries everything in both directions, counts it, and
// hands on an orderly close.
func TestProxyCarriesAll(t *testing.T) {
	t.Parallel()
	for _, delay := range []time.Duration{0, 2 * time.Millisecond} {
		t.Run(delay.String(), func(t *testing.T) {
			t.Parallel()
			p := proxy(t, echo(t), wire.Options{Delay: delay})
			text := string(bytes.Repeat([]byte("0123456789abcdef"), 1<<16)) // 1 MiB: many chunks
			var clients sync.WaitGroup
			for range 3 {
				clients.Go(func() {
					got, err := exchange(p.Addr(), text)
					if err != nil || got != text {
						t.Errorf("%d bytes back, %v; want the %d sent", len(got), err, len(text))
					}
				})
			}
			clients.Wait()
			if err := p.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := p.Stats()
			if got.Most < 1 || got.Most > 3 {
				t.Errorf("%d connections at once, want 1 to 3", got.Most)
			}
			got.Most = 0
			want := wire.Stats{Connections: 3, Sent: int64(3 * len(text)), Received: int64(3 * len(text))}
			if diff := cmp.Diff(got, want); diff != "" {
				t.Errorf("stats (-got +want):\n%s", diff)
			}
		})
	}
}

// A delayed connection answers after two round trips, and each further
// exchange takes one more. Less would mean that the proxy does not delay; how
// much more depends on the machine.
func TestProxyDelays(t *testing.T) {
	t.Parallel()
	const delay = 20 * time.Millisecond
	p := proxy(t, echo(t), wire.Options{Delay: delay})
	start := time.Now()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i, atLeast := range []time.Duration{2 * delay, 3 * delay, 4 * delay} {
		if _, err := io.WriteString(c, "ping"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, make([]byte, 4)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < atLeast {
			t.Errorf("answer %d after %s, want %s at least", i+1, took, atLeast)
		}
	}
}

// What is above a limit meets the end that was asked for; what is within is
// served.
func TestProxyLimits(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		over wire.Over
		met  func(error) bool
	}{
		{wire.Reset, func(err error) bool {
			return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
		}},
		// A close with the client's bytes unread is a reset, too.
		{wire.Close, func(err error) bool {
			return err == nil || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
		}},
	} {
		t.Run(test.over.String(), func(t *testing.T) {
			t.Parallel()
			p := proxy(t, echo(t), wire.Options{Limit: wire.Limit{PerSecond: 1e-6, Burst: 2, Over: test.over}})
			for i := range 4 {
				got, err := exchange(p.Addr(), "ping")
				if i < 2 && (got != "ping" || err != nil) {
					t.Errorf("connection %d within the limit: %q, %v", i, got, err)
				}
				if i >= 2 && (got != "" || !test.met(err)) {
					t.Errorf("connection %d above the limit: %q, %v", i, got, err)
				}
			}
			if got := p.Stats(); got.Connections != 4 || got.Refused != 2 {
				t.Errorf("%d connections, %d refused; want 4 and 2", got.Connections, got.Refused)
			}
		})
	}
}

// A server of one connection at a time takes the next when that has ended.
func TestProxyServesOneAtATime(t *testing.T) {
	t.Parallel()
	p := proxy(t, echo(t), wire.Options{Limit: wire.Limit{AtOnce: 1}})
	first, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := io.WriteString(first, "ping"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(first, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	second := make(chan string)
	go func() {
		answer, err := exchange(p.Addr(), "pong")
		second <- fmt.Sprint(answer, err)
	}()
	select {
	case answer := <-second:
		t.Fatalf("served beside the first: %s", answer)
	case <-time.After(50 * time.Millisecond):
	}
	first.Close()
	if answer := <-second; answer != "pong<nil>" {
		t.Errorf("after the first: %s", answer)
	}
	if most := p.Stats().Most; most != 1 {
		t.Errorf("%d at once, want 1", most)
	}
}

// A connection left in silence stays open until the proxy ends.
func TestProxyIsSilent(t *testing.T) {
	t.Parallel()
	p := proxy(t, echo(t), wire.Options{Limit: wire.Limit{PerSecond: 1e-6, Burst: 1, Over: wire.Silence}})
	if got, err := exchange(p.Addr(), "ping"); got != "ping" || err != nil {
		t.Fatalf("within the limit: %q, %v", got, err)
	}
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "ping"); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := c.Read(make([]byte, 4)); n != 0 || !isTimeout(err) {
		t.Errorf("%d bytes, %v; want silence", n, err)
	}
	p.Close()
	_ = c.SetReadDeadline(time.Time{})
	if n, err := c.Read(make([]byte, 4)); n != 0 || err == nil {
		t.Errorf("after the proxy: %d bytes, %v; want an end", n, err)
	}
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// A reset of the server reaches the client as a reset.
func TestProxyHandsOnReset(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 16))
			_ = c.(*net.TCPConn).SetLinger(0)
			c.Close()
		}
	}()
	for _, delay := range []time.Duration{0, 2 * time.Millisecond} {
		p := proxy(t, l.Addr().String(), wire.Options{Delay: delay})
		c, err := net.Dial("tcp", p.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, "ping"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("delay %s: %v, want a reset", delay, err)
		}
		c.Close()
	}
}

// A proxy refuses to lead off the machine.
func TestProxyStaysHere(t *testing.T) {
	t.Parallel()
	for _, upstream := range []string{"192.0.2.1:443", "[2001:db8::1]:443", "127.0.0.1"} {
		if p, err := wire.New(t.Context(), upstream, wire.Options{}); err == nil {
			p.Close()
			t.Errorf("%s: accepted", upstream)
		}
	}
}

// The end of the context ends the proxy and what is open.
func TestProxyEndsWithContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	p, err := wire.New(ctx, echo(t), wire.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "ping"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("%d bytes, %v; want an end", n, err)
	}
	p.Close()
	if again, err := net.Dial("tcp", p.Addr()); err == nil {
		again.Close()
		t.Error("the proxy still listens")
	}
}

var somewhere = netip.MustParseAddrPort("127.0.0.1:443")

// The network in memory carries, half closes, resets and times out as TCP
// does, and its limit follows the time of the bubble.
func TestMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := wire.NewMemory(somewhere)
		l := wire.NewLimited(network, wire.Limit{PerSecond: 2, Burst: 1, Over: wire.Reset})
		var serving sync.WaitGroup
		serving.Go(func() { serveEcho(l, &serving) })
		defer serving.Wait()
		defer l.Close()

		try := func() (string, error) {
			c, err := network.Dial(t.Context(), "tcp", somewhere.String())
			if err != nil {
				return "", err
			}
			defer c.Close()
			if _, err := io.WriteString(c, "ping"); err != nil {
				return "", err
			}
			_ = c.(interface{ CloseWrite() error }).CloseWrite()
			answer, err := io.ReadAll(c)
			return string(answer), err
		}
		for i := range 3 {
			if got, err := try(); got != "ping" || err != nil {
				t.Errorf("%d: %q, %v; want an echo", i, got, err)
			}
			if got, err := try(); got != "" || !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%d, above the limit: %q, %v; want a reset", i, got, err)
			}
			time.Sleep(time.Second / 2)
		}
		if all, refused := l.Counts(); all != 6 || refused != 3 {
			t.Errorf("%d connections, %d refused; want 6 and 3", all, refused)
		}
	})
}

// Reads in memory end at their deadline, at the close of either end, and no
// sooner; data that came before a close is not lost.
func TestMemoryEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := wire.NewMemory(somewhere)
		defer network.Close()
		accepted := make(chan net.Conn, 1)
		go func() {
			c, _ := network.Accept()
			accepted <- c
		}()
		c, err := network.Dial(t.Context(), "tcp", somewhere.String())
		if err != nil {
			t.Fatal(err)
		}
		s := <-accepted

		start := time.Now()
		_ = c.SetReadDeadline(start.Add(time.Minute))
		if _, err := c.Read(make([]byte, 1)); !isTimeout(err) || time.Since(start) != time.Minute {
			t.Errorf("%v after %s, want a time-out after a minute", err, time.Since(start))
		}
		_ = c.SetReadDeadline(time.Time{})
		_, _ = io.WriteString(s, "bye")
		s.Close()
		if _, err := io.WriteString(c, "late"); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("write to a closed end: %v, want a reset", err)
		}
		if got, err := io.ReadAll(c); string(got) != "bye" || err != nil {
			t.Errorf("%q, %v; want what was sent before the close", got, err)
		}
		c.Close()
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read after close: %v", err)
		}
		if _, err := network.Dial(t.Context(), "tcp", "127.0.0.1:444"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("another port: %v, want it refused", err)
		}
	})
}
