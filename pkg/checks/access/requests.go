package access

import (
	"net/http"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// requests are those that a link is asked, known before the first is sent. The
// credentials in them are named but not made yet.
type requests struct {
	bare    httpclient.Request   // without any credential
	none    httpclient.Request   // without a token; with the client certificate where the link has one beside its token
	randoms []httpclient.Request // at paths that nobody has, as none is
	garbage httpclient.Request   // with a credential that nobody issued, as none is
	inQuery httpclient.Request   // with one in the query, at level active
	own     httpclient.Request   // with the link's own credential
	other   httpclient.Request   // the last of these that are asked, with a method override, at level active

	public       bool // anybody may come in, as far as the inventory says
	certified    bool // there is a token, and a client certificate beside it
	mutual       bool // the client certificate is the credential
	graphQL      bool
	asksGarbage  bool
	asksOwn      bool
	secure       bool // over TLS: without, no secret is sent, though it is tried
	asksInQuery  bool
	asksOverride bool
}

// overrideHeader is what frameworks read the method from in place of the
// request line. OPTIONS is a safe method, and its answer differs from GET's.
const overrideHeader = "X-Http-Method-Override"

func requestsFor(l *inventory.Link, level checks.Level) requests {
	var r requests
	r.secure = l.Target().TLS()
	certificate := r.secure && !l.TLS.ClientCert.IsZero()
	r.mutual = isMutual(l, certificate)
	r.public = !r.mutual && (l.Auth.Type == inventory.AuthNone || l.Auth.Type == "" && l.Kind == inventory.KindWebhook)
	r.certified = certificate && !r.mutual && !r.public

	r.bare = httpclient.Declared(l)
	r.graphQL = r.bare.URI != ""
	r.none = r.bare
	r.none.Certificate = r.certified
	r.randoms = []httpclient.Request{{Random: 1, Certificate: r.certified}}
	if !r.certified && !r.graphQL { // where there is another request besides, one control must do
		r.randoms = append(r.randoms, httpclient.Request{Random: 2})
	}
	if r.asksGarbage = !r.mutual && !r.public; r.asksGarbage {
		r.garbage = with(r.none, named(garbageName))
	}
	switch {
	case r.mutual:
		r.own, r.asksOwn = r.bare, certificate
		r.own.Certificate = true
	case !r.public:
		r.own, r.asksOwn = with(r.none, named(httpclient.DeclaredName)), httpclient.HasDeclared(l, level)
	}
	if level.Allows(checks.Active) {
		r.addActive(l)
	}
	return r
}

// isMutual reports a link whose client certificate is its only credential.
func isMutual(l *inventory.Link, certificate bool) bool {
	switch l.Auth.Type {
	case inventory.AuthMTLS:
		return true
	case inventory.AuthNone:
		return certificate
	case "":
		return certificate || l.TLS.MTLS == inventory.MTLSRequired
	default: // a token or a password
		return false
	}
}

func (r *requests) addActive(l *inventory.Link) {
	switch l.Auth.Type {
	case inventory.AuthBearer, inventory.AuthOAuth2, "":
		r.asksInQuery = r.asksGarbage
	case inventory.AuthAPIKey:
		r.asksInQuery = r.asksGarbage && l.Auth.Header != ""
	default: // nothing that could stand in a query
	}
	r.inQuery = with(r.none, named(inQueryName))
	r.asksOverride = true
	r.other = r.none
	if r.asksOwn {
		r.other = r.own
	}
	header := http.Header{overrideHeader: {http.MethodOptions}}
	for name, values := range r.other.Header {
		header[name] = values
	}
	r.other.Header = header
}

// list is in the order of the requests.
func (r requests) list() []httpclient.Request {
	list := []httpclient.Request{r.bare}
	if r.certified {
		list = append(list, r.none)
	}
	list = append(list, r.randoms...)
	for _, more := range []struct {
		asked   bool
		request httpclient.Request
	}{{r.asksGarbage, r.garbage}, {r.asksInQuery, r.inQuery}, {r.asksOwn && r.secure, r.own}, {r.asksOverride && (r.secure || !r.asksOwn), r.other}} {
		if more.asked {
			list = append(list, more.request)
		}
	}
	return list
}

// plan is exact for a server that answers. What may come on top is one
// repetition, the fetching of a token, and tampered credentials.
func plan(s checks.Scope) checks.Cost {
	r := requestsFor(s.Link, s.Level)
	cost := checks.Cost{Connections: 1, Asks: httpclient.Names(r.list()...), MoreAsks: 1}
	if r.certified || r.mutual && r.asksOwn {
		cost.Connections += 3 // a handshake that has no answer is repeated
	}
	if !s.Level.Allows(checks.Active) || !r.asksOwn || r.mutual {
		return cost
	}
	switch a := s.Link.Auth; a.Type {
	case inventory.AuthHMAC:
		cost.MoreAsks++
	case inventory.AuthBearer, inventory.AuthAPIKey, inventory.AuthOAuth2:
		cost.MoreAsks += 3
		if a.Token.IsZero() {
			cost.MoreAsks++
		}
	default: // nothing to tamper with
	}
	return cost
}

func with(r httpclient.Request, c *httpclient.Credential) httpclient.Request {
	r.Credential = c
	return r
}

// named stands in a plan for a credential that is made later.
func named(name string) *httpclient.Credential { return httpclient.NewCredential(name, false, nil) }
