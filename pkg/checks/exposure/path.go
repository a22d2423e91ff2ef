package exposure

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// path is a place of a host that should not be open to everybody.
type path struct {
	uri       string
	fact      string // of Exposed, by its name in reports
	signature signature
	put       func(*Exposed, bool)
}

func (p path) request() httpclient.Request { return httpclient.Request{URI: p.uri} }

// introspection asks a GraphQL server for the name of its query type: the
// least that shows whether it describes itself.
const introspection = "?query=%7B__schema%7BqueryType%7Bname%7D%7D%7D"

const (
	factGraphQL = "graphql_introspection"
	graphQLPath = "/graphql"
)

// fixedPaths are asked of every host. None of them does more than read, and
// those that are costly or give away secrets by themselves (heap dumps,
// environments, profiles) are left alone.
var fixedPaths = []path{
	{"/actuator", "actuator", readsActuator, func(e *Exposed, is bool) { e.Actuator = &is }},
	{"/metrics", "metrics", readsMetrics, func(e *Exposed, is bool) { e.Metrics = &is }},
	{"/debug/pprof/", "pprof", readsPprof, func(e *Exposed, is bool) { e.Pprof = &is }},
	{"/debug/vars", "expvar", readsExpvar, func(e *Exposed, is bool) { e.Expvar = &is }},
	{"/openapi.json", "openapi", readsOpenAPI, putOpenAPI},
	{"/v3/api-docs", "openapi", readsOpenAPI, putOpenAPI},
	{"/swagger.json", "openapi", readsOpenAPI, putOpenAPI},
	{graphQLPath + introspection, factGraphQL, readsIntrospection, func(e *Exposed, is bool) { e.GraphQLIntrospection = &is }},
	{"/server-status", "server_status", readsServerStatus, func(e *Exposed, is bool) { e.ServerStatus = &is }},
	{"/.git/HEAD", "git", readsGit, func(e *Exposed, is bool) { e.Git = &is }},
	{"/phpinfo.php", "phpinfo", readsPHPInfo, func(e *Exposed, is bool) { e.PHPInfo = &is }},
	{"/jolokia/version", "jolokia", readsJolokia, func(e *Exposed, is bool) { e.Jolokia = &is }},
}

func putOpenAPI(e *Exposed, is bool) { e.OpenAPI = &is }

// pathsOf are the paths asked of a link. One that the link is for is not a
// discovery, and is left out; of a GraphQL link its own path is asked.
func pathsOf(l *inventory.Link) []path {
	declared := ""
	if l.URL != nil && !strings.Contains(l.URL.Path, "${") {
		declared = l.URL.EscapedPath()
	}
	list := make([]path, 0, len(fixedPaths))
	for _, p := range fixedPaths {
		switch {
		case p.fact == factGraphQL && strings.HasSuffix(declared, graphQLPath):
			p.uri = declared + introspection
		case declared == p.uri:
			continue
		}
		list = append(list, p)
	}
	return list
}

// paths asks for each path and holds its answer against that to a random one.
func (s *survey) paths(ctx context.Context) {
	found := make(map[string]error) // by fact: nil once it was seen to be open or closed
	open := make(map[string]bool)
	for _, p := range pathsOf(s.visit.Link()) {
		is, err := s.holds(p, s.ask(ctx, p.request()))
		if before, asked := found[p.fact]; !asked || before == nil {
			found[p.fact] = err
		}
		open[p.fact] = open[p.fact] || is
	}
	for _, p := range fixedPaths {
		err, asked := found[p.fact]
		switch {
		case !asked:
			s.visit.UnknownReason("exposed."+p.fact, checks.ReasonNotAsked, "it is what the link is for")
		case open[p.fact] || err == nil:
			p.put(&s.facts.Exposed, open[p.fact])
		default:
			s.visit.Unknown("exposed."+p.fact, err)
		}
	}
}

// holds reports whether a path is open: its answer is a success and shows by
// its content what it is, and a path that nobody has is answered with
// something else.
func (s *survey) holds(p path, a answer) (bool, error) {
	if a.err != nil {
		return false, a.err
	}
	if !a.success() {
		return false, s.refusal(p, a)
	}
	if !a.Plain() {
		return false, ambiguous(a, "its body is compressed, which was not asked for")
	}
	words := p.signature(a.Body)
	if words == "" {
		return false, s.unread(a)
	}
	if s.control.success() && s.control.Plain() && p.signature(s.control.Body) != "" {
		return false, ambiguous(a, "a random path is answered alike")
	}
	s.visit.Evidence("exposed", fmt.Sprintf("%s: %s: %s", a.Request.Name(), a.Response, words))
	return true, nil
}

// unread is nil where the answer was read to its end, or begins as any page of
// that server does: what is looked for is not in it.
func (s *survey) unread(a answer) error {
	switch {
	case a.Whole() || s.likeControl(a):
		return nil
	case a.BodyErr != nil:
		return a.BodyErr
	default:
		return checks.Because(checks.ReasonTooLarge, "%s: the body is longer than %d bytes", a.Request.Name(), httpclient.BodyMax)
	}
}

// likeControl reports that a random path has the same answer, as far as both
// were read.
func (s *survey) likeControl(a answer) bool {
	c := s.control
	if c.err != nil || a.BodyErr != nil || c.BodyErr != nil || c.Status != a.Status || c.MediaType() != a.MediaType() {
		return false
	}
	shorter := min(len(a.Body), len(c.Body))
	return shorter > 0 && string(a.Body[:shorter]) == string(c.Body[:shorter])
}

// refusal says what an answer other than a success leaves open; nil means that
// the path is closed.
func (s *survey) refusal(p path, a answer) error {
	switch {
	case a.Throttled():
		return checks.Because(checks.ReasonThrottled, "%s: HTTP %d", a.Request.Name(), a.Status)
	case a.Status >= 500, a.Status < 200:
		return ambiguous(a, "it may be there nevertheless")
	case a.Status/100 == 3:
		if leadsBack(p.uri, a.Header.Get("Location"), s.visit.Target()) {
			return ambiguous(a, "it redirects to a form of the same path")
		}
		return nil
	}
	switch a.Status {
	case http.StatusRequestTimeout, http.StatusMisdirectedRequest, http.StatusTooEarly:
		return ambiguous(a, "it was not decided on")
	case http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		if p.fact == factGraphQL && !deniesIntrospection(a.Body) && (s.control.err != nil || s.control.Status != a.Status) {
			return ambiguous(a, "GraphQL may answer to POST, which is not sent")
		}
	}
	return nil
}

// leadsBack reports a redirect, on the same scheme, host and port, to the path
// itself or below it. It is not followed.
func leadsBack(uri, location string, target inventory.Target) bool {
	base := &url.URL{Scheme: webScheme(target), Host: target.Address()}
	asked, _, _ := strings.Cut(uri, "?")
	base.Path = asked
	to, err := base.Parse(location)
	if err != nil || location == "" {
		return false
	}
	port := to.Port()
	if port == "" && (to.Scheme == "https" || to.Scheme == "http") {
		port = map[string]string{"https": "443", "http": "80"}[to.Scheme]
	}
	sameHost := strings.EqualFold(to.Hostname(), target.Host) && base.Port() == port
	stem := strings.TrimSuffix(strings.TrimSuffix(asked, "/"), ".json")
	return to.Scheme == base.Scheme && sameHost && strings.HasPrefix(strings.ToLower(to.Path), strings.ToLower(stem))
}

// webScheme is http or https, for WebSocket schemes too.
func webScheme(target inventory.Target) string {
	if target.TLS() {
		return "https"
	}
	return "http"
}

func ambiguous(a answer, why string) error {
	return checks.Because(checks.ReasonAmbiguous, "%s: HTTP %d, %s", a.Request.Name(), a.Status, why)
}
