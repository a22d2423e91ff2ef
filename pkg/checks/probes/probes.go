// Package probes lists all probes there are.
package probes

import (
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/certificate"
	"github.com/m2mscan/m2mscan/pkg/checks/clientauth"
	"github.com/m2mscan/m2mscan/pkg/checks/flaws"
	"github.com/m2mscan/m2mscan/pkg/checks/reach"
	"github.com/m2mscan/m2mscan/pkg/checks/transport"
)

// All returns every probe in the order they run. The first makes the shared
// handshake, and client_auth goes on with its connection; those after it open
// connections of their own, before which that one must have ended: some
// servers serve one at a time.
func All() []checks.Probe {
	return []checks.Probe{
		reach.Probe(),
		clientauth.Probe(),
		certificate.Probe(),
		transport.Probe(),
		flaws.Probe(),
	}
}
