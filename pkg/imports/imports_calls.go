package imports

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// call is one request that a collection or an archive holds.
type call struct {
	url     *url.URL // of a scheme that an endpoint may have
	prefix  string   // a path that the file itself sets apart as the base
	label   string   // for people, such as "POST Create charge"
	auth    Auth
	remarks []string // what the inventory cannot say of the call
	formats []string
}

// maxBases bounds the links of one file.
const maxBases = 5000

// calls gathers requests by their base address: one link for each.
type calls struct {
	bases    map[string]*base
	order    []*base
	overflow int // calls of bases that no longer had room
}

// base is a base address and what is known of the calls to it.
type base struct {
	url     *url.URL
	count   int
	labels  []string
	formats []string
	auths   []*authTally
	remarks []string
}

// authTally is a way to authenticate and how many calls use it.
type authTally struct {
	Auth
	count int
}

func newCalls() *calls { return &calls{bases: map[string]*base{}} }

// add counts a call.
func (c *calls) add(one call) {
	at := baseOf(one.url, one.prefix)
	key := at.String()
	b := c.bases[key]
	if b == nil {
		if len(c.order) == maxBases {
			c.overflow++
			return
		}
		b = &base{url: at}
		c.bases[key] = b
		c.order = append(c.order, b)
	}
	const labels = 6
	b.count++
	if one.label != "" && len(b.labels) < labels && !slices.Contains(b.labels, one.label) {
		b.labels = append(b.labels, one.label)
	}
	b.formats = addNew(b.formats, one.formats...)
	b.remarks = addNew(b.remarks, one.remarks...)
	b.tally(one.auth)
}

// addNew adds what a list lacks, up to a bound.
func addNew(list []string, texts ...string) []string {
	const most = 50
	for _, text := range texts {
		if text != "" && len(list) < most && !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return list
}

// tally counts a way to authenticate. Ways that differ in nothing but scopes
// are one.
func (b *base) tally(a Auth) {
	for _, t := range b.auths {
		if t.Type == a.Type && t.Header == a.Header && t.Query == a.Query && t.TokenURL == a.TokenURL && t.ClientSecret == a.ClientSecret {
			t.count++
			t.Scopes = addNew(t.Scopes, a.Scopes...)
			return
		}
	}
	const most = 20
	if len(b.auths) < most {
		b.auths = append(b.auths, &authTally{a, 1})
	}
}

// vendors are the links of all calls, by the vendor that their hosts suggest.
func (c *calls) vendors() []Vendor {
	var vendors []Vendor
	at := map[string]int{}
	for _, b := range c.order {
		id := vendorIDOf(b.url.Hostname())
		i, known := at[id]
		if !known {
			i = len(vendors)
			at[id] = i
			vendors = append(vendors, Vendor{ID: id})
		}
		vendors[i].Links = append(vendors[i].Links, b.link(id))
	}
	return vendors
}

// link is what the calls to a base say of it.
func (b *base) link(vendorID string) Link {
	slices.Sort(b.formats)
	slices.SortStableFunc(b.auths, func(x, y *authTally) int { return y.count - x.count })
	l := Link{
		Kind: inventory.KindEndpoint, ID: linkIDOf(b.url, vendorID), URL: b.url.String(),
		Direction: inventory.DirectionOutbound, Data: Data{Formats: b.formats},
	}
	about := counted(b.count, "request")
	if len(b.labels) > 0 {
		about += ", such as " + strings.Join(b.labels, ", ")
	}
	l.Notes = append(l.Notes, about)
	for _, t := range b.auths {
		switch {
		case t.Type == "":
		case l.Auth.Type == "":
			l.Auth = t.Auth
			slices.Sort(l.Auth.Scopes)
		default:
			l.Notes = append(l.Notes, fmt.Sprintf("%d of %s: authentication of type %s instead", t.count, counted(b.count, "request"), t.shown()))
		}
	}
	for _, t := range b.auths {
		if t.Type == "" && l.Auth.Type != "" {
			l.Notes = append(l.Notes, fmt.Sprintf("%d of %s: no authentication", t.count, counted(b.count, "request")))
		}
	}
	l.Notes = append(l.Notes, b.remarks...)
	return l
}

// shown names a way to authenticate in a note.
func (a Auth) shown() string {
	text := string(a.Type)
	if a.Header != "" {
		text += " in header " + quoted(a.Header)
	}
	if a.Query != "" {
		text += " in query parameter " + quoted(a.Query)
	}
	return text
}

// counted is a number with its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Segments of paths that stand before what is asked for.
var (
	versionSegment = regexp.MustCompile(`^(?i:v\d{1,4}([._]\d+)*((alpha|beta|rc)\d*)?|\d{4}-\d{2}(-\d{2})?|\d{1,3}\.\d{1,3})$`) //nolint:gochecknoglobals // a constant
	prefixSegment  = regexp.MustCompile(`^(?i:api|rest|rpc|graphql|services?|gateway|odata|soap|jsonrpc)$`)                     //nolint:gochecknoglobals // a constant
)

// baseOf is the base address of a request: up to the version in its path
// (/payments/v1), or else the leading segments that are common names of
// interfaces (/api), or else the host alone. It is never shorter than prefix.
// Segments that may be ids or secrets end it.
func baseOf(u *url.URL, prefix string) *url.URL {
	const deepest = 4
	keep := 0
	segments := strings.Split(strings.Trim(u.Path, "/"), "/")
	for i, segment := range segments[:min(len(segments), deepest)] {
		if isVariable(segment) {
			break
		}
		if versionSegment.MatchString(segment) || keep == i && prefixSegment.MatchString(segment) {
			keep = i + 1
		}
	}
	if fixed := strings.Trim(prefix, "/"); fixed != "" && strings.HasPrefix(strings.Trim(u.Path, "/")+"/", fixed+"/") {
		n := 0
		for _, segment := range strings.Split(fixed, "/") {
			if isVariable(segment) {
				break
			}
			n++
		}
		keep = max(keep, n)
	}
	base := &url.URL{Scheme: strings.ToLower(u.Scheme), Host: strings.ToLower(u.Host)}
	if keep > 0 {
		base.Path = "/" + strings.Join(segments[:keep], "/")
	}
	return base
}

// isVariable says whether a segment of a path may vary, or hold a secret.
func isVariable(segment string) bool {
	if segment == "" || segment[0] == ':' || strings.ContainsAny(segment, "{}<>:@$=") {
		return true
	}
	letters, digits := 0, 0
	for _, r := range segment {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
			letters++
		}
	}
	version := versionSegment.MatchString(segment)
	return !version && (letters == 0 || digits >= 4 || len(segment) > 40)
}

// linkIDOf makes a link's id of what its address adds to its vendor's name.
func linkIDOf(u *url.URL, vendorID string) string {
	host, _, found := strings.Cut(u.Hostname(), vendorID)
	if !found {
		host = ""
	}
	port := u.Port()
	if scheme, _ := inventory.LookupScheme(u.Scheme); port == fmt.Sprint(scheme.Port) {
		port = ""
	}
	return slug(slugOr(strings.Trim(host, ".")+" "+u.Path, vendorID) + " " + port)
}
