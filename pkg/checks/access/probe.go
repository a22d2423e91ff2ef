// Package access finds out whether a server lets in who has no credential, or
// one that it did not issue.
//
// It asks for the declared URL without a credential, with a garbage one, and
// last with the link's own, so that no cache on the way replays what only that
// one may see. Two random paths show what the server answers to anything.
package access

import (
	"context"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Probe gathers the facts of namespace "access".
func Probe() checks.Probe {
	return checks.New(checks.Spec{
		Name:  "access",
		Doc:   "Asks for the declared URL without a credential, with a garbage one and with the link's own, and compares the answers; at level active with tampered tokens, too.",
		Level: checks.Observe,
		// The credentials of a broker are those of its own protocol.
		Applies: func(l *inventory.Link) bool { return l.Target().HTTP() && l.Kind != inventory.KindBroker },
		Plan:    plan,
	}, func(ctx context.Context, v *checks.Visit) (*Facts, error) {
		s := newSurvey(v)
		if err := s.ask(ctx); err != nil {
			return nil, err
		}
		s.settle(ctx)
		return s.facts, nil
	})
}
