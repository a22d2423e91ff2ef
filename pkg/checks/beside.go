package checks

import (
	"context"
	"net"
	"slices"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// portsBeside are the ports that products open beside that of a scheme: the
// same protocol without TLS, and the monitoring pages of NATS.
//
//nolint:gochecknoglobals // a table
var portsBeside = map[string][]uint16{
	"mqtts": {1883}, "amqps": {5672}, "kafkas": {9092}, "stomps": {61613},
	"nats": {8222}, "natss": {8222},
}

// PortBeside is the well-known port on which the target's protocol is spoken
// without TLS; false where the target is not on its scheme's own port, so that
// nobody knows what is beside it, or where the scheme has none.
func (v *Visit) PortBeside() (uint16, bool) {
	target := v.Target()
	scheme, _ := inventory.LookupScheme(target.Scheme)
	ports := portsBeside[target.Scheme]
	if target.Port != scheme.Port || !scheme.TLS || len(ports) == 0 || target.Scheme == "natss" {
		return 0, false
	}
	return ports[0], true
}

// DialBeside opens a connection to one of the ports that are known to be open
// beside the target's own, at the address that was reached. Like
// [Visit.DialTwin] it is for a look at who answers; no secret goes over it. The
// error is [ReasonNotAsked] where the target is not on its scheme's own port.
func (v *Visit) DialBeside(ctx context.Context, port uint16) (net.Conn, error) {
	target := v.Target()
	scheme, _ := inventory.LookupScheme(target.Scheme)
	if target.Port != scheme.Port || !slices.Contains(portsBeside[target.Scheme], port) {
		return nil, Because(ReasonNotAsked, "only a %s server on port %d is looked at on port %d as well", target.Scheme, scheme.Port, port)
	}
	return v.dialPort(ctx, port)
}
