package checks

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Visited returns the addresses of the target that are visited: the one that
// took the link's first connection, then others in order, Limits.Addresses at
// most.
func (v *Visit) Visited(ctx context.Context) ([]netip.Addr, error) {
	addresses, err := v.Addresses(ctx)
	if err != nil {
		return nil, err
	}
	addresses = slices.Clone(addresses)
	if i := slices.Index(addresses, v.Address().Addr()); i > 0 {
		first := addresses[i]
		copy(addresses[1:], addresses[:i])
		addresses[0] = first
	}
	return addresses[:min(len(addresses), v.session.scan.limits.Addresses)], nil
}

// HandshakeAt is Handshake with one of the addresses of Visited. For the one
// that the shared handshake went to it is that handshake; with each other it
// is made once per link, and its connection is closed.
func (v *Visit) HandshakeAt(ctx context.Context, address netip.Addr) (*Handshake, error) {
	shared, err := v.Handshake(ctx)
	if v.Address().Addr() == address || !address.IsValid() {
		return shared, err
	}
	if err := v.session.ended(); err != nil {
		return nil, err
	}
	return v.session.perAddress.of(address, func() (*Handshake, error) {
		h, live, err := v.shakeAny(ctx, address)
		v.session.drop(live)
		return h, err
	})
}

// handshakes remembers one handshake for each address.
type handshakes struct {
	mu   sync.Mutex
	made map[netip.Addr]func() (*Handshake, error)
}

func (m *handshakes) of(address netip.Addr, shake func() (*Handshake, error)) (*Handshake, error) {
	m.mu.Lock()
	once, ok := m.made[address]
	if !ok {
		once = sync.OnceValues(shake)
		if m.made == nil {
			m.made = make(map[netip.Addr]func() (*Handshake, error))
		}
		m.made[address] = once
	}
	m.mu.Unlock()
	return once()
}

// DialHello opens a connection to one of the target's addresses and brings it
// to where the ClientHello is due. It is for exchanges that hold nothing else
// while they wait, and may be called from several goroutines.
func (v *Visit) DialHello(ctx context.Context, address netip.Addr) (net.Conn, error) {
	c, err := v.dial(ctx, dialing{address: address, brief: true})
	if err != nil {
		return nil, err
	}
	if err := v.upgrade(c); err != nil {
		_ = c.Close()
		return nil, v.session.interrupted(err)
	}
	_ = c.SetDeadline(time.Time{})
	return c, nil
}
