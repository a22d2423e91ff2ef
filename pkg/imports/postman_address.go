package imports

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// hostLike is a host that stands without a scheme, perhaps with a port.
var hostLike = regexp.MustCompile(`^(?i:[a-z0-9-]+(\.[a-z0-9-]+)+|localhost)(:\d+)?$`) //nolint:gochecknoglobals // a constant

// address makes a call of the text of a request's URL. A variable in front, as
// in {{baseUrl}}/charges, stands for the base.
func (r *postmanReader) address(raw string) (one call, refusal string) {
	raw = strings.TrimSpace(raw)
	authority, rest := splitAuthority(raw)
	resolved, unknown := r.resolve(authority)
	switch {
	case unknown != "":
		return call{}, fmt.Sprintf("variable %s stands in the address, and the file does not say what it is", quoted(unknown))
	case strings.Contains(resolved, "://"):
		if base, err := url.Parse(resolved); err == nil && strings.HasPrefix(raw, "{{") {
			one.prefix = base.Path
		}
	case hostLike.MatchString(resolved):
		resolved = "http://" + resolved
		one.remarks = []string{"the collection states no scheme, and Postman sends http then"}
	default:
		return call{}, "the address names no scheme and no host"
	}
	// A variable in the path may stay unknown: it ends the base.
	rest, _, _ = strings.Cut(rest, "#")
	rest, _, _ = strings.Cut(rest, "?")
	path := strings.NewReplacer("{", "%7B", "}", "%7D").Replace(r.resolveKnown(rest))
	clean, _, refusal := usableURL(strings.TrimSuffix(resolved, "/")+path, inventory.KindEndpoint)
	if refusal != "" {
		return call{}, refusal
	}
	u, err := url.Parse(clean)
	if err != nil {
		return call{}, "the address is malformed"
	}
	one.url = u
	return one, ""
}

// splitAuthority parts a URL before its path, which may follow a variable.
func splitAuthority(raw string) (authority, rest string) {
	start := 0
	if i := strings.Index(raw, "://"); i >= 0 {
		start = i + 3
	}
	if i := strings.IndexAny(raw[start:], "/?#"); i >= 0 {
		return raw[:start+i], raw[start+i:]
	}
	return raw, ""
}

// maxResolve bounds variables within variables, and maxResolved what they make.
const (
	maxResolve  = 8
	maxResolved = 4096
)

// resolve puts in the variables that the collection itself defines. unknown
// names the first one that it does not.
func (r *postmanReader) resolve(text string) (resolved, unknown string) {
	for range maxResolve {
		before, after, found := strings.Cut(text, "{{")
		if !found {
			return text, ""
		}
		var out strings.Builder
		for found {
			out.WriteString(before)
			name, rest, closed := strings.Cut(after, "}}")
			value, known := r.variables[strings.TrimSpace(name)]
			if !closed || !known || out.Len() > maxResolved {
				return "", strings.TrimSpace(name)
			}
			out.WriteString(value)
			before, after, found = strings.Cut(rest, "{{")
		}
		text = out.String() + before
	}
	return "", "that names itself"
}

// resolveKnown is resolve segment by segment: one that is not known stays.
func (r *postmanReader) resolveKnown(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if resolved, unknown := r.resolve(segment); unknown == "" {
			segments[i] = resolved
		}
	}
	return strings.Join(segments, "/")
}
