package amqp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
)

// errNotSpoken is that a broker answers with the header of an AMQP before 1.0.
var errNotSpoken = checks.Because(checks.ReasonAmbiguous, "the broker does not speak AMQP 1.0")

// offersOf sends the header of AMQP 1.0 with SASL and reads the mechanisms that
// the broker offers.
func offersOf(c *channel.Conn) ([]string, error) {
	if err := agree(c, headerSASL); err != nil {
		return nil, err
	}
	first, err := readPerformative(c, typeSASL)
	if err != nil {
		return nil, err
	}
	if first.descriptor != saslMechanisms {
		return nil, errGarbage
	}
	return first.mechanisms(), nil
}

// agree sends a header, which a server that agrees answers with the same one.
func agree(c *channel.Conn, header string) error {
	if err := c.Send([]byte(header)); err != nil {
		return err
	}
	first, err := c.Peek(1)
	if err != nil {
		return err
	}
	if first[0] != 'A' {
		return garbled(c, first[0])
	}
	answer, err := c.Bytes(len(header), len(header))
	switch {
	case err != nil:
		return err
	case string(answer) == header:
		return nil
	case slices.Contains([]string{headerSASL, header10, headerTLS}, string(answer)):
		return errOtherLayer
	case strings.HasPrefix(string(answer), "AMQP"):
		return errNotSpoken
	default:
		return errGarbage
	}
}

// errOtherLayer is that a broker wants SASL, or TLS, before what was asked for.
var errOtherLayer = checks.Because(checks.ReasonAmbiguous, "the broker asks for another security layer of AMQP 1.0")

// overNewer asks in AMQP 1.0 who is let in without credentials. Of a broker that
// speaks nothing else it learns all the rest as well. The result is nil where
// that is settled: accepted, as the facts say then, or refused.
func (v *visit) overNewer(ctx context.Context) error {
	c, err := v.Open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	list, err := offersOf(c)
	switch {
	case errors.Is(err, errNotSpoken) && !v.newer:
		return nil
	case err != nil && v.newer:
		v.Visit.Unknown("", err)
		return err
	case err != nil:
		return err
	}
	if v.newer {
		v.offered(slices.Clone(list))
	} else {
		v.Facts.Extensions = append(v.Facts.Extensions, "amqp_1_0")
		slices.Sort(v.Facts.Extensions)
		v.Visit.Evidence("sasl", "mechanisms of AMQP 1.0: "+strings.Join(list, " "))
	}
	switch {
	case slices.Contains(list, "ANONYMOUS"):
		err = v.enter(func() (session, error) { return v.logInNewer(c, "ANONYMOUS", trace()) }, func(prefix string, _ *channel.Rights) {
			v.newerRights(prefix)
			goodbyeNewer(c)
		})
	case v.newer:
		v.Visit.Evidence("sasl", "ANONYMOUS is not offered")
		err = v.withoutSASL(ctx)
	}
	if slices.Contains(list, tokenMechanism) && v.Facts.Anonymous != nil {
		v.Facts.Anonymous = nil
		return checks.Because(checks.ReasonAmbiguous, "%s: a session without a login is how one begins that sends a token", tokenMechanism)
	}
	return err
}

// tokenMechanism is offered by Azure Service Bus, Event Hubs and IoT Hub, where
// clients log in with ANONYMOUS and then send a token to a node of the session
// (AMQP Claims-based Security 1.0). What a client may do is decided by that.
const tokenMechanism = "MSSBCBS"

// withoutSASL tries to come in without any login: AMQP 1.0 knows connections
// that begin without SASL.
func (v *visit) withoutSASL(ctx context.Context) error {
	c, err := v.Open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return v.enter(func() (session, error) {
		got, err := v.openNewer(c)
		if errors.Is(err, errOtherLayer) {
			return session{closing: closing{text: "SASL is demanded"}}, nil
		}
		return got, err
	}, func(prefix string, _ *channel.Rights) {
		v.newerRights(prefix)
		goodbyeNewer(c)
	})
}

// newerRights says why the rights of a session of AMQP 1.0 stay unknown.
func (v *visit) newerRights(prefix string) {
	v.Visit.UnknownReason(strings.TrimSuffix(prefix, "."), checks.ReasonNotTested, "in AMQP 1.0 only a link that is attached would tell, which may make a queue")
}

// Outcomes of SASL (AMQP 1.0 part 5, section 5.3.3.6).
const (
	outcomeOK      = 0
	outcomeAuth    = 1
	outcomeSysTemp = 4
)

// logInNewer chooses a mechanism and, when the broker takes it, begins a
// session. The error is that of a broker which does not say.
func (v *visit) logInNewer(c *channel.Conn, mechanism string, response []byte) (session, error) {
	if err := c.Send(encodeInit(mechanism, response, v.Visit.Target().Host)); err != nil {
		return session{}, err
	}
	answer, err := readPerformative(c, typeSASL)
	if err != nil {
		return session{}, err
	}
	if answer.descriptor != saslOutcome {
		return session{}, checks.Because(checks.ReasonAmbiguous, "%s is answered with another challenge", mechanism)
	}
	outcome, ok := answer.fields.item(0).number()
	switch {
	case !ok:
		return session{}, errGarbage
	case outcome == outcomeAuth:
		return session{closing: closing{text: "SASL outcome 1, auth"}}, nil
	case outcome == outcomeSysTemp:
		return session{}, checks.Because(checks.ReasonThrottled, "%s: the broker is not able to, for now", mechanism)
	case outcome != outcomeOK:
		return session{}, checks.Because(checks.ReasonAmbiguous, "%s: SASL outcome %d", mechanism, outcome)
	}
	got, err := v.openNewer(c)
	got.let = err == nil
	return got, err
}

// openNewer opens a connection of AMQP 1.0 and begins a session in it.
func (v *visit) openNewer(c *channel.Conn) (session, error) {
	if err := agree(c, header10); err != nil {
		return session{}, err
	}
	if err := c.Send(encodeOpen("m2mscan", v.Visit.Target().Host)); err != nil {
		return session{}, err
	}
	opened, err := readPerformative(c, typeAMQP)
	if err != nil {
		return session{}, err
	}
	if opened.descriptor != open {
		return ended(opened)
	}
	v.openedAs(opened)
	if err := c.Send(encodeBegin()); err != nil {
		return session{}, err
	}
	begun, err := readPerformative(c, typeAMQP)
	if err != nil {
		return session{}, err
	}
	if begun.descriptor != begin {
		return ended(begun)
	}
	return session{let: true, opened: true}, nil
}

// ended reads why a broker ends a connection or a session. That a user may not
// is a refusal.
func ended(p performative) (session, error) {
	if p.descriptor != closeIt && p.descriptor != end {
		return session{}, errGarbage
	}
	condition, description := p.condition()
	why := closing{text: strings.TrimSpace(condition + " " + description)}
	switch condition {
	case "amqp:unauthorized-access":
		why.code = accessRefused
		return session{closing: why}, nil
	case "amqp:resource-limit-exceeded":
		return session{}, checks.Because(checks.ReasonThrottled, "the broker has reached a limit: %s", why.text)
	default:
		return session{}, checks.Because(checks.ReasonAmbiguous, "the broker ends the connection: %s", why.text)
	}
}

// openedAs reads what the broker says of itself and the limits that it states
// (AMQP 1.0 part 2, section 2.7.1).
func (v *visit) openedAs(p performative) {
	properties := p.fields.item(9)
	if v.Facts.Product == nil {
		v.name(properties.entry("product").text(), properties.entry("version").text())
	}
	if v.told || !v.newer {
		return
	}
	v.told = true
	v.Facts.Limits = []string{}
	for field, name := range map[int]string{2: "frame_max", 3: "channel_max"} {
		if n, ok := p.fields.item(field).number(); ok {
			v.Facts.Limits = append(v.Facts.Limits, fmt.Sprintf("%s=%d", name, n))
		}
	}
	slices.Sort(v.Facts.Limits)
	idle, _ := p.fields.item(4).number() // milliseconds; none stands for never
	v.Facts.Heartbeat = new(int((min(idle, 1<<31) + 999) / 1000))
}

// goodbyeNewer closes the connection as AMQP 1.0 has it.
func goodbyeNewer(c *channel.Conn) {
	if c.Send(encodeClose()) != nil {
		return
	}
	_ = c.SetReadDeadline(time.Now().Add(goodbyeWait))
	for range framesMax {
		if p, err := readPerformative(c, typeAMQP); err != nil || p.descriptor == closeIt {
			return
		}
	}
}
