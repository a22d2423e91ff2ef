// Package mqtt asks MQTT brokers, of version 3.1.1 and 5, over TCP, TLS and
// WebSocket, what they are and what a client may do.
//
// A granted subscription proves nothing: brokers grant what their access list
// then withholds. Rights are known from a denial, or from the delivery of one
// status topic; nothing else is subscribed to, and no payload is kept.
package mqtt

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
)

// Survey asks a broker in its own protocol.
func Survey(ctx context.Context, s *channel.Survey) error {
	v := &visit{Survey: s, level: level5}
	v.absent()
	if v.webSocket() {
		s.Opener = v.overWebSocket
	}
	err := s.Begin(ctx, v.begin)
	if v.olderMayDo(err) {
		// RabbitMQ before 3.13 closes the connection where it does not know the
		// version; others answer with the code of theirs.
		v.level = level4
		err = s.Begin(ctx, v.begin)
	}
	if err != nil {
		return s.Ended(err)
	}
	v.declared(ctx)
	v.plaintextTwin(ctx)
	v.foreignOrigin(ctx)
	return nil
}

// visit is a survey of one broker.
type visit struct {
	*channel.Survey
	level  byte
	status int // of the last answer to a WebSocket handshake; zero when there was none
}

func (v *visit) absent() {
	v.Absent("mechanisms", "MQTT lists no mechanisms")
	v.Absent("plain_only", "MQTT lists no mechanisms")
	v.Absent("anonymous_offered", "MQTT lists no mechanisms")
	v.Absent("tls_downgrade", "MQTT speaks TLS from the first byte or never")
	v.Absent("default_credentials", "no broker with a known default login of MQTT was seen")
	v.Absent("monitoring_open", "MQTT has no monitoring port")
	v.Absent("max_connections", "MQTT does not say")
	v.Absent("extensions", "MQTT does not say")
	v.Absent("rights.admin", "MQTT has no right to administer")
	v.Absent("declared_rights.admin", "MQTT has no right to administer")
	v.Absent("product", "the broker says so in a status topic alone, which is looked at from level active on")
	v.Absent("version", "the broker says so in a status topic alone, which is looked at from level active on")
}

// clientID is new each time: a broker ends the session of another client with
// the same one (section 3.1.4). It fits the 23 characters that every broker takes.
func clientID() string { return "m2mscan-" + strings.ToLower(rand.Text()[:12]) }

// outcome is what a CONNACK means.
type outcome int

const (
	letIn outcome = iota
	turnedAway
	otherVersion
)

// meaning of a reason code (OASIS MQTT 5.0 section 3.2.2.2, 3.1.1 section
// 3.2.2.3). The error is that of a code which is not about the login.
func meaning(code, level byte) (outcome, error) {
	switch {
	case code == 0:
		return letIn, nil
	case code == 1 || code == 0x84:
		return otherVersion, nil
	case code == 4 || code == 5 || code == 0x86 || code == 0x87 || code == 0x8c:
		return turnedAway, nil
	case level == level4 && code == 3, code == 0x88, code == 0x89, code == 0x97, code == 0x9f:
		return 0, checks.Because(checks.ReasonThrottled, "%s: the broker is busy", codeText(code))
	default:
		return 0, checks.Because(checks.ReasonAmbiguous, "%s", codeText(code))
	}
}

var errVersion = checks.Because(checks.ReasonAmbiguous, "the broker does not speak this version of MQTT")

// olderMayDo reports whether MQTT 3.1.1 is worth a try.
func (v *visit) olderMayDo(err error) bool {
	if err == nil || v.level == level4 || v.Facts.Protocol != nil || channel.CertificateWanted(err) {
		return false
	}
	_, reason := checks.Classify(err)
	return err == errVersion || reason == checks.ReasonReset //nolint:errorlint // compared with what this file returns
}

// connect logs in. The error is that of a broker which does not say whether the
// client is let in.
func (v *visit) connect(c *channel.Conn, as connect) (outcome, connAck, error) {
	as.level, as.clientID = v.level, clientID()
	if err := c.Send(as.encode()); err != nil {
		return 0, connAck{}, err
	}
	p, err := readPacket(c)
	if err != nil {
		return 0, connAck{}, err
	}
	if p.kind == typeAuth {
		return 0, connAck{}, checks.Because(checks.ReasonAmbiguous, "the broker asks for an exchange that was not offered")
	}
	ack, err := readConnAck(p, v.level)
	if err != nil {
		return 0, ack, err
	}
	what, err := meaning(ack.code, v.level)
	if err == nil && what == otherVersion {
		err = errVersion
	}
	return what, ack, err
}

// begin is what a client without credentials is told.
func (v *visit) begin(c *channel.Conn) error {
	what, ack, err := v.connect(c, connect{})
	if err != nil {
		return err
	}
	v.Visit.Evidence("mqtt", "CONNECT without a login: "+codeText(ack.code))
	v.Facts.Protocol = new(map[byte]string{level4: "MQTT 3.1.1", level5: "MQTT 5"}[v.level])
	v.introduce(ack)
	if !v.Visit.Target().TLS() {
		v.Facts.Plaintext, v.Facts.PlaintextLogin = new(true), new(true) // each CONNECT may carry a password
	}
	if what == turnedAway {
		v.TurnedAway()
		v.Absent("rights", "a client without credentials is refused")
		return nil
	}
	prefix, rights := v.LetIn()
	if v.Certified() {
		v.Absent("rights", "a client without credentials is refused")
	}
	v.rights(c, prefix, rights)
	return v.leave(c)
}

// introduce reads the limits of a CONNACK (section 3.2.2.3).
func (v *visit) introduce(ack connAck) {
	v.readRefusal(ack)
	v.Facts.AdvertisedHosts = []string{}
	if server, ok := ack.properties[propServerReference]; ok && server.text != "" {
		v.Facts.AdvertisedHosts = append(v.Facts.AdvertisedHosts, server.text)
	}
	if v.level == level4 || ack.code != 0 {
		const why = "the broker states its limits to clients of MQTT 5 that are let in"
		v.Absent("max_packet", why)
		v.Absent("heartbeat", why)
		v.Absent("limits", why)
		return
	}
	v.Facts.MaxPacket = new(int(ack.properties[propMaximumPacket].number)) // zero: none is stated
	v.Facts.Limits = []string{}
	for id, name := range map[byte]string{
		propReceiveMaximum: "receive_maximum", propTopicAliasMax: "topic_alias_maximum", propMaximumQoS: "maximum_qos",
		propRetainAvailable: "retain_available",
	} {
		if p, ok := ack.properties[id]; ok {
			v.Facts.Limits = append(v.Facts.Limits, fmt.Sprintf("%s=%d", name, p.number))
		}
	}
	slices.Sort(v.Facts.Limits)
	if alive, ok := ack.properties[propServerKeepAlive]; ok {
		v.Facts.Heartbeat = new(int(alive.number))
	} else {
		v.Absent("heartbeat", "the broker takes the one that the client proposes")
	}
}

// readRefusal looks at the reason string of a refusal (section 3.2.2.3.9).
func (v *visit) readRefusal(ack connAck) {
	if ack.code == 0 {
		v.Absent("verbose_errors", "no login was refused")
		return
	}
	text := ack.properties[propReasonString].text
	v.Facts.VerboseErrors = new(channel.TellsWhy(text))
	if text != "" {
		v.Visit.Evidence("mqtt", "reason string: "+text)
	}
}

// leave ends a session as it should be ended (section 3.14).
func (v *visit) leave(c *channel.Conn) error {
	_ = c.Send(encode(typeDisconnect, 0, nil)) // nothing answers it
	return nil
}
