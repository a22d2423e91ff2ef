package hello

import (
	_ "embed" // the registry's tables
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Group is the code point of a key exchange group.
type Group uint16

// The groups in common use. The registry knows all others by their names.
const (
	SecP256r1          Group = 0x0017
	SecP384r1          Group = 0x0018
	SecP521r1          Group = 0x0019
	X25519             Group = 0x001d
	X448               Group = 0x001e
	FFDHE2048          Group = 0x0100
	FFDHE3072          Group = 0x0101
	SecP256r1MLKEM768  Group = 0x11eb
	X25519MLKEM768     Group = 0x11ec
	SecP384r1MLKEM1024 Group = 0x11ed
)

// What a ServerKeyExchange names when the server spells its curve out (RFC
// 8422 section 5.4). No hello offers them here.
const (
	ExplicitPrimeCurve Group = 0xff01
	ExplicitChar2Curve Group = 0xff02
)

// The table holds the IANA registry "TLS Supported Groups" as of August 2026,
// and the Kyber drafts that came before ML-KEM.
//
//go:embed registry/groups.tsv
var groupsTable string

type groupInfo struct {
	group Group
	name  string
}

var groups = sync.OnceValue(func() []groupInfo {
	return table(groupsTable, func(f []string) groupInfo {
		code, _ := strconv.ParseUint(f[0], 16, 16)
		return groupInfo{Group(code), f[1]}
	})
})

// AllGroups returns every group that was ever registered, in the order of the
// code points.
func AllGroups() []Group {
	all := make([]Group, 0, len(groups()))
	for _, g := range groups() {
		all = append(all, g.group)
	}
	return all
}

// String is the IANA name of a group, with X25519 and X448 as everyone writes
// them, or its code point when it has none.
func (g Group) String() string {
	all := groups()
	i, found := slices.BinarySearchFunc(all, g, func(info groupInfo, g Group) int {
		return int(info.group) - int(g)
	})
	switch {
	case found:
		return all[i].name
	case g == ExplicitPrimeCurve:
		return "arbitrary_explicit_prime_curves"
	case g == ExplicitChar2Curve:
		return "arbitrary_explicit_char2_curves"
	}
	return fmt.Sprintf("0x%04X", uint16(g))
}

// PostQuantum reports a group that a quantum computer does not break: ML-KEM,
// alone or with a classical group, and the Kyber drafts before it.
func (g Group) PostQuantum() bool {
	name := g.String()
	return strings.Contains(name, "MLKEM") || strings.Contains(name, "Kyber")
}

// FiniteField reports a group of finite-field Diffie-Hellman (RFC 7919).
func (g Group) FiniteField() bool { return g>>8 == 0x01 }
