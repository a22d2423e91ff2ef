// Package nats asks NATS servers what they are and what a client may do.
//
// The rights of a client are had from the server itself, by a request about
// one's own user that touches nothing ($SYS.REQ.USER.INFO).
package nats

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
)

// greetingWait is how long a server may take for its first line. One that waits
// for the ClientHello says nothing at all.
const greetingWait = 2 * time.Second

// Survey asks a server in its own protocol.
func Survey(ctx context.Context, s *channel.Survey) error {
	v := &visit{Survey: s}
	v.absent()
	if err := s.Begin(ctx, v.begin); err != nil {
		return s.Ended(err)
	}
	v.plaintext(ctx)
	v.declared(ctx)
	v.monitoring(ctx)
	return nil
}

// visit is a survey of one server.
type visit struct {
	*channel.Survey
	info info // as it was read first
}

func (v *visit) absent() {
	v.Absent("mechanisms", "NATS lists no mechanisms")
	v.Absent("plain_only", "NATS lists no mechanisms")
	v.Absent("anonymous_offered", "NATS lists no mechanisms")
	v.Absent("default_credentials", "NATS is delivered open, not with a known login")
	v.Absent("foreign_origin", "there is no WebSocket on this port")
	v.Absent("max_connections", "the server does not say")
	v.Absent("heartbeat", "the server does not say how often it pings")
}

// greet reads the INFO line: before TLS it was read already.
func (v *visit) greet(c *channel.Conn) (info, error) {
	if greeting := c.Greeting(); len(greeting) > 0 {
		_, rest, _ := strings.Cut(string(greeting), " ")
		return parseInfo(rest)
	}
	_ = c.SetReadDeadline(time.Now().Add(greetingWait))
	l, err := readLine(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return info{}, checks.Because(checks.ReasonStalled, "no greeting: the server may wait for TLS first")
	}
	if err != nil {
		return info{}, err
	}
	switch l.verb {
	case verbInfo:
		return parseInfo(l.rest)
	case verbErr:
		return info{}, errorOf(l)
	default:
		return info{}, errGarbage
	}
}

// errorOf is an error line that is no refusal of a login.
func errorOf(l line) error {
	if strings.Contains(strings.ToLower(l.rest), "maximum connections") {
		return checks.Because(checks.ReasonThrottled, "the server has reached its connection limit")
	}
	return checks.Because(checks.ReasonAmbiguous, "the server answers with the error %q", l.rest)
}

// begin is what a client without credentials is told.
func (v *visit) begin(c *channel.Conn) error {
	first, err := v.greet(c)
	if err != nil {
		return err
	}
	v.info = first
	let, err := v.connect(c, connect{})
	if err != nil {
		return v.withoutTLSRefused(first, err)
	}
	v.introduce(first)
	switch {
	case !let:
		v.TurnedAway()
		v.Absent("rights", "a client without credentials is refused")
	default:
		prefix, rights := v.LetIn()
		if v.Certified() {
			v.Absent("rights", "a client without credentials is refused")
		}
		v.rights(c, prefix, rights)
	}
	if !v.Visit.Target().TLS() {
		v.Facts.Plaintext, v.Facts.PlaintextLogin = new(true), new(!let || v.info.AuthRequired)
	}
	return nil
}

// withoutTLSRefused covers a server that requires TLS of a link without: it
// greets in the clear and then hangs up.
func (v *visit) withoutTLSRefused(first info, err error) error {
	if v.Visit.Target().TLS() || !first.TLSRequired {
		return err
	}
	v.introduce(first)
	v.Visit.UnknownReason("anonymous", checks.ReasonNotTested, "the server answers over TLS alone")
	v.Visit.UnknownReason("rights", checks.ReasonNotTested, "the server answers over TLS alone")
	v.Facts.Plaintext, v.Facts.PlaintextLogin = new(false), new(false)
	return nil
}

// connect logs in and reports whether the server lets the client in. The error
// is that of a server which does not say.
func (v *visit) connect(c *channel.Conn, as connect) (bool, error) {
	as.Name, as.Lang, as.Version, as.Protocol = v.Visit.UserAgent(), "go", "1", 1
	if err := c.Send(as.encode()); err != nil {
		return false, err
	}
	for range linesMax {
		l, err := readLine(c)
		if err != nil {
			return false, err
		}
		switch l.verb {
		case verbPong:
			return true, nil
		case verbPing:
			if err := c.Send([]byte("PONG\r\n")); err != nil {
				return false, err
			}
		case verbInfo:
			v.again(l.rest)
		case verbErr:
			if isRefusal(l.rest) {
				v.Visit.Evidence("nats", "CONNECT: -ERR "+l.rest)
				return false, nil
			}
			return false, errorOf(l)
		case verbOK, verbMsg:
		}
	}
	return false, checks.Because(checks.ReasonGarbage, "the server does not answer PING")
}

// again reads an INFO that came after CONNECT: of a server with no_auth_user
// only this one says that a login is asked for.
func (v *visit) again(text string) {
	if second, err := parseInfo(text); err == nil && second.AuthRequired && !v.info.AuthRequired {
		v.info.AuthRequired = true
		v.Visit.Evidence("nats", "only the second INFO says that a login is asked for: no_auth_user")
	}
}

// isRefusal reports an error that is about the login.
func isRefusal(text string) bool {
	text = strings.ToLower(text)
	for _, about := range []string{"authorization violation", "authentication", "user authentication"} {
		if strings.Contains(text, about) && !strings.Contains(text, "timeout") {
			return true
		}
	}
	return false
}

// introduce fills in what INFO says.
func (v *visit) introduce(i info) {
	v.Facts.Protocol = new("NATS")
	v.Facts.Product = new("NATS")
	if i.Version != "" {
		v.Facts.Version = new(i.Version)
	} else {
		v.Absent("version", "INFO does not say")
	}
	v.Facts.MaxPacket = new(max(i.MaxPayload, 0))
	v.Facts.VerboseErrors = new(false) // a refused login is told that it is, and no more
	v.Facts.AdvertisedHosts = []string{}
	for _, host := range i.ConnectURLs {
		if len(v.Facts.AdvertisedHosts) < 20 {
			v.Facts.AdvertisedHosts = append(v.Facts.AdvertisedHosts, host)
		}
	}
	slices.Sort(v.Facts.AdvertisedHosts)
	v.Facts.Extensions = []string{}
	for name, on := range map[string]bool{"jetstream": i.JetStream, "headers": i.Headers, "nkeys": i.Nonce != ""} {
		if on {
			v.Facts.Extensions = append(v.Facts.Extensions, name)
		}
	}
	slices.Sort(v.Facts.Extensions)
	v.Absent("limits", "the server states no others")
}
