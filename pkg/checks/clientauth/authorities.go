package clientauth

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

const (
	// listedMax is how many of the acceptable CAs are named.
	listedMax = 20
	// nameMax caps a name, in bytes; what is cut off is marked.
	nameMax = 256
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

// nameText renders a distinguished name in the order RFC 4514 has it.
func nameText(der []byte) string {
	var rdns pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &rdns); err != nil || len(rest) > 0 {
		return fmt.Sprintf("(unreadable name of %d bytes)", len(der))
	}
	return printable(rdns.String())
}

// printable escapes what could steer a terminal, as RFC 4514 section 2.4
// escapes bytes, and caps the length.
func printable(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		if b.Len() > nameMax {
			return b.String() + "…"
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if (r == utf8.RuneError && size == 1) || !unicode.IsPrint(r) {
			for _, octet := range []byte(s[i : i+size]) {
				fmt.Fprintf(&b, `\%02X`, octet)
			}
		} else {
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// lists reports whether a DER name is among the acceptable ones.
func lists(names [][]byte, name []byte) bool {
	return slices.ContainsFunc(names, func(listed []byte) bool { return string(listed) == string(name) })
}
