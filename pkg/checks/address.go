package checks

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Addresses returns the addresses of the target's host, sorted, each once:
// the literal itself, the answers of Runner.Resolve, or those of DNS. They
// are looked up once per link. The error is classified as ReasonDNS.
func (v *Visit) Addresses(ctx context.Context) ([]netip.Addr, error) {
	s := v.session
	s.mu.Lock()
	resolved, addresses, err := s.resolved, s.addresses, s.addressErr
	s.mu.Unlock()
	if resolved {
		return addresses, err
	}
	addresses, err = s.lookup(ctx)
	if ended := s.ended(); err != nil && ended != nil {
		return nil, ended
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resolved, s.addresses, s.addressErr = true, addresses, err
	return addresses, err
}

func (s *session) lookup(ctx context.Context) ([]netip.Addr, error) {
	host := s.target.Host
	if address, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{address.Unmap()}, nil
	}
	var addresses []netip.Addr
	for _, r := range s.scan.runner.Resolve {
		if strings.EqualFold(r.Host, host) && r.Port == s.target.Port {
			addresses = append(addresses, r.Address)
		}
	}
	if len(addresses) == 0 {
		return s.resolve(ctx, host)
	}
	return eachOnce(addresses), nil
}

// resolve asks DNS for the addresses of any host, sorted, each once.
func (s *session) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if address, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{address.Unmap()}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.scan.limits.StepTimeout)
	defer cancel()
	lookup := s.scan.runner.Resolver
	if lookup == nil {
		lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	addresses, err := lookup(ctx, host)
	if err != nil {
		return nil, Because(ReasonDNS, "%w", err)
	}
	if len(addresses) == 0 {
		return nil, Because(ReasonDNS, "%s has no address", host)
	}
	return eachOnce(addresses), nil
}

func eachOnce(addresses []netip.Addr) []netip.Addr {
	for i, a := range addresses {
		addresses[i] = a.Unmap()
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	return slices.Compact(addresses)
}

// connect makes a TCP connection to the first address that takes one. The
// address that took the last connection comes first. The step deadline is
// shared among the addresses, and a token is taken for each.
func (s *session) connect(ctx context.Context, addresses []netip.Addr) (net.Conn, netip.AddrPort, error) {
	left := s.scan.limits.StepTimeout
	begin := time.Now()
	var failures []error
	order := s.favour(addresses)
	for i, address := range order {
		if i > 0 {
			if err := s.nextToken(ctx); err != nil {
				return nil, netip.AddrPort{}, err
			}
		}
		share := left / time.Duration(len(order)-i)
		start := time.Now()
		to := netip.AddrPortFrom(address, s.target.Port)
		raw, err := s.dialOne(ctx, to, share)
		took := time.Since(start)
		if err == nil {
			return raw, to, nil
		}
		if ended := s.ended(); ended != nil {
			return nil, netip.AddrPort{}, ended
		}
		failures = append(failures, err)
		left = max(left-took, time.Millisecond)
	}
	err := &connectError{errors.Join(failures...)}
	if isTimeout(err) || means(err, hungUp) {
		s.gate.trouble(begin, careful)
	}
	return nil, netip.AddrPort{}, err
}

func (s *session) nextToken(ctx context.Context) error {
	defer s.watch.hold()()
	if err := s.token(ctx); err != nil {
		return s.interrupted(err)
	}
	return nil
}

func (s *session) dialOne(ctx context.Context, to netip.AddrPort, share time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, share)
	defer cancel()
	dial := s.scan.runner.Dialer
	if dial == nil {
		dial = (&net.Dialer{KeepAlive: -1}).DialContext
	}
	start := time.Now()
	raw, err := dial(ctx, "tcp", to.String())
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.first.IsValid() {
		s.first, s.connectTime = to, time.Since(start)
	}
	return raw, nil
}

// favour puts the address that took the last connection first.
func (s *session) favour(addresses []netip.Addr) []netip.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(addresses, s.reached.Addr())
	if i <= 0 {
		return addresses
	}
	order := []netip.Addr{addresses[i]}
	return append(append(order, addresses[:i]...), addresses[i+1:]...)
}

// ParseResolution reads "host:port:address", as curl's --resolve takes it. An
// IPv6 address may stand in brackets.
func ParseResolution(s string) (Resolution, error) {
	const hint = "want host:port:address, such as api.example.com:443:127.0.0.1"
	host, rest, ok := cutHost(s)
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if !ok || host == "" {
		return Resolution{}, fmt.Errorf("resolution %q: no host: %s", s, hint)
	}
	portText, addressText, ok := strings.Cut(rest, ":")
	if !ok {
		return Resolution{}, fmt.Errorf("resolution %q: no address: %s", s, hint)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || port == 0 {
		return Resolution{}, fmt.Errorf("resolution %q: port %q is not a number from 1 to 65535: %s", s, portText, hint)
	}
	if inner, found := strings.CutPrefix(addressText, "["); found {
		addressText, found = strings.CutSuffix(inner, "]")
		if !found {
			return Resolution{}, fmt.Errorf("resolution %q: the bracket is not closed: %s", s, hint)
		}
	}
	address, err := netip.ParseAddr(addressText)
	if err != nil {
		return Resolution{}, fmt.Errorf("resolution %q: %q is not an IP address: %s", s, addressText, hint)
	}
	return Resolution{Host: host, Port: uint16(port), Address: address.Unmap()}, nil
}

// cutHost cuts the host, which may be an IPv6 literal in brackets, off.
func cutHost(s string) (host, rest string, ok bool) {
	if inner, bracket := strings.CutPrefix(s, "["); bracket {
		return strings.Cut(inner, "]:")
	}
	return strings.Cut(s, ":")
}
