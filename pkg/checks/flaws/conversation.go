package flaws

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// Types of records (RFC 5246 section 6.2.1, RFC 6520 section 6).
const (
	recordChangeCipherSpec = 20
	recordAlert            = 21
	recordHandshake        = 22
	recordHeartbeat        = 24
)

const (
	headerLen  = 5
	recordMax  = 1<<14 + 2048 // RFC 5246 section 6.2.3
	recordsMax = 32
)

// server is the one under test, at one address.
type server struct {
	visit   *checks.Visit
	address netip.Addr
	taken   hello.Offer // that it has answered with a hello
	facts   *Facts
}

// conversation is a connection on which the server has answered a hello to
// the end of its flight, or with an alert, and waits for us to go on.
type conversation struct {
	net.Conn
	answer *hello.Answer
	spent  bool // something was said after the hello
}

// meet starts a conversation in any version up to TLS 1.2, with any suite. It
// is nil when the server says that it has none of them.
func (s *server) meet(ctx context.Context) (*conversation, error) {
	for _, offer := range offers() {
		c, err := s.greet(ctx, offer)
		if err != nil {
			return nil, err
		}
		refusal := c.answer.Alert
		if refusal == nil {
			s.taken = offer
			return c, nil
		}
		if !refuses(refusal) {
			return nil, checks.Because(checks.ReasonAmbiguous, "alert %s to a hello for TLS 1.2 and older", refusal)
		}
		if refusal.Code == hello.AlertProtocolVersion {
			break // whatever the suites
		}
	}
	s.visit.Evidence("alert", "a hello for TLS 1.2 and older is refused")
	return nil, nil
}

// greet sends a hello and reads the answer. It insists when there is none.
func (s *server) greet(ctx context.Context, offer hello.Offer) (*conversation, error) {
	offer.ServerName = s.visit.Target().ServerName
	records, err := offer.Marshal()
	if err != nil {
		return nil, checks.Because(checks.ReasonBug, "laying out a hello: %w", err)
	}
	var c *conversation
	err = s.visit.Insist(ctx, s.address, func(ctx context.Context, patience time.Duration) error {
		c, err = s.greetOnce(ctx, offer, records, patience)
		return err
	}, nil)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (s *server) greetOnce(ctx context.Context, offer hello.Offer, records []byte, patience time.Duration) (*conversation, error) {
	c, err := s.visit.DialHello(ctx, s.address)
	if err != nil {
		return nil, err
	}
	answer, err := exchange(c, offer, records, patience)
	if err != nil || answer.Alert != nil {
		_ = c.Close()
	}
	if err != nil {
		return nil, err
	}
	return &conversation{Conn: c, answer: answer}, nil
}

func exchange(c net.Conn, offer hello.Offer, records []byte, patience time.Duration) (*hello.Answer, error) {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if _, err := c.Write(records); err != nil {
		return nil, err
	}
	answer, err := hello.Read(c, offer)
	if syntax, ok := errors.AsType[*hello.SyntaxError](err); ok {
		return nil, checks.Because(checks.ReasonGarbage, "%w", syntax)
	}
	return answer, err
}

// reaction is what a server said to something after its hello.
type reaction struct {
	alert hello.Alert // that ended the conversation
	// heartbeat is the length of the payload of a heartbeat response that
	// came before the alert; 0 when there was none.
	heartbeat int
}

// say sends records and reads what the server says to them, up to an alert
// that ends the conversation. Anything else that ends it is an error. The
// connection is closed then.
func (c *conversation) say(records []byte) (r reaction, err error) {
	c.spent = true
	defer c.Close()                                    // before the next: to hold one while waiting could block a host's last place
	if err := c.SetDeadline(time.Time{}); err != nil { // a new step
		return r, err
	}
	if _, err := c.Write(records); err != nil {
		return r, err
	}
	for range recordsMax {
		ended, err := c.hear(&r)
		if ended || err != nil {
			return r, err
		}
	}
	return r, checks.Because(checks.ReasonGarbage, "more than %d records and no end", recordsMax)
}

// hear reads one record. Of what it holds, only the first few bytes are looked
// at; the others are thrown away.
func (c *conversation) hear(r *reaction) (ended bool, err error) {
	var head [headerLen + 3]byte
	if _, err := io.ReadFull(c, head[:headerLen]); err != nil {
		return false, err
	}
	kind, length := head[0], int(binary.BigEndian.Uint16(head[3:]))
	if head[1] != 3 || length == 0 || length > recordMax {
		return false, checks.Because(checks.ReasonGarbage, "a record of type %d, version %d.%d and length %d", kind, head[1], head[2], length)
	}
	content := head[headerLen:][:min(length, 3)]
	if _, err := io.ReadFull(c, content); err != nil {
		return false, err
	}
	if _, err := io.CopyN(io.Discard, c, int64(length-len(content))); err != nil {
		return false, err
	}
	switch {
	case kind == recordAlert && length == 2:
		r.alert = hello.Alert{Fatal: content[0] == 2, Code: content[1]}
		if r.alert.Code == hello.AlertCloseNotify {
			return false, checks.Because(checks.ReasonReset, "closed with no other alert than %s", r.alert)
		}
		return r.alert.Fatal, nil
	case kind == recordHeartbeat && length >= 3 && content[0] == heartbeatResponse:
		r.heartbeat = int(binary.BigEndian.Uint16(content[1:]))
		return false, nil
	case kind == recordHeartbeat, kind == recordHandshake:
		return false, nil // a request of its own, a HelloRequest
	}
	return false, checks.Because(checks.ReasonGarbage, "a record of type %d and length %d", kind, length)
}

// record lays out one record in the version that the server chose.
func (c *conversation) record(kind byte, content ...byte) []byte {
	b := []byte{kind, byte(c.answer.Version >> 8), byte(c.answer.Version), byte(len(content) >> 8), byte(len(content))}
	return append(b, content...)
}

// message lays out one handshake message in a record of its own.
func (c *conversation) message(kind byte, body ...byte) []byte {
	head := []byte{kind, byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}
	return c.record(recordHandshake, append(head, body...)...)
}
