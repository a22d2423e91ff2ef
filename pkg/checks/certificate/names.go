package certificate

import (
	"crypto/x509"
	"net"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/m2mscan/m2mscan/pkg/checks/internal/dername"
)

// names are those of a subject alternative name (RFC 5280 section 4.2.1.6)
// that a TLS client looks at.
type names struct {
	dns    []string
	ips    []net.IP
	others int  // of other kinds, such as mail addresses
	broken bool // the list could not be read to its end
}

// Tags of a GeneralName.
const (
	tagDNS = cbasn1.Tag(2) | classContext
	tagURI = cbasn1.Tag(6) | classContext
	tagIP  = cbasn1.Tag(7) | classContext

	classContext = 0x80
)

// readNames reads as many names as can be read.
func readNames(o *outline) names {
	var n names
	value, ok := o.extension(oidSAN)
	if !ok {
		return n
	}
	var list, name cryptobyte.String
	input := cryptobyte.String(value)
	ok = input.ReadASN1(&list, cbasn1.SEQUENCE)
	for ok && !list.Empty() {
		var tag cbasn1.Tag
		if ok = list.ReadAnyASN1(&name, &tag); !ok {
			break
		}
		switch tag {
		case tagDNS:
			n.dns = append(n.dns, string(name))
			if wrong := dnsFault(string(name)); wrong != "" {
				o.fault("the DNS name %q %s", dername.Printable(string(name)), wrong)
			}
		case tagIP:
			if len(name) != net.IPv4len && len(name) != net.IPv6len {
				o.fault("an IP address of %d bytes: there are only some of 4 and 16 (RFC 5280 section 4.2.1.6)", len(name))
				continue
			}
			n.ips = append(n.ips, net.IP(name))
		default:
			n.others++
		}
	}
	if n.broken = !ok; n.broken {
		o.fault("the subject alternative name is malformed: only the first %d names can be read", n.count())
	}
	return n
}

func (n *names) count() int { return len(n.dns) + len(n.ips) + n.others }

// texts lists the DNS names and addresses for people, sorted, each once.
func (n *names) texts() []string {
	texts := []string{}
	for _, name := range n.dns {
		texts = append(texts, dername.Printable(name))
	}
	for _, ip := range n.ips {
		texts = append(texts, ip.String())
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

// match reports whether a client that asked for host accepts the names (RFC
// 9525 section 6). The common name is not looked at.
func (n *names) match(host string) bool {
	c := x509.Certificate{DNSNames: n.dns, IPAddresses: n.ips}
	return c.VerifyHostname(host) == nil
}

// dnsFault says why no client will match a DNS name, or nothing. An underscore
// is left alone: it is not allowed (RFC 5280 section 4.2.1.6), but it works.
func dnsFault(name string) string {
	wildcard := strings.TrimPrefix(name, "*.")
	_, err := netip.ParseAddr(name)
	switch {
	case name == "":
		return "is empty"
	case err == nil:
		return "is an IP address, which clients look for elsewhere (RFC 5280 section 4.2.1.6)"
	case strings.IndexFunc(name, func(r rune) bool { return r > '~' }) >= 0:
		return "is not ASCII: an internationalised name starts with xn-- (RFC 9525 section 2)"
	case strings.Contains(wildcard, "*"):
		return "has a wildcard that is not its whole first label (RFC 9525 section 6.3)"
	case strings.IndexFunc(wildcard, notInHost) >= 0 || slices.Contains(strings.Split(wildcard, "."), ""):
		return "is not a host name (RFC 1034 section 3.5)"
	}
	return ""
}

func notInHost(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '.', r == '_':
		return false
	default:
		return true
	}
}
