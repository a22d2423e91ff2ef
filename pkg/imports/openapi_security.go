package imports

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// secure states what the operations of a server require: the first
// alternative that most of them state. Everything else is said.
func (o *openAPI) secure(vendorID string, l *Link, g *serverGroup) {
	var open, optional []string
	uses := map[string]int{}
	ways := map[string]openapi3.SecurityRequirement{}
	first := map[string]int{}
	needing := 0
	for i, op := range g.operations {
		var chosen openapi3.SecurityRequirement
		for _, alternative := range op.security {
			if len(alternative) == 0 {
				optional = append(optional, op.name)
				continue
			}
			ways[wayOf(alternative)] = alternative
			if chosen == nil {
				chosen = alternative
			}
		}
		if chosen == nil {
			open = append(open, op.name)
			optional = slices.DeleteFunc(optional, func(name string) bool { return name == op.name })
			continue
		}
		needing++
		way := wayOf(chosen)
		if uses[way]++; uses[way] == 1 {
			first[way] = i
		}
	}
	if len(g.operations) == 0 && len(o.doc.Security) > 0 && len(o.doc.Security[0]) > 0 {
		way := wayOf(o.doc.Security[0])
		uses[way], ways[way], needing = 1, o.doc.Security[0], 1
	}
	if needing == 0 {
		o.unsecured(l, g)
		return
	}
	order := slices.SortedFunc(maps.Keys(uses), func(a, b string) int {
		return cmp.Or(uses[b]-uses[a], first[a]-first[b], strings.Compare(a, b))
	})
	main := order[0]
	apply(l, vendorID, o.credentials(l, ways[main], g))
	o.sayOthers(l, g, main, ways, uses)
	if len(open) > 0 {
		l.Notes = append(l.Notes, fmt.Sprintf("%d of %d operations ask for no credential: %s", len(open), len(g.operations), listed(open)))
	}
	if len(optional) > 0 {
		l.Notes = append(l.Notes, fmt.Sprintf("%d of %d operations take the credential, but do not need it: %s", len(optional), len(g.operations), listed(optional)))
	}
}

// wayOf names the schemes of a requirement, all of which are needed at once.
func wayOf(requirement openapi3.SecurityRequirement) string {
	return strings.Join(sortedKeys(requirement), "\x00")
}

// unsecured says what it means that no operation asks for a credential: often
// only that the description is not complete.
func (o *openAPI) unsecured(l *Link, g *serverGroup) {
	stated := len(g.operations) > 0
	for _, op := range g.operations {
		stated = stated && op.stated
	}
	switch {
	case stated:
		l.Auth.Type = "none"
		l.Notes = append(l.Notes, "the description states that no operation asks for a credential")
	case o.doc.Components != nil && len(o.doc.Components.SecuritySchemes) > 0:
		l.Notes = append(l.Notes, "no operation requires a credential, though the description declares "+
			listed(sortedKeys(o.doc.Components.SecuritySchemes))+": state auth by hand")
	default:
		l.Notes = append(l.Notes, "the description says nothing of credentials: state auth by hand")
	}
}

// credentials are the schemes of a requirement, with every scope that an
// operation of the server requires of them.
func (o *openAPI) credentials(l *Link, requirement openapi3.SecurityRequirement, g *serverGroup) []credential {
	way := wayOf(requirement)
	var out []credential
	for _, name := range sortedKeys(requirement) {
		c, known := o.credential(name)
		if !known {
			l.Notes = append(l.Notes, "the security scheme "+quoted(name)+" is required, but not declared")
			continue
		}
		if c.required = g.required(way, name); len(g.operations) == 0 {
			c.required = requirement[name]
		}
		out = append(out, c)
	}
	return out
}

// required are the scopes or roles that the operations of a server require of
// a scheme, where they name it in a way.
func (g *serverGroup) required(way, name string) []string {
	var out []string
	for _, op := range g.operations {
		for _, alternative := range op.security {
			if wayOf(alternative) == way {
				out = append(out, alternative[name]...)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// credential is a declared security scheme.
func (o *openAPI) credential(name string) (c credential, known bool) {
	if o.doc.Components == nil {
		return credential{}, false
	}
	ref := o.doc.Components.SecuritySchemes[name]
	if ref == nil || ref.Value == nil {
		return credential{}, false
	}
	s := ref.Value
	c = credential{name: name, kind: s.Type, in: s.In, parameter: s.Name, scheme: s.Scheme, discovery: s.OpenIdConnectUrl}
	if s.Flows == nil {
		return c, true
	}
	byName := map[string]*openapi3.OAuthFlow{
		"clientCredentials": s.Flows.ClientCredentials, "authorizationCode": s.Flows.AuthorizationCode,
		"password": s.Flows.Password, "implicit": s.Flows.Implicit,
	}
	for _, flow := range flows {
		if f := byName[flow]; f != nil {
			c.flow, c.tokenURL = flow, f.TokenURL
			break
		}
	}
	return c, true
}

// sayOthers names the other ways to authenticate.
func (o *openAPI) sayOthers(l *Link, g *serverGroup, main string, ways map[string]openapi3.SecurityRequirement, uses map[string]int) {
	var said []string
	for _, way := range sortedKeys(ways) {
		if way == main {
			continue
		}
		var parts []string
		for _, name := range strings.Split(way, "\x00") {
			c, known := o.credential(name)
			if !known {
				c = credential{name: name, kind: "not declared"}
			}
			c.required = g.required(way, name)
			parts = append(parts, c.String())
		}
		text := strings.Join(parts, " with ")
		if n := uses[way]; n > 0 {
			text += fmt.Sprintf(", stated first by %d of %d operations", n, len(g.operations))
		}
		said = append(said, text)
	}
	if len(said) > 0 {
		more := max(0, len(said)-maxListed)
		text := "other ways to authenticate: " + strings.Join(said[:len(said)-more], "; ")
		if more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		l.Notes = append(l.Notes, text)
	}
}
