// Package redis asks servers of the Redis protocol, Valkey and others among
// them, what they are and what a client may do.
//
// Nothing is read but what a client may know of itself: rights are learned from
// ACL WHOAMI, ACL GETUSER and ACL DRYRUN, which run nothing (Redis 7.0).
package redis

import (
	"context"
	"strconv"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
)

// Survey asks a server in its own protocol.
func Survey(ctx context.Context, s *channel.Survey) error {
	v := &visit{Survey: s}
	v.absent()
	if err := s.Begin(ctx, v.begin); err != nil {
		return s.Ended(err)
	}
	v.declared(ctx)
	return nil
}

// visit is a survey of one server.
type visit struct {
	*channel.Survey
	open bool // a client without credentials may do something
}

// absent lists the facts that the protocol does not have.
func (v *visit) absent() {
	v.Absent("mechanisms", "Redis has no mechanisms to choose from: AUTH sends a password")
	v.Absent("plain_only", "Redis has no mechanisms to choose from: AUTH sends a password")
	v.Absent("anonymous_offered", "Redis has no mechanisms to choose from")
	v.Absent("tls_downgrade", "Redis speaks TLS from the first byte or never")
	v.Absent("default_credentials", "Redis is delivered without a password, not with a known one")
	v.Absent("monitoring_open", "Redis has no monitoring port")
	v.Absent("foreign_origin", "there is no WebSocket")
	v.Absent("max_packet", "the server does not say")
	v.Absent("heartbeat", "Redis proposes none")
	v.Absent("advertised_hosts", "the server names no other")
	if v.Visit.Target().TLS() {
		v.Absent("plaintext", "the port speaks TLS, and Redis knows no other beside it")
		v.Absent("plaintext_login", "the port speaks TLS, and Redis knows no other beside it")
	}
}

// ask sends a command and reads its reply.
func ask(c *channel.Conn, words ...string) (reply, error) {
	if err := c.Send(command(words...)); err != nil {
		return reply{}, err
	}
	return readReply(c)
}

// begin is what a client without credentials is told.
func (v *visit) begin(c *channel.Conn) error {
	pong, err := ask(c, "PING")
	if err != nil {
		return err
	}
	v.Visit.Evidence("redis", "PING: "+pong.text)
	if pong.kind != kindError && pong.text != "PONG" {
		return checks.Because(checks.ReasonGarbage, "the answer to PING is not one of Redis")
	}
	refused := pong.kind == kindError
	switch pong.code() {
	case "", "NOPERM": // NOPERM: let in, with fewer rights
		v.open = true
	case "NOAUTH", "DENIED":
		v.TurnedAway()
	case "LOADING", "MASTERDOWN", "BUSY", "TRYAGAIN":
		return checks.Because(checks.ReasonThrottled, "the server is not ready: %s", pong.text)
	case "ERR":
		if isLimit(pong.text) {
			return checks.Because(checks.ReasonThrottled, "the server has reached its limit of clients")
		}
		return checks.Because(checks.ReasonAmbiguous, "PING is answered with an error: %s", pong.text)
	default:
		return checks.Because(checks.ReasonGarbage, "the answer to PING is not one of Redis")
	}
	v.Facts.Protocol = new("Redis")
	if !v.Visit.Target().TLS() {
		v.Facts.Plaintext = new(true)
		v.Facts.PlaintextLogin = new(refused && pong.code() == "NOAUTH")
	}
	if pong.code() == "DENIED" {
		v.Visit.Evidence("redis", "protected mode: only its own machine is let in")
	}
	v.introduce(c)
	if !v.open {
		v.Absent("rights", "a client without credentials is refused")
		v.Absent("max_connections", "the server says so to its clients alone")
		return nil
	}
	prefix, rights := v.LetIn()
	if v.Certified() {
		v.Absent("rights", "a client without credentials is refused")
	}
	v.rights(c, "default", prefix, rights)
	v.limits(c)
	return nil
}

// introduce reads what the server says it is (HELLO, Redis 6.0).
func (v *visit) introduce(c *channel.Conn) {
	hello, err := ask(c, "HELLO", "2")
	if err != nil {
		v.Visit.Unknown("product", err)
		v.Visit.Unknown("version", err)
		v.Visit.Unknown("extensions", err)
		v.Visit.Unknown("limits", err)
		v.Visit.Unknown("verbose_errors", err)
		return
	}
	v.Facts.VerboseErrors = new(false) // who is refused is told that, and no more
	if hello.kind != kindList {
		const why = "the server does not say before a login"
		v.Absent("product", why)
		v.Absent("version", why)
		v.Absent("extensions", why)
		v.Absent("limits", why)
		return
	}
	v.readHello(hello)
}

func (v *visit) readHello(hello reply) {
	text := func(key string) *string {
		if value, ok := hello.field(key); ok && value.kind == kindText && value.text != "" {
			return new(value.text)
		}
		v.Absent(map[string]string{"server": "product", "version": "version"}[key], "HELLO does not say")
		return nil
	}
	v.Facts.Product, v.Facts.Version = text("server"), text("version")
	v.Facts.Extensions = []string{}
	if modules, ok := hello.field("modules"); ok {
		for _, module := range modules.items {
			if name, ok := module.field("name"); ok && len(v.Facts.Extensions) < 20 {
				v.Facts.Extensions = append(v.Facts.Extensions, name.text)
			}
		}
	}
	if mode, ok := hello.field("mode"); ok {
		v.Facts.Limits = []string{"mode=" + mode.text}
	} else {
		v.Absent("limits", "HELLO does not say")
	}
}

// limits reads the one limit that a client meets first.
func (v *visit) limits(c *channel.Conn) {
	answer, err := ask(c, "CONFIG", "GET", "maxclients")
	if err != nil {
		v.Visit.Unknown("max_connections", err)
		return
	}
	if value, ok := answer.field("maxclients"); ok {
		if n, err := strconv.Atoi(value.text); err == nil {
			v.Facts.MaxConnections = new(n)
			return
		}
	}
	v.Absent("max_connections", "the server does not say")
}

func isLimit(text string) bool { return text == "ERR max number of clients reached" }
