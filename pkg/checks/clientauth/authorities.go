package clientauth

import (
	"crypto/x509"
	"fmt"
	"slices"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/dername"
)

const (
	// listedMax is how many of the acceptable CAs are named.
	listedMax = 20
)

// rootNames gives the DER names of the machine's trust anchors as a set.
type rootNames func() (map[string]bool, error)

// machineRoots reads the trust store of this machine. On systems that keep it
// behind an interface (Windows, macOS) it cannot be listed.
func machineRoots() (map[string]bool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, checks.Because(checks.ReasonNotTested, "this machine's trust anchors: %w", err)
	}
	names := make(map[string]bool)
	for _, name := range pool.Subjects() { //nolint:staticcheck // what it leaves out is dealt with below
		names[string(name)] = true
	}
	if len(names) == 0 {
		return nil, checks.Because(checks.ReasonNotTested, "this machine's trust anchors cannot be listed")
	}
	return names, nil
}

// acceptable is the CA names that any version listed, each once. A server may
// list none in TLS 1.3 and some in TLS 1.2.
func (s *survey) acceptable() [][]byte {
	var all [][]byte
	seen := make(map[string]bool)
	for _, d := range s.demands {
		if d.handshake == nil {
			continue
		}
		for _, name := range d.handshake.AcceptableCAs {
			if !seen[string(name)] {
				seen[string(name)] = true
				all = append(all, name)
			}
		}
	}
	return all
}

// listAuthorities says which CAs the server has in mind.
func (s *survey) listAuthorities() {
	if s.facts.Requested == nil {
		for _, fact := range []string{"acceptable_ca_count", "acceptable_cas", "public_ca_count"} {
			s.visit.Unknown(fact, s.requested().why)
		}
		return
	}
	names := s.acceptable()
	s.facts.AcceptableCACount = new(len(names))
	s.facts.AcceptableCAs = make([]string, 0, min(len(names), listedMax))
	for _, der := range names[:min(len(names), listedMax)] {
		s.facts.AcceptableCAs = append(s.facts.AcceptableCAs, nameText(der))
	}
	public, err := s.countPublic(names)
	if err != nil {
		s.visit.Unknown("public_ca_count", err)
		return
	}
	s.facts.PublicCACount = &public
}

func (s *survey) countPublic(names [][]byte) (int, error) {
	if len(names) == 0 {
		return 0, nil
	}
	roots, err := s.roots()
	if err != nil {
		return 0, err
	}
	count := 0
	for _, name := range names {
		if roots[string(name)] {
			count++
		}
	}
	return count, nil
}

// nameText renders a distinguished name, readable or not.
func nameText(der []byte) string {
	text, err := dername.Text(der)
	if err != nil {
		return fmt.Sprintf("(unreadable name of %d bytes)", len(der))
	}
	return text
}

// lists reports whether a DER name is among the acceptable ones.
func lists(names [][]byte, name []byte) bool {
	return slices.ContainsFunc(names, func(listed []byte) bool { return string(listed) == string(name) })
}
