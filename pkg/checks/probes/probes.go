// Package probes lists all probes there are.
package probes

import (
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/access"
	"github.com/m2mscan/m2mscan/pkg/checks/broker"
	"github.com/m2mscan/m2mscan/pkg/checks/certificate"
	"github.com/m2mscan/m2mscan/pkg/checks/clientauth"
	"github.com/m2mscan/m2mscan/pkg/checks/exposure"
	"github.com/m2mscan/m2mscan/pkg/checks/flaws"
	"github.com/m2mscan/m2mscan/pkg/checks/grpc"
	"github.com/m2mscan/m2mscan/pkg/checks/oauth"
	"github.com/m2mscan/m2mscan/pkg/checks/ratelimit"
	"github.com/m2mscan/m2mscan/pkg/checks/reach"
	"github.com/m2mscan/m2mscan/pkg/checks/ssh"
	"github.com/m2mscan/m2mscan/pkg/checks/transport"
	"github.com/m2mscan/m2mscan/pkg/checks/verbose"
	"github.com/m2mscan/m2mscan/pkg/checks/webhook"
	"github.com/m2mscan/m2mscan/pkg/checks/websocket"
)

// All returns every probe in the order they run. The first makes the shared
// handshake, and client_auth goes on with its connection; those after it open
// connections of their own, before which that one must have ended: some
// servers serve one at a time. The probes from access on share one
// conversation over HTTP; the rate limit comes late, for it looks at all that
// was answered before, and a burst at level active may shut the door.
func All() []checks.Probe {
	return []checks.Probe{
		reach.Probe(),
		clientauth.Probe(),
		certificate.Probe(),
		transport.Probe(),
		flaws.Probe(),
		broker.Probe(),
		ssh.Probe(),
		grpc.Probe(),
		access.Probe(),
		websocket.Probe(),
		verbose.Probe(),
		exposure.Probe(),
		oauth.Probe(),
		webhook.Probe(),
		ratelimit.Probe(),
	}
}
