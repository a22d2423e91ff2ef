// Package stomp asks brokers that speak STOMP, 1.0 to 1.2, what they are and
// what a client may do.
package stomp

import (
	"context"
	"strconv"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
)

// Survey asks a broker in its own protocol.
func Survey(ctx context.Context, s *channel.Survey) error {
	v := &visit{Survey: s}
	v.absent()
	if err := s.Begin(ctx, v.begin); err != nil {
		return s.Ended(err)
	}
	v.declared(ctx)
	v.defaultCredentials(ctx)
	v.plaintextTwin(ctx)
	v.untold()
	return nil
}

// visit is a survey of one broker.
type visit struct {
	*channel.Survey
	product string // as far as its answers give it away; lower case
}

// absent lists the facts that the protocol does not have.
func (v *visit) absent() {
	const none = "STOMP has no mechanisms to choose from: CONNECT sends a password"
	v.Absent("mechanisms", none)
	v.Absent("plain_only", none)
	v.Absent("anonymous_offered", none)
	v.Absent("tls_downgrade", "the port speaks TLS from the first byte or never")
	v.Absent("foreign_origin", "there is no WebSocket")
	v.Absent("monitoring_open", "STOMP has no monitoring port of its own")
	const unsaid = "the broker does not say"
	for _, fact := range []string{"max_packet", "max_connections", "limits", "extensions"} {
		v.Absent(fact, unsaid)
	}
	v.Absent("advertised_hosts", "the broker names no other")
}

// untold gives the facts that nobody was told a reason.
func (v *visit) untold() {
	v.Absent("product", "told to those alone who have logged in, if at all")
	v.Absent("version", "told to those alone who have logged in, if at all")
	v.Absent("heartbeat", "told to those alone who have logged in")
	v.Absent("verbose_errors", "no login was refused")
	v.Absent("plaintext", "the port speaks TLS, and no other is known beside it")
	v.Absent("plaintext_login", "the port speaks TLS, and no other is known beside it")
	v.Absent("random_credential", "tried at level consented, and beside a declared login")
}

// begin is what a client without a login is told.
func (v *visit) begin(c *channel.Conn) error {
	answer, err := v.connect(c, nil)
	if err != nil {
		return err
	}
	v.introduce(answer)
	v.Visit.Evidence("stomp", "CONNECT without a login: "+summary(answer))
	let, err := verdict(answer)
	switch _, reason := checks.Classify(err); {
	case reason == checks.ReasonAmbiguous: // a login may tell more
		v.Visit.Unknown("anonymous", err)
		v.Visit.Unknown("rights", err)
		return nil
	case err != nil:
		return err
	case !let:
		v.TurnedAway()
		v.judgeText(answer, "")
		v.Absent("rights", "a client without credentials is refused")
		return nil
	}
	prefix, _ := v.LetIn()
	if v.Certified() {
		v.Absent("rights", "a client without credentials is refused")
	}
	v.unknownRights(strings.TrimSuffix(prefix, "."))
	_ = c.Send(encodeDisconnect())
	return nil
}

// unknownRights says why the rights of a session stay unknown.
func (v *visit) unknownRights(fact string) {
	v.Visit.UnknownReason(fact, checks.ReasonNotTested, "STOMP shows no rights but to who subscribes or sends, which may make a queue")
}

// connect sends CONNECT and reads the answer.
func (v *visit) connect(c *channel.Conn, login *channel.Login) (frame, error) {
	message, err := encodeConnect(virtualHost(v.Visit.Link().URL.Path), login)
	if err != nil {
		return frame{}, err
	}
	if err := c.Send(message); err != nil {
		return frame{}, err
	}
	first, err := c.Peek(1)
	if err != nil {
		return frame{}, err
	}
	const alert = 21 // the type of a TLS record (RFC 8446 section 5.1)
	if first[0] == alert {
		return frame{}, errTLS
	}
	return readFrame(c)
}

// errTLS is that a port answers in TLS which is asked without.
var errTLS = checks.Because(checks.ReasonAmbiguous, "the port answers in TLS")

// virtualHost is the path of a URL. Brokers take the header "host" for the name
// of a virtual host, not for their own; the default one is "/".
func virtualHost(path string) string {
	if host := strings.TrimPrefix(path, "/"); host != "" {
		return host
	}
	return "/"
}

// verdict reads what becomes of a login. An ERROR need not be about it: the
// protocol has no codes, so that only a text which speaks of logins is a refusal.
func verdict(answer frame) (let bool, err error) {
	if answer.command == commandConnected {
		return true, nil
	}
	text := strings.ToLower(answer.headers["message"] + "\n" + answer.body)
	for _, phrase := range []string{"limit", "too many", "maximum"} {
		if strings.Contains(text, phrase) {
			return false, checks.Because(checks.ReasonThrottled, "the broker has reached a limit: %s", summary(answer))
		}
	}
	for _, phrase := range []string{
		"access refused", "non-loopback", "authenticat", "unauthorized", "not authorized", "password", "passcode", "credential", "login", "securityexception", "security error", "unable to validate user",
	} {
		if strings.Contains(text, phrase) {
			return false, nil
		}
	}
	return false, checks.Because(checks.ReasonAmbiguous, "CONNECT is answered with an error: %s", summary(answer))
}

// summary is the start of an answer, for people.
func summary(f frame) string {
	if f.command == commandConnected {
		return strings.TrimSpace("CONNECTED " + f.headers["server"])
	}
	line, _, _ := strings.Cut(strings.TrimSpace(f.body), "\n")
	return strings.TrimSpace("ERROR " + f.headers["message"] + ": " + line)
}

// introduce fills in what the headers of an answer say.
func (v *visit) introduce(f frame) {
	version := f.headers["version"]
	if i := strings.LastIndexByte(version, ','); i >= 0 { // all that are spoken, in an ERROR
		version = version[i+1:]
	}
	switch {
	case version == "" && f.command == commandConnected:
		version = "1.0" // which has no such header
	case len(version) > 8:
		version = ""
	}
	v.Facts.Protocol = new(strings.TrimSpace("STOMP " + version))
	if !v.Visit.Target().TLS() {
		v.Facts.Plaintext, v.Facts.PlaintextLogin = new(true), new(true)
	}
	if f.command == commandConnected {
		v.Facts.Heartbeat = new(heartbeat(f.headers["heart-beat"]))
	}
	v.identify(f)
}

// identify reads the product: from the header "server", NAME/VERSION COMMENT,
// else from how its errors are worded.
func (v *visit) identify(f frame) {
	const most = 100 // bytes
	server, _, _ := strings.Cut(f.headers["server"], " ")
	server = server[:min(len(server), most)]
	name, version, _ := strings.Cut(server, "/")
	if name != "" {
		v.product = strings.ToLower(name)
		v.Facts.Product = &name
		if version != "" {
			v.Facts.Version = &version
		}
		return
	}
	text := f.headers["message"] + "\n" + f.body
	switch {
	case v.product != "":
	case strings.Contains(text, "AMQ229") || strings.Contains(text, "AMQ339"):
		v.product = "activemq-artemis"
	case strings.Contains(text, "org.apache.activemq"):
		v.product = "activemq"
	case f.headers["message"] == "Bad CONNECT":
		v.product = "rabbitmq"
	}
}

// heartbeat is after how many seconds of silence the broker gives a client up:
// the second number of the header, in milliseconds (STOMP 1.2, "Heart-beating").
func heartbeat(header string) int {
	_, wants, _ := strings.Cut(header, ",")
	ms, err := strconv.ParseUint(strings.TrimSpace(wants), 10, 31)
	if err != nil {
		return 0
	}
	return int((ms + 999) / 1000)
}
