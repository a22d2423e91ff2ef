// Package verbose finds out what a server tells about itself when a request
// goes wrong: stack traces, debug pages, database errors, paths, hosts,
// versions and secrets.
package verbose

import (
	"context"
	"net/http"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Probe gathers the facts of namespace "errors".
func Probe() checks.Probe {
	return checks.New(checks.Spec{
		Name:  "errors",
		Doc:   "Asks for what is malformed, absent or not offered, and reads every answer for stack traces, debug pages, database errors, paths, hosts, versions and secrets.",
		Level: checks.Observe,
		Applies: func(l *inventory.Link) bool {
			return l.Target().HTTP() && (l.Kind == inventory.KindEndpoint || l.Kind == inventory.KindWebhook)
		},
		Plan: plan,
	}, observe)
}

// plan reckons with servers that close the connection after every answer. Some
// end it without one when a path is malformed, as HTTP/2 has it, or a header
// oversized: those are sent the request once more.
func plan(s checks.Scope) checks.Cost {
	list := requests(s.Link, s.Level)
	cost := checks.Cost{Asks: httpclient.Names(list...), MoreAsks: 1}
	if s.Level.Allows(checks.Active) {
		cost.MoreAsks++
	}
	cost.Connections = len(cost.Asks) + cost.MoreAsks
	return cost
}

const (
	// malformed is percent-encoding that breaks off. As UTF-8 it would break
	// off as well. Frameworks that decode a path before anything else can fail
	// on it where nobody handles errors.
	malformed = "%E0%A4%A"
	// unknownType is a media type that nobody offers.
	unknownType = "application/x-m2mscan"
	// unknownMethod is a method that nobody has (RFC 9110 section 9.1).
	unknownMethod = "M2MSCAN"
	// oversized is how long a header field is that few servers take.
	oversized = 16 << 10
)

// requests are what a link is asked.
func requests(l *inventory.Link, level checks.Level) []httpclient.Request {
	list := []httpclient.Request{
		{},
		{Random: 1},
		{URI: directory(l) + malformed},
		{Header: http.Header{"Accept": {unknownType}}},
	}
	if level.Allows(checks.Active) {
		list = append(list,
			httpclient.Request{Method: unknownMethod},
			httpclient.Request{Header: http.Header{"X-M2mscan-Padding": {strings.Repeat("m2mscan/", oversized/8)}}},
		)
	}
	return list
}

// directory is that of the declared path, as it is sent. Where the path holds a
// secret, it ends before that: names of requests are shown.
func directory(l *inventory.Link) string {
	path := l.URL.EscapedPath()
	if strings.Contains(l.URL.Path, "${") {
		plain, _, _ := strings.Cut(l.URL.Path, "${")
		path = plain[:strings.LastIndex(plain, "/")+1]
	}
	if i := strings.LastIndex(path, "/"); i >= 0 {
		return path[:i+1]
	}
	return "/"
}

func observe(ctx context.Context, v *checks.Visit) (*Facts, error) {
	known, err := loaded()
	if err != nil {
		return nil, checks.Because(checks.ReasonBug, "the patterns: %w", err)
	}
	talk := httpclient.Talk(v)
	var failure error // the first
	for _, r := range requests(v.Link(), v.Level()) {
		if _, err := talk.Ask(ctx, r); err != nil && failure == nil {
			failure = err
		}
	}
	exchanges := talk.Seen()
	if len(exchanges) == 0 {
		return nil, failure
	}
	s := &survey{visit: v, failure: failure, facts: &Facts{}}
	o := newOwn(v)
	for _, e := range exchanges {
		s.answers = append(s.answers, known.read(e, o))
	}
	s.settle()
	return s.facts, nil
}
