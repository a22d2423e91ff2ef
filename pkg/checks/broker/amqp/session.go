package amqp

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
)

// goodbyeWait is how long a broker may take to answer a goodbye.
const goodbyeWait = 500 * time.Millisecond

// session is what became of a login: let in or not, and then into the virtual
// host or not. closing is what the broker said to who was not.
type session struct {
	let, opened bool
	closing
}

// trace is what ANONYMOUS is given: who asks (RFC 4505 section 2).
func trace() []byte { return []byte("m2mscan") }

// enter tries to log in without credentials. The result is nil when that
// settles it for one protocol: let in, as the facts say then, or refused.
func (v *visit) enter(logIn func() (session, error), rights func(prefix string, to *channel.Rights)) error {
	got, err := logIn()
	if err != nil {
		return err
	}
	v.Visit.Evidence("amqp", "ANONYMOUS: "+got.String())
	switch {
	case got.opened:
		rights(v.LetIn())
		return nil
	case got.let && !got.deniesHost():
		return checks.Because(checks.ReasonAmbiguous, "let in, but not into the virtual host: %s", got.text)
	default:
		v.judgeText(got.text, "")
		return nil
	}
}

// deniesHost reports that the virtual host is not for this user, which is a
// refusal; that there is none of the name is not.
func (s session) deniesHost() bool {
	return s.code == accessRefused || s.code == notAllowed && strings.Contains(s.text, "refused")
}

// String is for evidence.
func (s session) String() string {
	switch {
	case s.opened:
		return "logged in, and a session is open"
	case s.let:
		return fmt.Sprintf("logged in, virtual host refused: %d %s", s.code, s.text)
	default:
		return fmt.Sprintf("refused: %d %s", s.code, s.text)
	}
}

// logIn answers the greeting and opens the link's virtual host. The error is
// that of a broker which does not say.
func (v *visit) logIn(c *channel.Conn, mechanism string, response []byte) (session, error) {
	if err := c.Send(startOK(mechanism, response, v.Visit.UserAgent())); err != nil {
		return session{}, err
	}
	answer, err := readCall(c)
	if err != nil {
		return session{}, err
	}
	switch answer.method {
	case connectionTune:
	case connectionClose:
		return refusal(c, answer)
	case connectionSecure:
		return session{}, checks.Because(checks.ReasonAmbiguous, "%s is answered with another challenge", mechanism)
	default:
		return session{}, errGarbage
	}
	limits, err := parseTune(answer.args)
	if err != nil {
		return session{}, err
	}
	v.tuned(limits)
	return v.open(c, limits)
}

// refusal reads why a login was refused, which only code 403 says it was.
func refusal(c *channel.Conn, answer call) (session, error) {
	why, err := readClosing(c, answer)
	switch {
	case err != nil:
		return session{}, err
	case why.code == accessRefused:
		return session{closing: why}, nil
	case strings.Contains(why.text, "limit"):
		return session{}, checks.Because(checks.ReasonThrottled, "the broker has reached a limit: %s", why.text)
	default:
		return session{}, checks.Because(checks.ReasonAmbiguous, "a login is answered with %d %s", why.code, why.text)
	}
}

// open asks for the virtual host.
func (v *visit) open(c *channel.Conn, limits tune) (session, error) {
	message := append(limits.ok(), connectionOpen.encode(0, short(v.host()), short(""), []byte{0})...)
	if err := c.Send(message); err != nil {
		return session{}, err
	}
	for range framesMax {
		answer, err := readCall(c)
		if err != nil {
			return session{}, err
		}
		switch answer.method {
		case connectionOpenOK:
			return session{let: true, opened: true}, nil
		case connectionClose:
			why, err := readClosing(c, answer)
			if err == nil && strings.Contains(why.text, "limit") {
				return session{}, checks.Because(checks.ReasonThrottled, "the broker has reached a limit: %s", why.text)
			}
			return session{let: true, closing: why}, err
		default: // such as connection.blocked
		}
	}
	return session{}, checks.Because(checks.ReasonGarbage, "the virtual host is neither opened nor refused")
}

// readClosing reads why the broker closes a connection, and agrees.
func readClosing(c *channel.Conn, answer call) (closing, error) {
	why, err := parseClosing(answer.args)
	if err == nil {
		_ = c.Send(connectionCloseOK.encode(0))
	}
	return why, err
}

// host is the virtual host of the link: the path of its URL, or "/".
func (v *visit) host() string {
	return virtualHost(v.Visit.Link().URL.Path)
}

// virtualHost reads the path of a URL (RabbitMQ URI specification). An empty
// one stands for the default.
func virtualHost(path string) string {
	if host := strings.TrimPrefix(path, "/"); host != "" {
		return host
	}
	return "/"
}

// tuned fills in the limits that the broker proposes.
func (v *visit) tuned(t tune) {
	if v.told {
		return
	}
	v.told = true
	v.Facts.Heartbeat = new(int(t.heartbeat))
	v.Facts.Limits = []string{}
	for name, limit := range map[string]uint32{"channel_max": uint32(t.channels), "frame_max": t.frame} {
		if limit > 0 { // zero: none is stated
			v.Facts.Limits = append(v.Facts.Limits, fmt.Sprintf("%s=%d", name, limit))
		}
	}
	slices.Sort(v.Facts.Limits)
}

// goodbye closes the connection as AMQP 0-9-1 has it.
func goodbye(c *channel.Conn) {
	const success = 200
	if c.Send(connectionClose.encode(0, number(success), short("bye"), number(0), number(0))) != nil {
		return
	}
	_ = c.SetReadDeadline(time.Now().Add(goodbyeWait))
	for range framesMax {
		if answer, err := readCall(c); err != nil || answer.method == connectionCloseOK {
			return
		}
	}
}
