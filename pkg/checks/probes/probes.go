// Package probes lists all probes there are.
package probes

import (
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/certificate"
	"github.com/m2mscan/m2mscan/pkg/checks/clientauth"
	"github.com/m2mscan/m2mscan/pkg/checks/reach"
	"github.com/m2mscan/m2mscan/pkg/checks/transport"
)

// All returns every probe in the order they run. The first makes the shared
// handshake, client_auth goes on with its connection, and tls, which tries
// versions on connections of their own, ends it before.
func All() []checks.Probe {
	return []checks.Probe{
		reach.Probe(),
		certificate.Probe(),
		clientauth.Probe(),
		transport.Probe(),
	}
}
