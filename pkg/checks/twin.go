package checks

import (
	"context"
	"net"
	"net/netip"
)

// The ports of https, and of http beside it (RFC 9110 section 4.2).
const (
	portHTTPS = 443
	portHTTP  = 80
)

// HasTwin reports whether a target has a plain-text twin that [Visit.DialTwin]
// leads to: where https is not on its own port, nobody knows where http is.
func (v *Visit) HasTwin() bool {
	target := v.Target()
	return target.Scheme == "https" && target.Port == portHTTPS
}

// DialTwin opens a connection to port 80 of the address that the target itself
// was reached at, where https on port 443 often has a twin without TLS. It is
// the one way to another port than the inventory's, and for nothing but a look
// at who answers: no secret goes over it. It counts, is paced and is bounded as
// those of [Visit.Dial] are, but trouble there slows nothing down here.
func (v *Visit) DialTwin(ctx context.Context) (net.Conn, error) {
	if !v.HasTwin() {
		return nil, Because(ReasonNotAsked, "only https on port 443 has a twin whose port is known")
	}
	return v.dialPort(ctx, portHTTP)
}

// dialPort opens a connection to a port of the address that the target itself
// was reached at.
func (v *Visit) dialPort(ctx context.Context, port uint16) (net.Conn, error) {
	s := v.session
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	if !v.Address().IsValid() {
		if _, err := v.Handshake(ctx); !v.Address().IsValid() {
			return nil, err
		}
	}
	if err := s.spend(&s.connections, s.scan.limits.Connections, "connections"); err != nil {
		return nil, err
	}
	leave, err := s.slot(ctx, true)
	if err != nil {
		return nil, err
	}
	v.connections.Add(1)
	to := netip.AddrPortFrom(v.Address().Addr(), port)
	raw, err := s.dialOne(ctx, to, s.scan.limits.StepTimeout)
	if err != nil {
		leave()
		return nil, s.interrupted(&connectError{err})
	}
	c := newConn(raw, v, leave)
	c.address, c.brief = to, true
	s.remember(c)
	if err := s.ended(); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}
