package mqtt

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
	"github.com/m2mscan/m2mscan/pkg/checks/websocket"
)

// declared logs in with the link's own credential, once, and once with a wrong
// password for the same user.
func (v *visit) declared(ctx context.Context) {
	login, err := v.Declared()
	if err != nil {
		v.Absent("random_credential", "there is no login to compare it with")
		if v.Facts.Declared == nil { // a certificate was none
			v.Visit.Unknown("declared", err)
			v.Visit.Unknown("declared_rights", err)
		}
		v.CompareRights()
		return
	}
	v.Facts.RandomCredential = v.logIn(ctx, "random_credential", connect{user: &login.User, password: new(rand.Text())}, nil)
	v.Facts.Declared = v.logIn(ctx, "declared", connect{user: &login.User, password: &login.Password}, func(c *channel.Conn) {
		v.rights(c, "declared_rights.", &v.Facts.DeclaredRights)
	})
	if v.Facts.Declared == nil || *v.Facts.Declared != channel.Accepted {
		v.Visit.UnknownReason("declared_rights", checks.ReasonNotTested, "the login did not succeed")
	}
	v.CompareRights()
}

func (v *visit) logIn(ctx context.Context, fact string, as connect, use func(*channel.Conn)) *string {
	c, err := v.Open(ctx)
	if err == nil {
		defer c.Close()
		err = c.Unproven()
	}
	var (
		what outcome
		ack  connAck
	)
	if err == nil {
		what, ack, err = v.connect(c, as)
	}
	if err != nil {
		v.Visit.Unknown(fact, err)
		return nil
	}
	v.Visit.Evidence("mqtt", fact+" -> "+codeText(ack.code))
	if what == turnedAway {
		if v.Facts.VerboseErrors == nil {
			v.readRefusal(ack)
		}
		return new(channel.Refused)
	}
	if use != nil {
		use(c)
	}
	_ = v.leave(c)
	return new(channel.Accepted)
}

// plaintextTwin looks for MQTT without TLS on the well-known port.
func (v *visit) plaintextTwin(ctx context.Context) {
	if !v.Visit.Target().TLS() {
		return // it is the twin
	}
	c, err := v.OpenTwin(ctx) // there is none known of a WebSocket
	if err == nil {
		defer c.Close()
		_, _, err = v.connect(c, connect{})
	}
	switch _, reason := checks.Classify(err); {
	case err == nil, err == errVersion: //nolint:errorlint // compared with what this package returns
		v.Facts.Plaintext, v.Facts.PlaintextLogin = new(true), new(true)
	case reason == checks.ReasonRefused:
		v.Facts.Plaintext, v.Facts.PlaintextLogin = new(false), new(false)
	default:
		v.Visit.Unknown("plaintext", err)
		v.Visit.Unknown("plaintext_login", err)
	}
}

// webSocket reports whether MQTT is spoken within a WebSocket.
func (v *visit) webSocket() bool {
	scheme := v.Visit.Target().Scheme
	return scheme == "ws" || scheme == "wss"
}

// foreign is the origin of a page that has nothing to do with the broker.
const foreign = "https://m2mscan.invalid"

// overWebSocket brings a connection to where the first MQTT packet is due
// (section 6: the subprotocol is mqtt).
func (v *visit) overWebSocket(ctx context.Context, c net.Conn) (net.Conn, error) {
	return v.upgrade(ctx, c, "")
}

func (v *visit) upgrade(ctx context.Context, c net.Conn, origin string) (net.Conn, error) {
	path := v.Visit.Link().URL.EscapedPath()
	if path == "" {
		path = "/mqtt"
	}
	if err := v.Visit.Request(ctx); err != nil {
		return nil, err
	}
	v.status = 0
	inner, answer, err := websocket.Dial(ctx, c, websocket.Handshake{
		Host: v.Visit.Link().URL.Host, Path: path, Origin: origin, Subprotocols: []string{"mqtt"},
		Header: http.Header{"User-Agent": {v.Visit.UserAgent()}},
	})
	if answer != nil {
		v.status = answer.Status
	}
	if err != nil {
		return nil, err
	}
	if answer.Subprotocol != "mqtt" {
		_ = inner.Close()
		return nil, checks.Because(checks.ReasonAmbiguous, "the WebSocket is not one for MQTT")
	}
	return inner, nil
}

// foreignOrigin opens a WebSocket as a page of another site would.
func (v *visit) foreignOrigin(ctx context.Context) {
	if !v.webSocket() {
		v.Absent("foreign_origin", "there is no WebSocket")
		return
	}
	opener := v.Opener
	defer func() { v.Opener = opener }()
	v.Opener = func(ctx context.Context, c net.Conn) (net.Conn, error) { return v.upgrade(ctx, c, foreign) }
	c, err := v.Open(ctx)
	if v.status == http.StatusForbidden || v.status == http.StatusUnauthorized || v.status == http.StatusBadRequest {
		v.Facts.ForeignOrigin = new(false)
		return
	}
	if err != nil {
		v.Visit.Unknown("foreign_origin", err)
		return
	}
	_ = c.Close()
	v.Facts.ForeignOrigin = new(true)
}
