// Package clientauth finds out whether a server asks for a client certificate,
// whether it insists, and what it makes of one.
package clientauth

import (
	"context"
	"sync"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// silenceMax is how long a server may say nothing after a TLS 1.3 handshake
// before its answer to our certificate counts as not given.
const silenceMax = time.Second

// Probe gathers the facts of namespace "client_auth". It goes on where the
// shared handshake ended, on the same connection.
func Probe() checks.Probe { return newProbe(silenceMax, sync.OnceValues(machineRoots)) }

func newProbe(silence time.Duration, roots rootNames) checks.Probe {
	return checks.New(checks.Spec{
		Name:    "client_auth",
		Doc:     "Finds out whether a client certificate is asked for, whether TLS or the application insists, and what becomes of the link's own.",
		Level:   checks.Observe,
		Applies: func(l *inventory.Link) bool { return l.Target().TLS() },
		Plan:    plan,
	}, func(ctx context.Context, v *checks.Visit) (*Facts, error) {
		own := readOwn(v)
		h, err := v.Handshake(ctx)
		if err != nil {
			return own.alone(v, err)
		}
		s := &survey{visit: v, silence: silence, roots: roots, facts: &Facts{}}
		s.versions(ctx, h)
		s.merge()
		s.listAuthorities()
		s.presentOwn(ctx, own)
		s.presentAny(ctx)
		return s.facts, nil
	})
}

// plan counts a repetition of everything, and the control handshakes of a
// server that does not answer.
func plan(scope checks.Scope) checks.Cost {
	const tries = 3
	cost := checks.Cost{Connections: 1 + tries} // the shared connection once more, and an older version
	if scope.Link.Target().HTTP() {
		cost.Asks = []string{httpclient.Request{}.Name()}
		cost.MoreAsks = 2
	}
	presented := 0
	if !scope.Link.TLS.ClientCert.IsZero() {
		presented++
	}
	if scope.Level.Allows(checks.Active) {
		presented++
	}
	cost.Connections += presented * tries
	if scope.Link.Target().HTTP() {
		cost.MoreAsks += presented
	}
	return cost
}

// survey is one visit of the probe.
type survey struct {
	visit   *checks.Visit
	silence time.Duration
	roots   rootNames
	demands []*demand // newest version first
	facts   *Facts
}
