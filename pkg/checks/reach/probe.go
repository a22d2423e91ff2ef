// Package reach finds out whether a link can be reached, where and how fast.
package reach

import (
	"context"
	"math"
	"net/netip"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Probe gathers the facts of namespace "link". Where a scheme speaks TLS it
// makes the link's shared handshake, whose connection tells all it needs;
// else it opens one connection and closes it. So it does with each further
// address of the name that may be visited.
func Probe() checks.Probe {
	return checks.New(checks.Spec{
		Name:    "link",
		Doc:     "Connects to each address, notes the latency, and what differs between them.",
		Level:   checks.Observe,
		Applies: func(*inventory.Link) bool { return true },
		Plan: func(s checks.Scope) checks.Cost {
			if s.Link.Target().TLS() {
				// A handshake with each; two more when its hello goes unanswered.
				return checks.Cost{Connections: 3 * s.Addresses}
			}
			return checks.Cost{Connections: s.Addresses}
		},
	}, observe)
}

func observe(ctx context.Context, v *checks.Visit) (*Facts, error) {
	resolved, err := v.Addresses(ctx)
	if err != nil {
		return unreachable(nil, err)
	}
	addresses := make([]string, len(resolved))
	for i, a := range resolved {
		addresses[i] = a.String()
	}
	// TLS that fails on a connection that was made is the TLS probe's matter.
	if err := connect(ctx, v); err != nil && !v.Address().IsValid() {
		return unreachable(addresses, err)
	}
	address := v.Address().Addr()
	facts := &Facts{
		Reachable: new(true),
		Addresses: addresses,
		Address:   new(address.String()),
		Network:   new(network(address)),
		LatencyMS: new(milliseconds(v.ConnectTime())),
	}
	if facts.Drift, err = drift(ctx, v); err != nil {
		v.Unknown("address_drift", err)
	}
	return facts, nil
}

// unreachable keeps what is known of a peer without a connection. An error of
// the scan itself, such as its interruption, says nothing of the peer.
func unreachable(addresses []string, err error) (*Facts, error) {
	if outcome, _ := checks.Classify(err); outcome != checks.Unreachable {
		return nil, err
	}
	return &Facts{Reachable: new(false), Addresses: addresses}, err
}

func connect(ctx context.Context, v *checks.Visit) error {
	if v.Target().TLS() {
		_, err := v.Handshake(ctx)
		return err
	}
	c, err := v.Dial(ctx)
	if err != nil {
		return err
	}
	return c.Close()
}

// shared is the address space between a carrier and its customers (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")

// network says where an address lies. Private are RFC 1918, RFC 4193, RFC 6598
// and link-local addresses: nobody outside reaches them. The unspecified
// address is this machine when it is connected to.
func network(a netip.Addr) string {
	a = a.Unmap()
	switch {
	case a.IsLoopback(), a.IsUnspecified():
		return "loopback"
	case a.IsPrivate(), a.IsLinkLocalUnicast(), shared.Contains(a):
		return "private"
	default:
		return "public"
	}
}

// milliseconds keeps whole microseconds: more digits would be noise.
func milliseconds(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Microsecond)) / 1000
}
