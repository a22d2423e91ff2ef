package imports

import (
	"fmt"
	"strings"
)

// secure states the first way to authenticate that a server names, or else
// that one of its operations does, and says the others.
func (a *asyncAPI) secure(vendorID string, l *Link, s asyncServer, uses []channelUse) {
	ways := a.ways(s.stated.get("security"))
	open := len(ways) == 0
	var narrower []string
	for _, use := range uses {
		own := a.ways(use.security)
		if len(own) == 0 {
			continue
		}
		if open && len(ways) == 0 {
			ways = own
		}
		narrower = append(narrower, use.operation)
	}
	if len(ways) == 0 {
		l.Notes = append(l.Notes, "the description says nothing of credentials: state auth by hand")
		return
	}
	apply(l, vendorID, ways[0])
	var others []string
	for _, way := range ways[1:min(len(ways), maxListed+1)] {
		others = append(others, shownWay(way))
	}
	if len(others) > 0 {
		l.Notes = append(l.Notes, "other ways to authenticate: "+strings.Join(others, "; "))
	}
	if len(narrower) > 0 {
		l.Notes = append(l.Notes, fmt.Sprintf("operations with a security of their own (%d): %s", len(narrower), listed(narrower)))
	}
}

// shownWay names the credentials that go together.
func shownWay(way []credential) string {
	var parts []string
	for _, c := range way {
		parts = append(parts, c.String())
	}
	return strings.Join(parts, " with ")
}

// ways are the alternatives that a list of security requirements names, each
// with all credentials that go together.
func (a *asyncAPI) ways(list place) [][]credential {
	var out [][]credential
	for _, item := range list.items() {
		if a.major != '2' {
			scheme, name := item.followed()
			if scheme.isMapping() {
				out = append(out, []credential{credentialOf(scheme, name, scheme.get("scopes").texts())})
			}
			continue
		}
		var way []credential
		for name, scopes := range item.fields() {
			scheme, _ := a.root.get("components").get("securitySchemes").get(name).followed()
			if !scheme.isMapping() {
				a.tell(item.at(), "the security scheme %s is required, but not declared", quoted(name))
				continue
			}
			way = append(way, credentialOf(scheme, name, scopes.texts()))
		}
		if len(way) > 0 {
			out = append(out, way)
		}
	}
	return out
}

// credentialOf reads a security scheme.
func credentialOf(scheme place, name string, required []string) credential {
	c := credential{
		name: name, kind: scheme.get("type").text(), in: scheme.get("in").text(), parameter: scheme.get("name").text(),
		scheme: scheme.get("scheme").text(), discovery: scheme.get("openIdConnectUrl").text(), required: required,
	}
	if c.name == "" {
		c.name = c.kind
	}
	for _, flow := range flows {
		if f := scheme.get("flows").get(flow); f.exists() {
			c.flow, c.tokenURL = flow, f.get("tokenUrl").text()
			break
		}
	}
	return c
}
