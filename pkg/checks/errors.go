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
	"reflect"
	"slices"
	"strings"
	"syscall"
)

// ReasonError is an error whose reason is known where it arises. Probes make
// one with [Because] when they alone know what an answer means.
type ReasonError struct {
	Reason Reason
	Err    error
}

// Error is the text of the wrapped error; the reason stands beside it.
func (e *ReasonError) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *ReasonError) Unwrap() error { return e.Err }

// Because makes an error that [Classify] gives the reason of. The format is
// that of [fmt.Errorf], with %w.
func Because(reason Reason, format string, args ...any) error {
	return &ReasonError{Reason: reason, Err: fmt.Errorf(format, args...)}
}

// PlaintextError says that a peer that should speak TLS positively answered
// in the clear.
type PlaintextError struct {
	Excerpt string // the start of its answer, redacted and printable
}

// Error quotes the answer.
func (e *PlaintextError) Error() string { return "answered without TLS: " + e.Excerpt }

// VersionError says that a server answered with a protocol version that was
// not offered to it (RFC 8446 section 4.1.3): it does not accept those offered.
type VersionError struct {
	Version uint16 // the version it chose, as in crypto/tls
}

// Error names the version.
func (e *VersionError) Error() string {
	return "the server chose " + tls.VersionName(e.Version) + ", which was not offered"
}

// connectError marks an error that came before a connection was made.
type connectError struct{ err error }

func (e *connectError) Error() string { return e.err.Error() }
func (e *connectError) Unwrap() error { return e.err }

// AlertOf returns the TLS alert (RFC 8446 section 6) that the peer sent, when
// that is what err says. Outside of QUIC, crypto/tls keeps the alert in an
// unexported type, so errors.As with tls.AlertError finds it only in errors
// that passed through this package.
func AlertOf(err error) (tls.AlertError, bool) {
	if alert, ok := errors.AsType[tls.AlertError](err); ok {
		return alert, true
	}
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "remote error" || op.Err == nil {
		return 0, false
	}
	if v := reflect.ValueOf(op.Err); v.Kind() == reflect.Uint8 {
		return tls.AlertError(v.Uint()), true
	}
	return 0, false
}

// WithAlert returns err such that errors.As finds a [tls.AlertError] in it
// when the peer sent an alert, and err itself otherwise.
func WithAlert(err error) error {
	if _, done := errors.AsType[tls.AlertError](err); err == nil || done {
		return err
	}
	if alert, ok := AlertOf(err); ok {
		return fmt.Errorf("%w%.0w", err, alert)
	}
	return err
}

// Classify says what an error of the network means: how the visit ended, and
// why. It is the only place that decides so. A nil error is Observed.
func Classify(err error) (Outcome, Reason) {
	if err == nil {
		return Observed, ""
	}
	switch reason := reasonOf(err); reason {
	case ReasonDNS, ReasonRefused, ReasonRoute, ReasonTimeout:
		return Unreachable, reason
	default:
		return Inconclusive, reason
	}
}

// reasonOf holds the order: what this program knows itself, then what the
// peer said, then what the operating system reports.
func reasonOf(err error) Reason {
	if e, ok := errors.AsType[*ReasonError](err); ok {
		return e.Reason
	}
	if errors.Is(err, context.Canceled) {
		return ReasonCancelled
	}
	if reason, ok := answerReason(err); ok {
		return reason
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return ReasonDNS
	}
	if isConnect(err) {
		return connectReason(err)
	}
	return exchangeReason(err)
}

// answerReason covers errors that are answers of the peer.
func answerReason(err error) (Reason, bool) {
	if _, ok := errors.AsType[*PlaintextError](err); ok {
		return ReasonPlaintext, true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return ReasonGarbage, true
	}
	if _, ok := errors.AsType[*VersionError](err); ok {
		return ReasonAmbiguous, true
	}
	if _, ok := AlertOf(err); ok {
		return ReasonAmbiguous, true
	}
	return "", false
}

func isConnect(err error) bool {
	if _, ok := errors.AsType[*connectError](err); ok {
		return true
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// connectReason covers errors before a connection was made. Several addresses
// may have failed in several ways: the plainest answer is named.
func connectReason(err error) Reason {
	reason := ReasonRoute // also for what no case names: there was no way to the peer
	switch {
	case means(err, refused):
		return ReasonRefused
	case means(err, exhausted):
		return ReasonBudget
	case means(err, hungUp):
		return ReasonReset
	case isTimeout(err):
		reason = ReasonTimeout
	}
	return reason
}

// exchangeReason covers errors on a connection that was made.
func exchangeReason(err error) Reason {
	_, onConnection := errors.AsType[*net.OpError](err)
	switch {
	case means(err, refused) && !onConnection:
		return ReasonRefused
	case means(err, noRoute) && !onConnection:
		return ReasonRoute
	case means(err, exhausted):
		return ReasonBudget
	case means(err, hungUp), means(err, noRoute), means(err, refused), isClosed(err):
		return ReasonReset
	case isTimeout(err):
		return ReasonStalled
	default:
		return ReasonGarbage
	}
}

func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe)
}

func isTimeout(err error) bool {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || means(err, tooLate) {
		return true
	}
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

// meaning is what an error number of the operating system stands for.
type meaning int

const (
	refused meaning = iota + 1
	hungUp
	noRoute
	tooLate
	exhausted // this machine has no more sockets or memory to give
)

// errnos lists the error numbers of a meaning. Those from 10000 are Windows's
// own (Winsock): there the portable names of package syscall are invented
// numbers that no call returns, and on other systems no number is that large.
func (m meaning) errnos() []syscall.Errno {
	switch m {
	case refused:
		return []syscall.Errno{syscall.ECONNREFUSED, 10061}
	case hungUp:
		return []syscall.Errno{syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, 10054, 10053, 10058}
	case noRoute:
		return []syscall.Errno{syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ENETDOWN, 10051, 10065, 10050}
	case tooLate:
		return []syscall.Errno{syscall.ETIMEDOUT, 10060}
	case exhausted:
		return []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, 10024, 10055}
	default:
		return nil
	}
}

// means reports whether err holds an error number of a meaning. All errors of
// a join are looked at.
func means(err error, m meaning) bool {
	return slices.ContainsFunc(m.errnos(), func(errno syscall.Errno) bool { return errors.Is(err, errno) })
}

// describe gives the text of an error for people, without what differs from
// run to run or is said elsewhere: local ports, name servers, whole URLs,
// system calls.
func describe(err error) string {
	text := err.Error()
	if e, ok := errors.AsType[*url.Error](err); ok {
		text = strings.ReplaceAll(text, e.Error(), e.Err.Error())
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Err != nil {
		text = strings.ReplaceAll(text, e.Error(), plainCause(e.Err))
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		text = strings.ReplaceAll(text, e.Error(), "lookup "+e.Name+": "+e.Err)
	}
	if start, ok := strings.CutSuffix(text, "EOF"); ok && errors.Is(err, io.EOF) {
		text = start + "closed by the peer"
	}
	return text
}

// plainCause is the cause of a network error in a person's words.
func plainCause(err error) string {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "no answer in time"
	}
	if e, ok := errors.AsType[*os.SyscallError](err); ok {
		err = e.Err
	}
	return err.Error()
}
