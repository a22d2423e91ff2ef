// Package grpc finds out whom a gRPC server talks to, and what it tells.
//
// Nothing of the link's own services is called: only the health service, the
// reflection service at level active, and a procedure that nobody has.
package grpc

import (
	"context"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Probe gathers the facts of namespace "grpc".
func Probe() checks.Probe {
	return checks.New(checks.Spec{
		Name:  "grpc",
		Doc:   "Asks a gRPC server for its health without a token, with a garbage one and with the link's own, and calls a procedure that nobody has; at level active lists services by reflection.",
		Level: checks.Observe,
		Applies: func(l *inventory.Link) bool {
			scheme := l.Target().Scheme
			return scheme == "grpc" || scheme == "grpcs"
		},
		Plan: plan,
	}, func(ctx context.Context, v *checks.Visit) (*Facts, error) {
		s := &survey{visit: v, talk: httpclient.Talk(v), facts: &Facts{}}
		s.calls = s.talk.Procedures()
		defer s.calls.HangUp()
		if err := s.ask(ctx); err != nil {
			return nil, err
		}
		s.settle()
		return s.facts, nil
	})
}

// wanted are the calls that a link is asked. The credentials in them are named
// but not made yet.
type wanted struct {
	bare, nobody, garbage, own httpclient.Call
	asksGarbage, asksOwn       bool
	reflection                 []httpclient.Call // at level active; the second when the first is not there
}

func wantedFor(l *inventory.Link, level checks.Level) wanted {
	certificate := l.Target().TLS() && !l.TLS.ClientCert.IsZero()
	token := httpclient.HasDeclared(l, level) && l.Target().TLS()
	w := wanted{
		bare:        httpclient.Call{Procedure: httpclient.HealthCheck},
		nobody:      httpclient.Call{Procedure: httpclient.NoProcedure},
		garbage:     httpclient.Call{Procedure: httpclient.HealthCheck, Credential: named(garbageName)},
		asksGarbage: l.Auth.Type != inventory.AuthNone && l.Auth.Type != inventory.AuthMTLS,
		own:         httpclient.Call{Procedure: httpclient.HealthCheck, Certificate: certificate},
		asksOwn:     token || certificate,
	}
	if token {
		w.own.Credential = named(httpclient.DeclaredName)
	}
	if level.Allows(checks.Active) {
		w.reflection = []httpclient.Call{{Procedure: httpclient.ReflectionV1}, {Procedure: httpclient.ReflectionV1Alpha}}
	}
	return w
}

// plan is exact for a server that answers. What may come on top are calls whose
// connection failed, the older form of reflection, the fetching of a token, and,
// where the server wants a client certificate, the first call once more.
func plan(s checks.Scope) checks.Cost {
	w := wantedFor(s.Link, s.Level)
	calls := []httpclient.Call{w.bare, w.nobody}
	if w.asksGarbage {
		calls = append(calls, w.garbage)
	}
	if w.asksOwn {
		calls = append(calls, w.own)
	}
	cost := checks.Cost{Connections: 1 + httpclient.Repeats, MoreAsks: httpclient.Repeats}
	if w.own.Certificate {
		cost.Connections += 3 // a handshake that has no answer is repeated
		cost.MoreAsks++
	}
	if len(w.reflection) > 0 {
		calls = append(calls, w.reflection[0])
		cost.MoreAsks++
		if w.own.Credential != nil && s.Link.Auth.Token.IsZero() && s.Link.Auth.Type == inventory.AuthOAuth2 {
			cost.MoreAsks++
		}
	}
	cost.Asks = httpclient.CallNames(calls...)
	return cost
}

// named stands in a plan for a credential that is made later.
func named(name string) *httpclient.Credential { return httpclient.NewCredential(name, false, nil) }
