package verbose

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// answer is an exchange, read.
type answer struct {
	*httpclient.Exchange
	seen  []sighting // without what the request itself said
	whole bool       // the body is complete, and was searched to its end
	edge  string     // what answered in the server's place, or empty
}

// read searches an answer. Of a compressed one only the header is.
func (c *catalogue) read(e *httpclient.Exchange, own *own) answer {
	body := ""
	if e.Plain() {
		body = string(e.Body)
	}
	f := c.recognise(body, e.MediaType(), fields(e.Response))
	a := answer{Exchange: e, whole: e.Whole() && f.whole}
	a.edge, _ = c.edgeOf(e.Response)
	for _, s := range c.sightings(f) {
		if !own.said(e.Request, s) {
			a.seen = append(a.seen, s)
		}
	}
	return a
}

// telling are the header fields that messages, paths and hosts are met in.
// Those that name products are read elsewhere, for namespace "http".
var telling = []string{
	"X-Debug-Exception", "X-Debug-Exception-File", "X-Exception", "X-Error", "X-Error-Message", "Grpc-Message",
	"Location", "Content-Location", "X-Backend", "X-Backend-Server", "X-Upstream", "X-Real-Server",
}

// fields gives the telling header fields and trailers as a text. Some are
// percent-encoded, as Symfony does it and gRPC must.
func fields(r *httpclient.Response) string {
	var out strings.Builder
	for _, header := range []http.Header{r.Header, r.Trailer} {
		for _, name := range telling {
			for _, value := range header[name] {
				if decoded, err := url.PathUnescape(value); err == nil {
					value = decoded
				}
				out.WriteString(name + ": " + value + "\n")
			}
		}
	}
	return out.String()
}

// declared reports an answer of the declared URL to a method that reads, or
// to one that nobody knows.
func (a *answer) declared() bool { return a.Request.URI == "" && a.Request.Random == 0 }

func (a *answer) succeeded() bool { return a.Status/100 == 2 }

// normal reports what the declared URL has for its clients: with whatever
// credential, as long as it was asked for nothing odd.
func (a *answer) normal() bool {
	read := a.Request.Method == "" || a.Request.Method == http.MethodGet
	return a.declared() && read && len(a.Request.Header) == 0 && a.succeeded()
}

// counts reports an answer in which an absence says something.
func (a *answer) counts() bool {
	return !a.normal() && a.whole && a.edge == "" && !a.Throttled()
}

// failed reports that the server itself answered with an error.
func (a *answer) failed() bool {
	return a.Status >= http.StatusBadRequest && a.edge == "" && !a.Throttled()
}

// isProblem reports problem details in JSON (RFC 9457 section 3). Every member
// of theirs is optional.
func (a *answer) isProblem() bool {
	if a.MediaType() != "application/problem+json" || !a.Plain() {
		return false
	}
	var members map[string]json.RawMessage
	return json.Unmarshal(a.Body, &members) == nil && members != nil
}

// frames counts the stack frames of the runtime that shows most of them.
func frames(seen []sighting) int {
	of := make(map[string]int)
	most := 0
	for _, s := range seen {
		if s.Kind == kindFrame {
			of[s.Family]++
			most = max(most, of[s.Family])
		}
	}
	return most
}

// traceMin is how many frames make a stack trace.
const traceMin = 2

// shows reports whether sightings of an answer amount to what a fact says.
func shows(seen []sighting, what kind) bool {
	if what == kindTrace && frames(seen) >= traceMin {
		return true
	}
	return slices.ContainsFunc(seen, func(s sighting) bool { return s.Kind == what })
}
