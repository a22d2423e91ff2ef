package oauth

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// kind is one of the two sorts of metadata.
type kind struct {
	identity string   // the member that says whose they are, which all have
	signs    []string // members that give them away when that one is missing
}

var (
	resourceKind = kind{"resource", []string{"authorization_servers", "bearer_methods_supported"}}
	serverKind   = kind{"issuer", []string{"token_endpoint", "authorization_endpoint", "jwks_uri", "response_types_supported"}}
)

// errAbsent says that there are no metadata where they were looked for. That
// is an answer: nothing is left to ask about.
var errAbsent = checks.Because(checks.ReasonNotAsked, "the host publishes no such OAuth metadata")

// read finds metadata in an answer. The error is errAbsent when there are
// none. The control is the answer at a random path, or nil: what is served at
// any path says nothing.
func (k kind) read(r, control *httpclient.Response) (members, error) {
	switch {
	case r.Status == http.StatusOK:
		m, err := k.parse(r)
		if k.everywhere(err, control) {
			return nil, errAbsent
		}
		return m, err
	case r.Throttled():
		return nil, checks.Because(checks.ReasonThrottled, "HTTP %d", r.Status)
	case r.Status >= http.StatusInternalServerError, r.Status == http.StatusRequestTimeout, r.Status == http.StatusTooEarly:
		return nil, checks.Because(checks.ReasonAmbiguous, "HTTP %d", r.Status)
	case isRedirect(r) && !isRedirect(control):
		return nil, checks.Because(checks.ReasonAmbiguous, "HTTP %d: redirects are not followed", r.Status)
	default:
		return nil, errAbsent
	}
}

// everywhere reports whether a random path is answered like this one: with
// metadata where these are, and with JSON where it is none that can be read.
func (k kind) everywhere(err error, control *httpclient.Response) bool {
	if control == nil || control.Status != http.StatusOK {
		return false
	}
	if err != nil {
		return isJSON(control)
	}
	_, err = k.parse(control)
	return err == nil
}

// parse reads the body of an answer. Metadata are served as application/json
// (RFC 8414 section 3.2, RFC 9728 section 3.2); a page is none, but what has
// their content under another type is malformed.
func (k kind) parse(r *httpclient.Response) (members, error) {
	m, err := readBody(r)
	switch {
	case r.BodyErr != nil:
		return nil, err
	case !isJSON(r) && (err != nil || !k.identified(m)):
		return nil, errAbsent
	case !isJSON(r):
		return nil, garbage("the metadata are not served as application/json")
	case err != nil:
		return nil, err
	case k.identified(m):
		return m, nil
	case slices.ContainsFunc(k.signs, func(name string) bool { return m[name] != nil }):
		return nil, garbage("the metadata have no URL as %s", k.identity)
	default:
		return nil, errAbsent
	}
}

func readBody(r *httpclient.Response) (members, error) {
	switch {
	case r.BodyErr != nil:
		return nil, r.BodyErr
	case r.Truncated:
		return nil, checks.Because(checks.ReasonTooLarge, "more than %d bytes", httpclient.BodyMax)
	case !r.Plain():
		return nil, garbage("it is compressed, which was not asked for")
	}
	return parseMembers(r.Body)
}

func (k kind) identified(m members) bool {
	text, ok, err := m.text(k.identity)
	if !ok || err != nil {
		return false
	}
	_, ok = parseURL(text)
	return ok
}

func isJSON(r *httpclient.Response) bool {
	media := r.MediaType()
	return media == "application/json" || strings.HasSuffix(media, "+json")
}

func isRedirect(r *httpclient.Response) bool { return r != nil && r.Status/100 == 3 }

// document is what was found at one place.
type document struct {
	members
	url      string // it was had from
	expected string // the identity it has to have; empty when its place alone decides
}

// published are the documents about one party.
type published struct {
	documents []document
	err       error // why there are none
}

func (p *published) add(d document) { p.documents = append(p.documents, d) }

// settle notes why nothing was found. Of several errors the first that is not
// absence counts.
func (p *published) settle(failures ...error) {
	if len(p.documents) > 0 {
		p.err = nil
		return
	}
	p.err = errAbsent
	for _, err := range failures {
		if err != nil && !errors.Is(err, errAbsent) {
			p.err = err
			return
		}
	}
}

// text is a member that is a string, of the first document that has it.
func (p *published) text(name string) (string, bool, error) {
	for _, d := range p.documents {
		if text, ok, err := d.text(name); ok || err != nil {
			return text, ok, err
		}
	}
	return "", false, p.err
}

// flag reports whether any document says so.
func (p *published) flag(name string) (bool, error) {
	for _, d := range p.documents {
		if flag, _, err := d.flag(name); flag || err != nil {
			return flag, err
		}
	}
	return false, p.err
}

// list is what the documents list in all; false when none has the member.
func (p *published) list(name string) (all []string, listed bool, err error) {
	for _, d := range p.documents {
		list, ok, err := d.list(name)
		if err != nil {
			return nil, false, err
		}
		all, listed = append(all, list...), listed || ok
	}
	return all, listed, p.err
}
