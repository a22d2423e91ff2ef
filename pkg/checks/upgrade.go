package checks

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

const (
	// natsGreetingWait is how long a NATS server may take for its INFO line
	// before it counts as one that waits for the ClientHello.
	natsGreetingWait = time.Second
	// natsGreetingMax caps the INFO line.
	natsGreetingMax = 64 << 10
)

// upgrade brings a new connection to where the ClientHello is due. For most
// schemes that is where it is. Protocols that start in the clear and turn to
// TLS in band have their first steps here.
func (v *Visit) upgrade(c *conn) error {
	if v.session.target.Scheme == "natss" {
		return v.upgradeNATS(c)
	}
	return nil
}

// upgradeNATS reads the INFO line that a NATS server sends in the clear before
// TLS. A server set to handshake first stays silent instead, which is learned
// once per link.
func (v *Visit) upgradeNATS(c *conn) error {
	s := v.session
	s.mu.Lock()
	silent := s.tlsFirst
	s.mu.Unlock()
	if silent {
		return nil
	}
	_ = c.SetReadDeadline(time.Now().Add(natsGreetingWait))
	line, rest, err := readLine(c, natsGreetingMax)
	if errors.Is(err, os.ErrDeadlineExceeded) && len(line) == 0 && s.ended() == nil {
		s.mu.Lock()
		s.tlsFirst = true
		s.mu.Unlock()
		return nil
	}
	if err != nil {
		return err
	}
	c.unread(rest)
	c.greeting = line
	return v.greeted(line)
}

// Greeting is what a server said in the clear on a connection before TLS: the
// INFO line of NATS, without its end. It is empty where nothing was said, and
// nobody vouches for it.
func Greeting(c net.Conn) []byte {
	if wrapped, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = wrapped.NetConn()
	}
	if c, ok := c.(*conn); ok {
		return c.greeting
	}
	return nil
}

// greeted decides what a NATS server's first line means for TLS.
func (v *Visit) greeted(line []byte) error {
	offered, err := natsOffersTLS(line)
	if err == nil && !offered {
		return &PlaintextError{Excerpt: v.redact(string(line))}
	}
	return err
}

// natsOffersTLS reads the first line of a NATS server.
func natsOffersTLS(line []byte) (bool, error) {
	if bytes.HasPrefix(line, []byte("-ERR")) {
		if strings.Contains(strings.ToLower(string(line)), "maximum connections") {
			return false, Because(ReasonThrottled, "the server has reached its connection limit")
		}
		return false, Because(ReasonAmbiguous, "the server greeted with an error")
	}
	body, ok := bytes.CutPrefix(line, []byte("INFO "))
	if !ok {
		return false, Because(ReasonGarbage, "no INFO line from a NATS server")
	}
	var info struct {
		Required  bool `json:"tls_required"`
		Available bool `json:"tls_available"`
	}
	if err := json.Unmarshal(body, &info); err != nil {
		return false, Because(ReasonGarbage, "the INFO line of the NATS server is not JSON")
	}
	return info.Required || info.Available, nil
}

// readLine reads up to a line feed and returns the line without its end, and
// what came behind it.
func readLine(r io.Reader, most int) (line, rest []byte, err error) {
	buffer := make([]byte, 4096)
	for len(line) <= most {
		n, err := r.Read(buffer)
		line = append(line, buffer[:n]...)
		if i := bytes.IndexByte(line, '\n'); i >= 0 && i <= most {
			return bytes.TrimSuffix(line[:i], []byte("\r")), line[i+1:], nil
		}
		if err != nil {
			return line, nil, err
		}
	}
	return nil, nil, Because(ReasonTooLarge, "a line of more than %d bytes", most)
}

// plaintextAnswer returns the first line of an answer that certainly is not
// TLS. Bytes that are merely not TLS are no positive answer.
func plaintextAnswer(first []byte) (string, bool) {
	for _, prefix := range []string{
		"HTTP/", "AMQP", "SSH-", // HTTP, AMQP's own header (AMQP 0-9-1 section 2.2.4), SSH
		"INFO {", "-ERR", "-NOAUTH", "-DENIED", "-NOPERM", "+PONG", "+OK", // NATS, Redis, POP3
		"220 ", "220-", "421 ", "554 ", "* OK ", // SMTP and FTP, IMAP
	} {
		if bytes.HasPrefix(first, []byte(prefix)) {
			line, _, _ := bytes.Cut(first, []byte("\n"))
			return strings.TrimRight(string(line), "\r\x00"), true
		}
	}
	return "", false
}
