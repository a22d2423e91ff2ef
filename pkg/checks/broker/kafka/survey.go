// Package kafka asks brokers of the Kafka protocol how a client may log in, and
// what it may do without a login and with the link's own.
//
// Rights are learned from what a broker says of them, and nothing is done with
// them: no topic is named, read or written. See [visit.rights] for what each
// answer proves.
package kafka

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Survey asks a broker in its own protocol.
func Survey(ctx context.Context, s *channel.Survey) error {
	v := &visit{Survey: s}
	v.absent()
	if err := s.Begin(ctx, v.begin); err != nil {
		return s.Ended(err)
	}
	v.anonymous(ctx)
	v.declared(ctx)
	v.defaults(ctx)
	v.plaintextTwin(ctx)
	v.describe()
	return nil
}

// visit is a survey of one broker.
type visit struct {
	*channel.Survey
	known    versions // as the broker told on the first connection
	login    *bool    // whether the listener takes a SASL login, when that is known
	closes   bool     // it closes the connection on a wrong login, without a word
	untried  error    // why no wrong login was tried beside the link's own
	throttle int32    // milliseconds
	limits   []string // NAME=VALUE
}

// absent lists the facts that the protocol does not have.
func (v *visit) absent() {
	const unnamed = "the protocol has no name for it: brokers of several makers speak it alike"
	v.Absent("product", unnamed)
	v.Absent("version", unnamed)
	v.Absent("tls_downgrade", "Kafka speaks TLS from the first byte or never")
	v.Absent("max_packet", "the broker tells it only with its configuration, which is not read")
	v.Absent("max_connections", "the broker tells it only with its configuration, which is not read")
	v.Absent("heartbeat", "the protocol has none on a connection")
	v.Absent("monitoring_open", "Kafka has no monitoring port of its own")
	v.Absent("foreign_origin", "there is no WebSocket")
	v.Absent("verbose_errors", "no login was refused with a text")
}

// open opens a connection and says hello.
func (v *visit) open(ctx context.Context) (*session, error) {
	c, err := v.Open(ctx)
	if err != nil {
		return nil, err
	}
	k := &session{Conn: c}
	if err := k.hello(v.Visit.UserAgent()); err != nil {
		c.Close()
		return nil, err
	}
	return k, nil
}

// close ends a session. The protocol has no word for goodbye.
func (v *visit) close(k *session) {
	v.throttle = max(v.throttle, k.throttle)
	k.Close()
}

// begin asks what the broker knows, and how a client may log in.
func (v *visit) begin(c *channel.Conn) error {
	k := &session{Conn: c}
	if err := k.hello(v.Visit.UserAgent()); err != nil {
		return err
	}
	v.known = k.known
	v.Facts.Protocol = new("Kafka")
	v.Visit.Evidence("kafka", fmt.Sprintf("ApiVersions: %d requests known", len(k.known.requests)))
	err := v.mechanisms(k)
	if !v.Visit.Target().TLS() {
		v.Facts.Plaintext, v.Facts.PlaintextLogin = new(true), v.login
		if err != nil {
			v.Visit.Unknown("plaintext_login", err)
		}
	}
	v.throttle = max(v.throttle, k.throttle)
	return nil
}

// mechanisms asks for a mechanism that does not exist, as a list comes with the
// refusal.
func (v *visit) mechanisms(k *session) error {
	login, offered, err := k.handshake("M2MSCAN")
	if err != nil {
		v.unknown(err, "mechanisms", "plain_only", "anonymous_offered")
		return err
	}
	v.login = &login
	if !login {
		v.Visit.Evidence("kafka", "SaslHandshake: error 34, no SASL on this listener")
		for _, fact := range []string{"mechanisms", "plain_only", "anonymous_offered"} {
			v.Absent(fact, "the listener takes no SASL login")
		}
		return nil
	}
	v.Visit.Evidence("kafka", "SaslHandshake: error 33, offered "+strings.Join(offered, " "))
	v.Facts.Mechanisms = offered
	v.Facts.PlainOnly = new(len(offered) > 0 && !slices.ContainsFunc(offered, func(m string) bool { return !isPlain(m) }))
	v.Facts.AnonymousOffered = new(slices.Contains(offered, "ANONYMOUS"))
	return nil
}

// isPlain reports a mechanism that hands the broker the password, or nothing.
func isPlain(mechanism string) bool {
	return slices.Contains([]string{"PLAIN", "LOGIN", "AMQPLAIN", "ANONYMOUS"}, mechanism)
}

// Caps on the list of mechanisms.
const (
	mechanismsMax   = 32
	mechanismLength = 20 // bytes (RFC 4422 section 3.1)
)

// handshake asks for a mechanism (KIP-43). Error 33 comes from a listener with
// SASL, and with it the mechanisms of that listener. Error 34 comes from one
// without; brokers before 1.0 send a list along, which is that of their other
// listeners.
func (k *session) handshake(mechanism string) (login bool, offered []string, err error) {
	if _, ok := k.known.requests[int16(kmsg.SASLHandshake)]; !ok {
		return false, nil, nil
	}
	req, resp := kmsg.NewPtrSASLHandshakeRequest(), kmsg.NewPtrSASLHandshakeResponse()
	req.Mechanism, req.Version = mechanism, 1
	if err := k.exchange(req, 0, resp); err != nil {
		return false, nil, err
	}
	switch resp.ErrorCode {
	case 0:
		return true, nil, nil
	case codeUnsupportedMechanism:
	case codeIllegalSASLState:
		return false, nil, nil
	default:
		return false, nil, checks.Because(checks.ReasonAmbiguous, "SaslHandshake is answered with error %d", resp.ErrorCode)
	}
	offered = []string{}
	for _, m := range resp.SupportedMechanisms {
		if m != "" && len(m) <= mechanismLength && len(offered) < mechanismsMax {
			offered = append(offered, printable(strings.ToUpper(m), mechanismLength))
		}
	}
	slices.Sort(offered)
	return true, slices.Compact(offered), nil
}

// plaintextTwin looks at who answers on the well-known port without TLS.
func (v *visit) plaintextTwin(ctx context.Context) {
	if !v.Visit.Target().TLS() {
		return
	}
	c, err := v.OpenTwin(ctx)
	if err == nil {
		defer c.Close()
		k := &session{Conn: c}
		if err = k.hello(v.Visit.UserAgent()); err == nil {
			v.Visit.Evidence("kafka", "ApiVersions is answered without TLS on the port beside")
			v.Facts.Plaintext = new(true)
			login, _, err := k.handshake("M2MSCAN")
			if err != nil {
				v.Visit.Unknown("plaintext_login", err)
				return
			}
			v.Facts.PlaintextLogin = &login
			return
		}
	}
	if _, reason := checks.Classify(err); reason == checks.ReasonRefused || err == errTLSAlert { //nolint:errorlint // compared with what this package returns
		v.Facts.Plaintext, v.Facts.PlaintextLogin = new(false), new(false)
		return
	}
	v.Visit.Unknown("plaintext", err)
	v.Visit.Unknown("plaintext_login", err)
}

// hostsMax is how many advertised hosts are listed.
const hostsMax = 20

// others lists the brokers that a client is sent to, beside the one that was
// asked. None is visited.
func others(brokers []kmsg.MetadataResponseBroker, self inventory.Target) []string {
	hosts := []string{}
	for _, b := range brokers {
		if b.Host == self.Host && b.Port == int32(self.Port) || b.Port < 0 || b.Port > 65535 {
			continue
		}
		hosts = append(hosts, hostPort(b.Host, b.Port))
	}
	slices.Sort(hosts)
	hosts = slices.Compact(hosts)
	return hosts[:min(len(hosts), hostsMax)]
}

func hostPort(host string, port int32) string {
	const most = 253 // bytes of a host name (RFC 1035 section 2.3.4)
	host = printable(host, most)
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return fmt.Sprintf("%s:%d", host, port)
}

// describe states what was learned on the way.
func (v *visit) describe() {
	if v.untried != nil {
		v.Visit.Unknown("random_credential", v.untried) // unless one was tried since
	}
	v.Facts.Extensions = append([]string{}, slices.Sorted(maps.Keys(v.known.features))...)
	for name, level := range v.known.features {
		v.limits = append(v.limits, fmt.Sprintf("%s=%d", name, level))
	}
	if release := v.known.atLeast(); release != "" {
		v.limits = append(v.limits, "protocol_at_least="+release)
	}
	if v.throttle > 0 {
		v.limits = append(v.limits, fmt.Sprintf("throttle_time_ms=%d", v.throttle))
	}
	slices.Sort(v.limits)
	v.Facts.Limits = append([]string{}, slices.Compact(v.limits)...)
}
