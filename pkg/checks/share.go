package checks

import (
	"context"
	"reflect"
	"sync"
)

// shares holds what the probes of a link have in common, by type.
type shares struct {
	mu   sync.Mutex
	held map[reflect.Type]any
}

// Shared returns the T that all probes of the link have in common: it is made
// by the first that asks, and lives as long as the link's visit. Connections it
// keeps are opened with the context of [InCommon].
func Shared[T any](v *Visit, build func() *T) *T {
	s := &v.session.shares
	s.mu.Lock()
	defer s.mu.Unlock()
	kind := reflect.TypeFor[T]()
	if held, ok := s.held[kind].(*T); ok {
		return held
	}
	if s.held == nil {
		s.held = make(map[reflect.Type]any)
	}
	made := build()
	s.held[kind] = made
	return made
}

type inCommonKey struct{}

// InCommon returns a context with which the connections that are opened belong
// to all probes of the link: they stay open when the probe returns, and what
// crosses them counts for the probe that runs.
func InCommon(ctx context.Context) context.Context {
	return context.WithValue(ctx, inCommonKey{}, true)
}

type http1Key struct{}

// OverHTTP1 returns a context with which handshakes offer HTTP/1.1 alone: HTTP/2
// has no place for a malformed request target (RFC 9113 section 8.3.1), and ends
// the stream for it.
func OverHTTP1(ctx context.Context) context.Context { return context.WithValue(ctx, http1Key{}, true) }

func wantsHTTP1(ctx context.Context) bool { return ctx.Value(http1Key{}) != nil }

func isInCommon(ctx context.Context) bool { return ctx.Value(inCommonKey{}) != nil }
