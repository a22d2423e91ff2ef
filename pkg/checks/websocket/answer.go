package websocket

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// kind is what the answer to one handshake says about the client.
type kind int

const (
	kindSilent    kind = iota // there was none: err says why
	kindAccepted              // a WebSocket was opened
	kindRefused               // the client is kept out
	kindUnsettled             // err says why it says nothing
)

// answer is what became of one handshake.
type answer struct {
	*Answer // nil when there was none in HTTP
	kind    kind
	err     error
	closed  *CloseError // how the server took leave, if it did
}

// refusals are the codes of closing frames that keep a client out: policy
// violation (RFC 6455 section 7.4.1), unauthorized and forbidden as registered
// with IANA, and what is usual among private codes.
//
//nolint:gochecknoglobals // a table
var refusals = []int{1008, 3000, 3003, 4001, 4003, 4401, 4403}

// newAnswer reads what became of a handshake; ended is how the WebSocket ended
// that it opened.
func newAnswer(got *Answer, err, ended error) *answer {
	a := &answer{Answer: got, err: err}
	switch {
	case err == nil:
		a.kind = kindAccepted
		if a.closed, _ = errors.AsType[*CloseError](ended); a.closed != nil && slices.Contains(refusals, a.closed.Code) {
			a.kind = kindRefused
		}
	case got == nil:
		a.kind = kindSilent
	case got.Status == http.StatusUnauthorized, got.Status == http.StatusForbidden:
		a.kind, a.err = kindRefused, nil
	default:
		a.kind = kindUnsettled
	}
	return a
}

// denied reports a status by which a server keeps a handshake out that it
// accepts otherwise.
func (a *answer) denied() bool {
	return a.kind == kindRefused || a.Answer != nil && a.Status >= 400 && a.Status < 500 && !a.throttled()
}

// String says in short what was answered.
func (a *answer) String() string {
	if a.Answer == nil {
		if alert, ok := checks.AlertOf(a.err); ok {
			return fmt.Sprintf("TLS alert %d", uint8(alert))
		}
		return "no answer"
	}
	text := fmt.Sprintf("HTTP %d", a.Status)
	if a.Subprotocol != "" {
		text += ", subprotocol " + a.Subprotocol
	}
	if a.closed != nil {
		text += fmt.Sprintf(", closed with code %d", a.closed.Code)
	}
	if a.Status == http.StatusSwitchingProtocols && a.err != nil {
		text += ", which is no WebSocket"
	}
	return text
}
