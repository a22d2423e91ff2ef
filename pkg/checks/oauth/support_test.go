package oauth

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// page is what a host has at a path. ORIGIN in its body and header stands for
// the host's own origin.
type page struct {
	status    int    // 200 when zero
	media     string // application/json when empty
	body      string
	challenge string // of WWW-Authenticate
	header    http.Header
}

// pages are those of a host, by path; the one at "*" is at all others, which
// else answer 404.
type pages map[string]page

// host is a server with such pages that notes what it was asked.
type host struct {
	*testserver.Server
	mu    sync.Mutex
	asked []string // "GET /path", in order
}

func serve(t testing.TB, all pages) *host {
	t.Helper()
	h := &host{}
	config := &tls.Config{Certificates: []tls.Certificate{testserver.SelfSigned(t, nil).TLS()}}
	h.Server = testserver.HTTP(t, config, func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.asked = append(h.asked, r.Method+" "+r.RequestURI)
		h.mu.Unlock()
		p, ok := all[r.URL.Path]
		if !ok {
			p, ok = all["*"]
		}
		if !ok {
			http.NotFound(w, r)
			return
		}
		fill := strings.NewReplacer("ORIGIN", "https://"+r.Host)
		w.Header().Set("Content-Type", cmp.Or(p.media, "application/json"))
		for name, values := range p.header {
			w.Header().Set(name, fill.Replace(values[0]))
		}
		if p.challenge != "" {
			w.Header().Set("WWW-Authenticate", fill.Replace(p.challenge))
		}
		w.WriteHeader(cmp.Or(p.status, http.StatusOK))
		_, _ = w.Write([]byte(fill.Replace(p.body)))
	})
	return h
}

func (h *host) origin() string { return fmt.Sprintf("https://%s:%d", testserver.Host, h.Port) }

// wasAsked lists the paths asked for, in order, but not the random one.
func (h *host) wasAsked(t testing.TB) []string {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	var paths []string
	for _, asked := range h.asked {
		method, path, _ := strings.Cut(asked, " ")
		if method != http.MethodGet {
			t.Errorf("it was sent %s", asked)
		}
		if path == declaredPath || strings.HasPrefix(path, "/.") || !strings.HasPrefix(path, "/v1/") {
			paths = append(paths, path)
		}
	}
	if len(paths) != len(h.asked)-1 {
		t.Errorf("it was asked %q, in which not one random path", h.asked)
	}
	return paths
}

// declaredPath is that of the links of tests.
const declaredPath = "/v1/charges"

func (h *host) link(t testing.TB, options ...func(*inventory.Link)) *inventory.Link {
	t.Helper()
	l := h.Link(t, "https", declaredPath)
	l.Auth.Type = inventory.AuthOAuth2
	for _, option := range options {
		option(l)
	}
	return l
}

// fixed are the paths that every host is asked for.
var fixed = []string{declaredPath, resourcePath + declaredPath, serverPath, openIDPath}

// visit runs the probe, and holds the requests it sent to its plan.
func (h *host) visit(t testing.TB, l *inventory.Link) checks.Observation {
	t.Helper()
	o := testserver.Observe(t, l, nil, Probe())[0]
	cost := Probe().Plan(checks.Scope{Link: l, Level: checks.Observe, Addresses: 1})
	h.mu.Lock()
	sent := len(h.asked)
	h.mu.Unlock()
	if sent < len(cost.Asks) || sent > len(cost.Asks)+cost.MoreAsks || o.Requests != sent {
		t.Errorf("%d requests arrived, %d were noted; planned were %d, and %d more", sent, o.Requests, len(cost.Asks), cost.MoreAsks)
	}
	return o
}

// flat is what was learned by name, without the namespace; a reason stands for
// what was not, as "?reason".
func flat(o checks.Observation) map[string]any {
	all := make(map[string]any)
	if o.Facts != nil {
		checks.Flatten("", o.Facts, all)
	}
	for _, u := range o.Unknown {
		all[strings.TrimPrefix(u.Fact, "oauth.")] = "?" + string(u.Reason)
	}
	return all
}

// check compares the facts that are wanted, and no others.
func check(t testing.TB, o checks.Observation, want map[string]any) {
	t.Helper()
	got := flat(o)
	for fact, value := range want {
		if fmt.Sprint(got[fact]) != fmt.Sprint(value) {
			t.Errorf("%s = %v, want %v", fact, got[fact], value)
		}
	}
	if t.Failed() {
		t.Logf("unknown: %+v\nevidence: %+v", o.Unknown, o.Evidence)
	}
}

// checkAll holds every fact but some to be unknown for a reason.
func checkAll(t testing.TB, o checks.Observation, reason checks.Reason, but ...string) {
	t.Helper()
	for fact, value := range flat(o) {
		if !slices.Contains(but, fact) && value != "?"+string(reason) {
			t.Errorf("%s = %v, want it unknown: %s", fact, value, reason)
		}
	}
}
