// Package flaws looks for faults in the way TLS was written, which only show
// when something is sent that the protocol forbids: Heartbleed, CCS injection
// and ROBOT. It therefore runs at level active.
//
// What is sent harms nobody. Every connection is our own and ends with the
// server's alert; no session, key or ciphertext of anybody else is touched.
// At the most one byte of foreign memory can come back, and it is thrown away
// unread. See each test for why.
//
// Only a message that the protocol knows is an answer. A reset, a close and
// silence say nothing, neither for nor against: the fact is unknown.
package flaws

import (
	"context"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

const (
	// attempts is how many connections are made until one answers a hello: as
	// often as [checks.Visit.Insist] asks without a control.
	attempts = 3
	// conversations is how many hellos must be answered at most: until one is
	// accepted, for CCS injection twice, and for ROBOT.
	conversations = hellos + 2 + int(paddings) + len(order)
)

// Probe gathers the facts of namespace "tls_flaws".
func Probe() checks.Probe {
	return checks.New(checks.Spec{
		Name:    "tls_flaws",
		Doc:     "Looks for Heartbleed, CCS injection and ROBOT, with messages that reveal them and harm nobody.",
		Level:   checks.Active,
		Applies: func(l *inventory.Link) bool { return l.Target().TLS() },
		Plan: func(checks.Scope) checks.Cost {
			return checks.Cost{Connections: attempts * conversations}
		},
	}, observe)
}

func observe(ctx context.Context, v *checks.Visit) (*Facts, error) {
	addresses, err := v.Visited(ctx)
	if err != nil {
		return nil, err
	}
	s := &server{visit: v, address: addresses[0], facts: &Facts{}}
	c, err := s.meet(ctx)
	if err != nil {
		return nil, err
	}
	if c == nil { // all three are faults of TLS 1.2 and older
		return &Facts{Heartbleed: new(false), CCSInjection: new(false), ROBOT: new(false)}, nil
	}
	s.heartbleed(c)
	s.ccsInjection(ctx, c)
	s.robot(ctx)
	return s.facts, nil
}

// set records what a test showed, or why it showed nothing.
func (s *server) set(name string, fact **bool, vulnerable bool, err error) {
	if err != nil {
		s.visit.Unknown(name, err)
		return
	}
	*fact = &vulnerable
}
