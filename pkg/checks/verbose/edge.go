package verbose

import (
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// edge is how an answer is known that does not come from the server, but from
// a gateway, a content network or a firewall in front of it. All that is given
// must hold.
type edge struct {
	ID     string   `yaml:"id"`
	Status int      `yaml:"status"` // at least
	Header string   `yaml:"header"` // its name
	Value  string   `yaml:"value"`  // part of the header's, in lower case; empty for any
	Body   []string `yaml:"body"`   // one of these is in it, in lower case
}

// edgeBodyMax is how much of a body is looked at: such pages are short, or
// name themselves at the top.
const edgeBodyMax = 32 << 10

// edgeOf names what answered in the server's place, if anything did.
func (c *catalogue) edgeOf(r *httpclient.Response) (id string, ok bool) {
	body := strings.ToLower(string(r.Body[:min(len(r.Body), edgeBodyMax)]))
	for _, e := range c.edges {
		if e.answered(r, body) {
			return e.ID, true
		}
	}
	return "", false
}

func (e *edge) answered(r *httpclient.Response, body string) bool {
	if r.Status < e.Status {
		return false
	}
	if e.Header != "" {
		value := r.Header.Get(e.Header)
		if value == "" || !strings.Contains(strings.ToLower(value), e.Value) {
			return false
		}
	}
	if len(e.Body) == 0 {
		return true
	}
	for _, text := range e.Body {
		if strings.Contains(body, text) {
			return true
		}
	}
	return false
}
