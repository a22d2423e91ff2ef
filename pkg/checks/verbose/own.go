package verbose

import (
	"net"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// own is what the requests say themselves, which is no disclosure when an
// answer repeats it: paths, credentials, and the hosts at both ends.
type own struct {
	path      string   // of the declared URL
	directory string   // that of the paths that are made up
	hosts     []string // the link's, and this machine's addresses
}

func newOwn(v *checks.Visit) *own {
	target := v.Target()
	o := &own{hosts: append([]string{target.Host, target.ServerName}, machineAddresses()...)}
	if address := v.Address(); address.IsValid() {
		o.hosts = append(o.hosts, address.Addr().Unmap().String())
	}
	if u := v.Link().URL; u != nil {
		o.path, o.directory = u.Path, u.Path[:strings.LastIndex(u.Path, "/")+1]
	}
	return o
}

// machineAddresses are the addresses that a server in the same network sees
// this client by. When they cannot be had, a server that repeats one seems to
// show an address of its own.
func machineAddresses() []string {
	var list []string
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range addresses {
		if network, ok := a.(*net.IPNet); ok {
			list = append(list, network.IP.String())
		}
	}
	return list
}

// said reports whether what was seen in the answer was said by the request.
func (o *own) said(r httpclient.Request, s sighting) bool {
	switch s.Kind {
	case kindPath:
		return o.isPath(r, s.text)
	case kindHost:
		return o.isHost(s.text)
	case kindSecret:
		return r.Credential != nil && strings.Contains(r.Credential.Token(), s.text)
	default:
		return inHeader(r, s.text)
	}
}

// isPath reports a path of the URL that was asked for. Of a random one only
// the directory is known.
func (o *own) isPath(r httpclient.Request, text string) bool {
	switch {
	case r.URI != "":
		return strings.HasPrefix(r.URI, text) || strings.HasPrefix(text, r.URI)
	case r.Random > 0 && len(o.directory) > 1:
		return strings.HasPrefix(text, o.directory) || text+"/" == o.directory
	case r.Random == 0 && len(o.path) > 1:
		return strings.HasPrefix(o.path, text) || strings.HasPrefix(text, o.path)
	default:
		return false
	}
}

// isHost reports a host of this link. The name or address stands in the match
// whole, as in "http://billing.internal".
func (o *own) isHost(text string) bool {
	for _, host := range o.hosts {
		if host == "" {
			continue
		}
		i := strings.Index(strings.ToLower(text), strings.ToLower(host))
		if i < 0 {
			continue
		}
		before, after := text[:i], text[i+len(host):]
		if !strings.HasSuffix(before, ".") && !strings.HasSuffix(before, "-") && (after == "" || strings.HasPrefix(after, ":")) {
			return true
		}
	}
	return false
}

func inHeader(r httpclient.Request, text string) bool {
	for _, values := range r.Header {
		for _, value := range values {
			if strings.Contains(value, text) {
				return true
			}
		}
	}
	return false
}
