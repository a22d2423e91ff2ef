package websocket

import (
	"context"
	"net/http"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Probe gathers the facts of namespace "websocket".
func Probe() checks.Probe {
	return checks.New(checks.Spec{
		Name:  "websocket",
		Doc:   "Asks for a WebSocket at the declared URL without a token, with a garbage one and with the link's own, and as a page of another site would.",
		Level: checks.Observe,
		Applies: func(l *inventory.Link) bool {
			scheme := l.Target().Scheme
			return (scheme == "ws" || scheme == "wss") && l.Kind == inventory.KindEndpoint
		},
		Plan: plan,
	}, func(ctx context.Context, v *checks.Visit) (*Facts, error) {
		s := &survey{visit: v, talk: httpclient.Talk(v), facts: &Facts{}}
		if err := s.ask(ctx); err != nil {
			return nil, err
		}
		s.settle()
		return s.facts, nil
	})
}

const (
	// asWebSocket sets these requests apart from those of plain HTTP.
	asWebSocket = "as WebSocket"
	// foreignOrigin is a site that nobody has (RFC 6761 section 6.4).
	foreignOrigin = "https://m2mscan.invalid"
	garbageName   = "garbage credential"
	// nobodysProtocol is offered first: servers that take it take anything.
	nobodysProtocol = "m2mscan"
)

// offered are the subprotocols that a server may choose from, of the registry
// of IANA and of GraphQL.
//
//nolint:gochecknoglobals // a table
var offered = []string{
	nobodysProtocol, "graphql-transport-ws", "graphql-ws", "mqtt", "v12.stomp", "amqp", "ocpp2.0.1", "ocpp1.6", "wamp.2.json",
}

// wanted are the handshakes that a link is asked for. The credentials in them
// are named but not made yet.
type wanted struct {
	bare, garbage, own   httpclient.Request
	asksGarbage, asksOwn bool
}

func wantedFor(l *inventory.Link, level checks.Level) wanted {
	secure := l.Target().TLS()
	certificate := secure && !l.TLS.ClientCert.IsZero()
	token := secure && (httpclient.HasDeclared(l, level) || hasSecretQuery(l))
	w := wanted{
		bare:        httpclient.Request{Note: asWebSocket},
		garbage:     httpclient.Request{Note: asWebSocket, Credential: named(garbageName)},
		asksGarbage: l.Auth.Type != inventory.AuthNone && l.Auth.Type != inventory.AuthMTLS,
		own:         httpclient.Request{Note: asWebSocket, Certificate: certificate},
		asksOwn:     token || certificate,
	}
	if token {
		w.own.Credential = named(httpclient.DeclaredName)
	}
	return w
}

// foreign is a handshake as a page of another site would have it.
func foreign(r httpclient.Request) httpclient.Request {
	r.Header = http.Header{"Origin": {foreignOrigin}}
	return r
}

// hasSecretQuery reports that the declared URL has a parameter that is a secret,
// as is usual where browsers connect, too: they cannot set a header.
func hasSecretQuery(l *inventory.Link) bool {
	query := l.URL.Query()
	for _, secret := range l.URLSecrets() {
		if name, ok := strings.CutPrefix(secret, "query "); ok && query.Has(name) {
			return true
		}
	}
	return false
}

// plan is exact for a server that answers. What may come on top is one with a
// foreign origin, if any without was accepted, the fetching of a token, and,
// where the server wants a client certificate, the first one once more.
func plan(s checks.Scope) checks.Cost {
	w := wantedFor(s.Link, s.Level)
	requests := []httpclient.Request{w.bare}
	if w.asksGarbage {
		requests = append(requests, w.garbage)
	}
	if w.asksOwn {
		requests = append(requests, w.own)
	}
	cost := checks.Cost{Asks: httpclient.Names(requests...), MoreAsks: 1}
	if w.own.Certificate {
		cost.Connections += 3 // a handshake that has no answer is repeated
		cost.MoreAsks++
	}
	cost.Connections += len(cost.Asks) + cost.MoreAsks
	if a := s.Link.Auth; w.own.Credential != nil && a.Type == inventory.AuthOAuth2 && a.Token.IsZero() {
		cost.MoreAsks++
	}
	return cost
}

// named stands in a plan for a credential that is made later.
func named(name string) *httpclient.Credential { return httpclient.NewCredential(name, false, nil) }
