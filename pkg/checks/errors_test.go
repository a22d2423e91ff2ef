package checks

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	op := func(name string, err error) error { return &net.OpError{Op: name, Net: "tcp", Err: err} }
	tests := []struct {
		name    string
		err     error
		outcome Outcome
		reason  Reason
	}{
		{"nil", nil, Observed, ""},
		{"no such host", &net.DNSError{Name: "x.invalid", Err: "no such host", IsNotFound: true}, Unreachable, ReasonDNS},
		{"name server timeout", &net.DNSError{Name: "x.invalid", Err: "timeout", IsTimeout: true}, Unreachable, ReasonDNS},
		{"name server, within a dial", op("dial", &net.DNSError{Name: "x"}), Unreachable, ReasonDNS},
		{"refused", op("dial", os.NewSyscallError("connect", syscall.ECONNREFUSED)), Unreachable, ReasonRefused},
		{"refused on Windows", op("dial", os.NewSyscallError("connectex", syscall.Errno(10061))), Unreachable, ReasonRefused},
		{"no route to host", op("dial", syscall.EHOSTUNREACH), Unreachable, ReasonRoute},
		{"no route to network", op("dial", syscall.ENETUNREACH), Unreachable, ReasonRoute},
		{"no route on Windows", op("dial", syscall.Errno(10065)), Unreachable, ReasonRoute},
		{"packet filtered here", op("dial", syscall.EPERM), Unreachable, ReasonRoute},
		{"connect timeout", op("dial", os.ErrDeadlineExceeded), Unreachable, ReasonTimeout},
		{"connect timeout of the kernel", op("dial", syscall.ETIMEDOUT), Unreachable, ReasonTimeout},
		{"connect timeout on Windows", op("dial", syscall.Errno(10060)), Unreachable, ReasonTimeout},
		{"connect timeout of a bare dialer", &connectError{context.DeadlineExceeded}, Unreachable, ReasonTimeout},
		{"one address refused, one timed out", &connectError{errors.Join(context.DeadlineExceeded, syscall.ECONNREFUSED)}, Unreachable, ReasonRefused},
		{"one address without route, one timed out", &connectError{errors.Join(syscall.ENETUNREACH, context.DeadlineExceeded)}, Unreachable, ReasonTimeout},
		{"out of file descriptors", op("dial", syscall.EMFILE), Inconclusive, ReasonBudget},
		{"reset", op("read", os.NewSyscallError("read", syscall.ECONNRESET)), Inconclusive, ReasonReset},
		{"reset on Windows", op("read", os.NewSyscallError("wsarecv", syscall.Errno(10054))), Inconclusive, ReasonReset},
		{"broken pipe", op("write", syscall.EPIPE), Inconclusive, ReasonReset},
		{"route lost on a connection", op("read", syscall.EHOSTUNREACH), Inconclusive, ReasonReset},
		{"end of file", io.EOF, Inconclusive, ReasonReset},
		{"end of file, wrapped", fmt.Errorf("reading CONNACK: %w", io.ErrUnexpectedEOF), Inconclusive, ReasonReset},
		{"closed here", net.ErrClosed, Inconclusive, ReasonReset},
		{"read timeout", op("read", os.ErrDeadlineExceeded), Inconclusive, ReasonStalled},
		{"read timeout of the kernel", op("read", syscall.ETIMEDOUT), Inconclusive, ReasonStalled},
		{"deadline of a context", context.DeadlineExceeded, Inconclusive, ReasonStalled},
		{"not a TLS record", tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, Inconclusive, ReasonGarbage},
		{"plaintext", &PlaintextError{Excerpt: "HTTP/1.1 400 Bad Request"}, Inconclusive, ReasonPlaintext},
		{"another version", &VersionError{Version: tls.VersionTLS10}, Inconclusive, ReasonAmbiguous},
		{"alert", op("remote error", alertError(40)), Inconclusive, ReasonAmbiguous},
		{"our own alert", op("local error", alertError(10)), Inconclusive, ReasonGarbage},
		{"cancelled", fmt.Errorf("dial: %w", context.Canceled), Inconclusive, ReasonCancelled},
		{"said by a probe", fmt.Errorf("get: %w", Because(ReasonThrottled, "status 429")), Inconclusive, ReasonThrottled},
		{"said by a probe, over what it wraps", Because(ReasonTooLarge, "body: %w", io.EOF), Inconclusive, ReasonTooLarge},
		{"budget", Because(ReasonBudget, "25 connections"), Inconclusive, ReasonBudget},
		{"a parser's words", errors.New("CONNACK of 3 bytes"), Inconclusive, ReasonGarbage},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			outcome, reason := Classify(tt.err)
			if outcome != tt.outcome || reason != tt.reason {
				t.Errorf("Classify(%v) = %s, %s; want %s, %s", tt.err, outcome, reason, tt.outcome, tt.reason)
			}
		})
	}
}

func TestWithAlert(t *testing.T) {
	t.Parallel()
	// crypto/tls keeps the alerts of its own connections in an unexported type.
	raw := &net.OpError{Op: "remote error", Err: alertError(116)}
	if _, ok := errors.AsType[tls.AlertError](error(raw)); ok {
		t.Fatal("crypto/tls's own error reveals its alert now: WithAlert may go")
	}
	got, ok := errors.AsType[tls.AlertError](WithAlert(fmt.Errorf("read: %w", raw)))
	if !ok || got != 116 {
		t.Errorf("alert = %d, %v; want 116", got, ok)
	}
	if err := WithAlert(io.EOF); !errors.Is(err, io.EOF) {
		t.Errorf("WithAlert(EOF) = %v", err)
	}
	if WithAlert(nil) != nil {
		t.Error("WithAlert(nil) is an error")
	}
	if _, ok := AlertOf(&net.OpError{Op: "local error", Err: alertError(10)}); ok {
		t.Error("an alert of ours counts as the peer's")
	}
}

type alertError uint8

func (alertError) Error() string { return "tls: certificate required" }

func TestDescribeLeavesOutWhatVaries(t *testing.T) {
	t.Parallel()
	local := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 53211}
	remote := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 443}
	read := &net.OpError{Op: "read", Net: "tcp", Source: local, Addr: remote, Err: syscall.ECONNRESET}
	tests := []struct {
		err  error
		want string
	}{
		{fmt.Errorf("no answer, twice: %w", read), "no answer, twice: connection reset by peer"},
		{&net.OpError{Op: "dial", Net: "tcp", Addr: remote, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, "connection refused"},
		{&net.OpError{Op: "read", Net: "tcp", Source: local, Addr: remote, Err: os.ErrDeadlineExceeded}, "no answer in time"},
		{&url.Error{Op: "Get", URL: "https://a.example/?key=hunter22", Err: io.EOF}, "closed by the peer"},
		{&net.DNSError{Name: "a.invalid", Server: "127.0.0.53:53", Err: "no such host"}, "lookup a.invalid: no such host"},
	}
	for _, tt := range tests {
		if got := describe(tt.err); got != tt.want {
			t.Errorf("describe(%v) = %q, want %q", tt.err, got, tt.want)
		}
	}
}
