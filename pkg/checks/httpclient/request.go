package httpclient

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Request is one request to the link's own host and port.
type Request struct {
	Method      string      // empty means GET
	URI         string      // path and query as they are sent, well-formed or not; empty means those of the declared URL
	Random      int         // 1 or 2: a random sibling of the declared path in place of URI, chosen once per link, each of another length
	Header      http.Header // besides User-Agent and Accept
	Body        []byte
	Credential  *Credential // nil means none
	Certificate bool        // the link's client certificate is presented when it is asked for
	Note        string      // sets requests apart that are alike in all else, such as "again"
}

// Name says what is asked, for a plan and for evidence: "GET /metrics". It
// holds no secret, and nothing that differs from run to run. Requests of one
// name are the same: a link is asked once.
func (r Request) Name() string {
	var name strings.Builder
	name.WriteString(cmp.Or(r.Method, http.MethodGet))
	switch {
	case r.Random == 1:
		name.WriteString(" a random path")
	case r.Random > 1:
		name.WriteString(" another random path")
	case r.URI != "":
		name.WriteString(" " + r.URI)
	default:
		name.WriteString(" the declared URL")
	}
	if len(r.Header) > 0 {
		name.WriteString(" with " + strings.Join(slices.Sorted(maps.Keys(r.Header)), ", "))
	}
	if r.Credential != nil {
		name.WriteString(", " + r.Credential.Name())
	}
	if r.Certificate {
		name.WriteString(", client certificate")
	}
	if r.Note != "" {
		name.WriteString(", " + r.Note)
	}
	return name.String()
}

// Names are the names of requests, as a plan lists them.
func Names(requests ...Request) []string {
	names := make([]string, len(requests))
	for i, r := range requests {
		names[i] = r.Name()
	}
	return names
}

// Declared is the request that a link is there for: the declared URL, or of
// GraphQL the smallest query there is. Servers that guard against requests
// forged by browsers want a header which those cannot set.
func Declared(l *inventory.Link) Request {
	path := l.URL.EscapedPath()
	if !strings.HasSuffix(strings.TrimSuffix(path, "/"), "/graphql") || strings.Contains(l.URL.Path, "${") || l.URL.RawQuery != "" {
		return Request{}
	}
	return Request{URI: path + "?query=%7B__typename%7D", Header: http.Header{"Apollo-Require-Preflight": {"true"}}}
}
