// Package channel brings a connection to a broker to where the first byte of
// its protocol is due: in the clear, over TLS from the first byte, over TLS
// after a greeting, or in a WebSocket. It has the facts that the protocols share.
//
// A connection that fails says nothing of the ladder's other rungs: that TLS
// fails does not make a port plain text. Plain text is what a peer that answers
// in its own protocol without TLS speaks.
package channel

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// answerMax caps what is read from one connection.
const answerMax = 256 << 10

// Survey is one visit to a broker.
type Survey struct {
	Visit *checks.Visit
	Facts *Facts

	// Opener takes a new connection further, to where the protocol's first byte
	// is due: into a WebSocket. nil means that it is there. The
	// connection is closed when it fails.
	Opener func(context.Context, net.Conn) (net.Conn, error)

	certificate *tls.Certificate // presented when asked for; see Begin
}

// Conn is a connection on which the protocol's first byte is due. Read it
// through its buffered methods; each has a cap.
type Conn struct {
	net.Conn
	r        *bufio.Reader
	unproven error
}

// Open opens a connection. Over TLS, the error of a server that ends the
// handshake is one in which [checks.AlertOf] finds the alert; in TLS 1.3 a
// server that wants a client certificate says so only when the first answer is
// read, so that no verdict on it is possible before.
func (s *Survey) Open(ctx context.Context) (*Conn, error) {
	c, unproven, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	if s.Opener != nil {
		inner, err := s.Opener(ctx, c)
		if err != nil {
			_ = c.Close()
			return nil, err
		}
		c = inner
	}
	return newConn(c, unproven), nil
}

func (s *Survey) connect(ctx context.Context) (c net.Conn, unproven, err error) {
	if !s.Visit.Target().TLS() {
		c, err := s.Visit.Dial(ctx)
		return c, errors.New("the connection is not encrypted"), err
	}
	h, err := s.shake(ctx)
	if err != nil {
		return nil, nil, err
	}
	secure := h.TakeConn()
	if secure == nil {
		if h.Err != nil {
			return nil, nil, h.Err
		}
		return nil, nil, checks.Because(checks.ReasonBudget, "the connection was given up for another")
	}
	return secure, s.Visit.Verify(h), nil
}

func (s *Survey) shake(ctx context.Context) (*checks.Handshake, error) {
	if s.certificate != nil {
		return s.Visit.HandshakeWith(ctx, s.certificate, tls.VersionTLS10, tls.VersionTLS13)
	}
	return s.Visit.HandshakeAgain(ctx)
}

// OpenTwin opens a connection to the well-known port on which the target's
// protocol is spoken without TLS. The error is [checks.ReasonNotAsked] where
// there is none.
func (s *Survey) OpenTwin(ctx context.Context) (*Conn, error) {
	port, ok := s.Visit.PortBeside()
	if !ok {
		return nil, checks.Because(checks.ReasonNotAsked, "no port without TLS is known beside this one")
	}
	c, err := s.Visit.DialBeside(ctx, port)
	if err != nil {
		return nil, err
	}
	return newConn(c, errors.New("the connection is not encrypted")), nil
}

// Over makes a Conn of a connection that was opened by other means, such as one
// in a WebSocket; unproven is why no secret may cross it, nil when one may.
func Over(c net.Conn, unproven error) *Conn { return newConn(c, unproven) }

func newConn(c net.Conn, unproven error) *Conn {
	return &Conn{Conn: c, r: bufio.NewReader(io.LimitReader(c, answerMax)), unproven: unproven}
}

// Unproven is why no secret may be sent over the connection: it is not
// encrypted, or its peer is not proven to be who the inventory says. It is nil
// when one may.
func (c *Conn) Unproven() error {
	if c.unproven == nil {
		return nil
	}
	return checks.Because(checks.ReasonNotTested, "no login is sent: %w", c.unproven)
}

// Greeting is what the server said in the clear before TLS; see
// [checks.Greeting].
func (c *Conn) Greeting() []byte { return checks.Greeting(c.Conn) }

// Send writes a whole message, which starts a new step: its answer has the time
// of one.
func (c *Conn) Send(message []byte) error {
	_ = c.SetDeadline(time.Time{})
	_, err := c.Write(message)
	return err
}

// Read reads what is left in the buffer first.
func (c *Conn) Read(p []byte) (int, error) { return c.r.Read(p) }

// Bytes reads exactly n bytes. More than most, as a length field may ask for,
// are not read: [checks.ReasonTooLarge].
func (c *Conn) Bytes(n, most int) ([]byte, error) {
	if n < 0 || n > most {
		return nil, checks.Because(checks.ReasonTooLarge, "a message of %d bytes, more than %d", n, most)
	}
	p := make([]byte, n)
	if _, err := io.ReadFull(c.r, p); err != nil {
		return nil, cutOff(err)
	}
	return p, nil
}

// Peek returns the next n bytes without reading them; n is small.
func (c *Conn) Peek(n int) ([]byte, error) {
	p, err := c.r.Peek(n)
	if err != nil {
		return p, cutOff(err)
	}
	return p, nil
}

// Line reads up to a line feed and returns the line without its end.
func (c *Conn) Line(most int) ([]byte, error) {
	var line []byte
	for len(line) <= most {
		b, err := c.r.ReadByte()
		if err != nil {
			return line, cutOff(err)
		}
		if b == '\n' {
			if n := len(line); n > 0 && line[n-1] == '\r' {
				line = line[:n-1]
			}
			return line, nil
		}
		line = append(line, b)
	}
	return nil, checks.Because(checks.ReasonTooLarge, "a line of more than %d bytes", most)
}

// cutOff gives the end of a connection, where more was due, its reason. A TLS
// alert in it stays to be found.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return checks.Because(checks.ReasonReset, "the broker closed the connection where an answer was due: %w", err)
	}
	return checks.WithAlert(err)
}

// CertificateWanted reports an error by which a server refuses a client without
// a certificate, or with one it does not like: a TLS alert that is about
// certificates (RFC 8446 section 6.2), or handshake_failure, which older
// versions use for it.
func CertificateWanted(err error) bool {
	alert, ok := checks.AlertOf(err)
	if !ok {
		return false
	}
	switch alert {
	case 40, 41, 42, 43, 44, 45, 46, 48, 116:
		return true
	default:
		return false
	}
}

// HasLogin reports whether the inventory states what a login takes.
func HasLogin(l *inventory.Link) bool {
	a := l.Auth
	switch a.Type {
	case inventory.AuthBasic, inventory.AuthSASL:
		return !a.Password.IsZero() || !a.Token.IsZero()
	case inventory.AuthBearer, inventory.AuthOAuth2:
		return !a.Token.IsZero()
	default:
		return false
	}
}

// Login is the link's own user name and password; of a token, the password is
// the token. It goes only over a connection that has no Unproven.
type Login struct {
	Mechanism      string // as the inventory states it; empty for the broker's usual one
	User, Password string
}

// Declared resolves the link's own login. The error is
// [checks.ReasonNotAsked] when the inventory states none.
func (s *Survey) Declared() (*Login, error) {
	a := s.Visit.Link().Auth
	if !HasLogin(s.Visit.Link()) {
		return nil, checks.Because(checks.ReasonNotAsked, "the inventory states no login for this link")
	}
	login := &Login{Mechanism: a.Mechanism}
	var err error
	if !a.Username.IsZero() {
		if login.User, err = a.Username.Resolve(); err != nil {
			return nil, checks.Because(checks.ReasonNotTested, "auth.username: %w", err)
		}
	}
	secret := a.Password
	if secret.IsZero() {
		secret = a.Token
	}
	if login.Password, err = secret.Resolve(); err != nil {
		return nil, checks.Because(checks.ReasonNotTested, "auth: %w", err)
	}
	return login, nil
}

// Absent says why a fact does not exist for this broker, when nothing went
// wrong: the protocol has nothing of the kind, or nothing called for it.
func (s *Survey) Absent(fact, detail string) {
	s.Visit.UnknownReason(fact, checks.ReasonNotAsked, detail)
}

// Vantage names where an address is reached from. Brokers such as RabbitMQ and
// Redis let in more from their own machine, so that what was seen there need
// not hold for others.
func Vantage(a netip.Addr) string {
	a = a.Unmap()
	switch {
	case a.IsLoopback():
		return "loopback"
	case a.IsPrivate(), a.IsLinkLocalUnicast():
		return "private"
	default:
		return "public"
	}
}

// TellsWhy reports whether the text of a refusal says more than that: which
// user is meant, that the user or the password alone is wrong, or what else
// there is. "Bad user name or password" says no more than a code does.
func TellsWhy(text string) bool {
	text = strings.ToLower(text)
	for _, telling := range []string{
		"unknown user", "no such user", "user not found", "user does not exist", "invalid user name", "wrong password", "incorrect password",
		"invalid password", "password mismatch", "for user", "vhost", "virtual host", "account", "locked", "expired",
	} {
		if strings.Contains(text, telling) {
			return true
		}
	}
	return false
}
