package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
)

// messageMax caps one response: the protocol's own bound is two gigabytes. It
// holds the addresses of some two thousand brokers.
const messageMax = 128 << 10

// clientName is how the scan names itself as a client, and as client software.
const clientName = "m2mscan"

// Error codes of the protocol that decide something here
// (https://kafka.apache.org/protocol#protocol_error_codes).
const (
	codeClusterDenied        = 31 // CLUSTER_AUTHORIZATION_FAILED
	codeUnsupportedMechanism = 33 // UNSUPPORTED_SASL_MECHANISM
	codeIllegalSASLState     = 34 // ILLEGAL_SASL_STATE
	codeUnsupportedVersion   = 35 // UNSUPPORTED_VERSION
	codeInvalidRequest       = 42 // INVALID_REQUEST
	codeSecurityDisabled     = 54 // SECURITY_DISABLED
	codeAuthentication       = 58 // SASL_AUTHENTICATION_FAILED
)

// source is where responses are read from.
type source interface {
	Bytes(n, most int) ([]byte, error)
}

var _ source = (*channel.Conn)(nil)

// session is a connection with its count of requests, and the versions that the
// broker knows once it was asked.
type session struct {
	*channel.Conn
	correlation int32
	known       versions
	throttle    int32  // the longest that any response asked for, in milliseconds
	user        string // that a login was sent for
}

// ask sends a request and reads the body of its response.
func (k *session) ask(req kmsg.Request) ([]byte, error) {
	k.correlation++
	message := kmsg.NewRequestFormatter(kmsg.FormatterClientID(clientName)).AppendRequest(nil, req, k.correlation)
	if err := k.Send(message); err != nil {
		return nil, err
	}
	return readResponse(k.Conn, k.correlation)
}

// exchange sends a request at a version that the broker and this program know
// and reads its response. The newest version asked for is the request's own,
// and least the oldest one that means the same.
func (k *session) exchange(req kmsg.Request, least int16, resp kmsg.Response) error {
	version, err := k.known.common(req.Key(), least, req.GetVersion())
	if err != nil {
		return err
	}
	req.SetVersion(version)
	body, err := k.ask(req)
	if err != nil {
		return err
	}
	return decode(body, version, resp)
}

// errGarbage is what an answer is that no Kafka broker would give.
var errGarbage = checks.Because(checks.ReasonGarbage, "the answer is not of the Kafka protocol")

// errTLSAlert is the answer of a port that speaks TLS to one that does not.
var errTLSAlert = checks.Because(checks.ReasonGarbage, "the answer is a TLS alert")

// readResponse reads one response and returns it behind its header, which is
// of version 0 for all that is asked here: the number of the request alone.
func readResponse(s source, correlation int32) ([]byte, error) {
	prefix, err := s.Bytes(4, 4)
	if err != nil {
		return nil, err
	}
	size := int64(binary.BigEndian.Uint32(prefix))
	switch {
	case prefix[0] == 21 && prefix[1] == 3:
		return nil, errTLSAlert
	case size < 4, prefix[0] >= ' ' && prefix[0] <= '~', prefix[0] >= 0x80: // text, or a negative size
		return nil, errGarbage
	}
	body, err := s.Bytes(int(size), messageMax)
	if err != nil {
		return nil, truncated(err)
	}
	if int32(binary.BigEndian.Uint32(body)) != correlation {
		return nil, checks.Because(checks.ReasonGarbage, "the answer has the number of no request")
	}
	return body[4:], nil
}

// truncated marks the end of a connection within a message, which is not the
// way that a broker hangs up on a client it refuses.
func truncated(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err)
	}
	return err
}

// hungUp reports whether a broker closed the connection in place of an answer,
// of which not one byte had come.
func hungUp(err error) bool {
	_, reason := checks.Classify(err)
	return err != nil && reason == checks.ReasonReset && !errors.Is(err, io.ErrUnexpectedEOF)
}

// decode reads the body of a response. It takes none of a flexible version
// (KIP-482): kmsg believes their number of tagged fields, and a response of
// twenty bytes could keep it busy for a minute. Its arrays are no longer than
// the bytes that are left, so that memory is bounded by the size of a message.
func decode(body []byte, version int16, resp kmsg.Response) error {
	resp.SetVersion(version)
	if resp.IsFlexible() {
		return checks.Because(checks.ReasonBug, "version %d of %s is flexible", version, kmsg.NameForKey(resp.Key()))
	}
	if err := resp.ReadFrom(body); err != nil {
		return checks.Because(checks.ReasonGarbage, "the answer to %s is cut short: %w", kmsg.NameForKey(resp.Key()), err)
	}
	return nil
}

// printable is a text of the broker for facts and evidence: of no more than
// most bytes, and without control characters.
func printable(text string, most int) string {
	if len(text) > most {
		text = text[:most]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}
