package checks

import (
	"context"
	"encoding/json"
	"reflect"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Probe gathers one namespace of facts from one link. Build one with [New].
type Probe struct {
	Name    string // also the namespace of its facts, such as "tls"
	Doc     string // one sentence for people
	Level   Level  // the lowest level at which it runs
	Beside  bool   // it runs at the same time as the next probe in the list
	Applies func(*inventory.Link) bool
	// Plan says what the probe will open and send at most on a link,
	// for --dry-run and for the budget.
	Plan func(Scope) Cost

	facts  reflect.Type // the fact struct
	run    func(context.Context, *Visit) (any, error)
	decode func([]byte) (any, error)
}

// Cost is what a probe opens and sends on one link.
type Cost struct {
	Connections int // at most
	// Asks names the application requests that a server which answers them is
	// sent, such as "GET /metrics". Probes that name the same one share it: it
	// is sent once.
	Asks []string
	// MoreAsks is how many requests its answers may call for besides, or the
	// want of one.
	MoreAsks int
	// Burst is how many requests it may send unpaced, at level active: see
	// Visit.BurstRequest.
	Burst int
}

// Spec is what [New] needs beside the function.
type Spec struct {
	Name    string
	Doc     string
	Level   Level
	Beside  bool
	Applies func(*inventory.Link) bool
	Plan    func(Scope) Cost
}

// New makes a probe whose facts are of type F: a struct whose leaves are
// pointers or slices (nil means unknown), with JSON tags ending in omitzero,
// or nested structs of such.
//
// The function returns its facts, or an error when nothing at all could be
// learned; the Runner classifies that error. Facts beside an error are kept:
// that a peer is unreachable is one. A fact it leaves nil without
// calling [Visit.Unknown] is reported as unknown by a defect.
func New[F any](spec Spec, run func(context.Context, *Visit) (*F, error)) Probe {
	return Probe{
		Name: spec.Name, Doc: spec.Doc, Level: spec.Level, Beside: spec.Beside, Applies: spec.Applies, Plan: spec.Plan,
		facts: reflect.TypeFor[F](),
		run: func(ctx context.Context, v *Visit) (any, error) {
			f, err := run(ctx, v)
			if f == nil {
				return nil, err
			}
			return f, err
		},
		decode: func(b []byte) (any, error) {
			f := new(F)
			return f, json.Unmarshal(b, f)
		},
	}
}

// DecodeFacts reads the probe's facts from JSON, as a saved report holds them.
func (p Probe) DecodeFacts(b []byte) (any, error) { return p.decode(b) }

// Leaves lists the facts of the probe, sorted by name, each with the
// probe's name in front: "tls.accepts.tls10".
func (p Probe) Leaves() []Leaf { return leavesOf(p.Name, p.facts) }
