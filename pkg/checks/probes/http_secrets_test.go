package probes

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// secretLinks is an inventory of links that hold each kind of secret, on
// SCHEME://HOST.
const secretLinks = `version: 1
systems: [{id: billing, owner: team}]
vendors:
  - id: acme
    endpoints:
      - {id: bearer, url: "SCHEME://HOST/orders", auth: {type: bearer, token: "${S_BEARER}"}}
      - {id: basic, url: "SCHEME://HOST/orders", auth: {type: basic, username: "${S_USER}", password: "${S_PASSWORD}"}}
      - {id: key-in-header, url: "SCHEME://HOST/orders", auth: {type: api_key, header: X-Api-Key, token: "${S_KEY}"}}
      - {id: key-in-query, url: "SCHEME://HOST/orders", auth: {type: api_key, query: k, token: "${S_KEY_QUERY}"}}
      - {id: hmac, url: "SCHEME://HOST/orders", auth: {type: hmac, key: "${S_HMAC}", client_id: us, header: X-Signature}}
      - {id: oauth2, url: "SCHEME://HOST/orders", auth: {type: oauth2, token_url: "https://HOST/token", client_id: us, client_secret: "${S_CLIENT}"}}
      - {id: path, url: "SCHEME://HOST/orders/${S_PATH}/open"}
      - {id: query, url: "SCHEME://HOST/orders?page=1&sig=${S_QUERY}"}
      - {id: graphql, url: "SCHEME://HOST/${S_GRAPHQL}/graphql", auth: {type: bearer, token: "${S_BEARER}"}}
      - {id: certificate, url: "SCHEME://HOST/orders", auth: {type: bearer, token: "${S_BEARER}"}CERTIFICATE}
    webhooks:
      - {id: hook, url: "SCHEME://HOST/hook/${S_HOOK_PATH}", direction: outbound, signature: {scheme: standard-webhooks, secret: "${S_HOOK}"}, probe: {consent: [send_test_event], test_event: "${S_EVENT}"}}
      - {id: plain-hook, url: "SCHEME://HOST/hook", direction: outbound, signature: {scheme: hmac, secret: "${S_HOOK_HMAC}", header: X-Signature}, auth: {type: bearer, token: "${S_BEARER}"}, probe: {consent: [send_test_event]}}
`

// treasure are the secrets of an inventory, and what is made of them.
type treasure struct {
	values map[string]string // by the name of the environment variable
	parts  []string          // what must be seen nowhere
}

// newTreasure makes secrets, some of them with what URLs and JSON escape, and
// puts them into the environment.
func newTreasure(t *testing.T) treasure {
	t.Helper()
	tr := treasure{values: map[string]string{}}
	for _, name := range []string{
		"S_BEARER", "S_USER", "S_PASSWORD", "S_KEY", "S_KEY_QUERY", "S_HMAC", "S_CLIENT", "S_PATH", "S_QUERY", "S_GRAPHQL",
		"S_HOOK_PATH", "S_HOOK_HMAC", "S_MINTED",
	} {
		a, b := rand.Text()[:12], strings.ToLower(rand.Text()[:12])
		tr.parts = append(tr.parts, a, b)
		between := map[string]string{"S_PASSWORD": `"/+&<`, "S_KEY_QUERY": "+/=", "S_QUERY": "+/=", "S_HMAC": "/+=", "S_BEARER": "/+"}[name]
		tr.values[name] = a + between + b
	}
	tr.values["S_HOOK"] = "whsec_" + base64.StdEncoding.EncodeToString([]byte(rand.Text()))
	tr.values["S_EVENT"] = fmt.Sprintf(`{"type":"test","note":%q}`, rand.Text())
	tr.parts = append(tr.parts, tr.values["S_HOOK"][6:], tr.values["S_EVENT"][23:40])
	for name, value := range tr.values {
		t.Setenv(name, value)
	}
	// As HTTP carries a password.
	pair := base64.StdEncoding.EncodeToString([]byte(tr.values["S_USER"] + ":" + tr.values["S_PASSWORD"]))
	tr.parts = append(tr.parts, pair[4:20])
	return tr
}

// in lists the secrets that a text holds, escaped or not.
func (tr treasure) in(text string) []string {
	unescaped, err := url.QueryUnescape(text)
	if err != nil {
		unescaped = text
	}
	var found []string
	for _, part := range tr.parts {
		if strings.Contains(text, part) || strings.Contains(unescaped, part) {
			found = append(found, part)
		}
	}
	return found
}

// links loads the inventory for a server.
func (tr treasure) links(t *testing.T, scheme, host string) []*inventory.Link {
	t.Helper()
	dir := t.TempDir()
	certificate := ""
	if scheme == "https" {
		client := testserver.Root(t, "Clients").Leaf(t, nil)
		f := writeFiles(t, client.Up, client)
		certificate = fmt.Sprintf(", tls: {client_cert: %q, client_key: %q}", "file:"+f.chain, "file:"+f.key)
	}
	path := filepath.Join(dir, "inventory.yaml")
	text := strings.NewReplacer("SCHEME", scheme, "HOST", host, "CERTIFICATE", certificate).Replace(secretLinks)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	inv, problems, err := inventory.Load([]string{path}, inventory.Options{})
	if err != nil || inv == nil {
		t.Fatal(err, problems)
	}
	return inv.Links()
}

// thief is a server that keeps all that it is sent.
type thief struct {
	tr     treasure
	status int

	mu  sync.Mutex
	got []string
}

// take notes what a request holds, and returns it in every form that a server
// may show it in.
func (th *thief) take(r *http.Request) string {
	body, _ := io.ReadAll(r.Body)
	var loot strings.Builder
	loot.WriteString(r.Method + " " + r.RequestURI + "\n")
	if unescaped, err := url.QueryUnescape(r.RequestURI); err == nil {
		loot.WriteString(unescaped + "\n")
	}
	for name, values := range r.Header {
		for _, value := range values {
			fmt.Fprintf(&loot, "%s: %s\n%s\n", name, value, value[strings.LastIndex(value, " ")+1:])
		}
	}
	if user, password, ok := r.BasicAuth(); ok {
		loot.WriteString(user + "\n" + password + "\n")
	}
	loot.Write(body)
	th.mu.Lock()
	defer th.mu.Unlock()
	th.got = append(th.got, loot.String())
	return loot.String()
}

// taken lists the secrets that were sent to the thief.
func (th *thief) taken() []string {
	th.mu.Lock()
	defer th.mu.Unlock()
	return th.tr.in(strings.Join(th.got, "\n"))
}

// ServeHTTP gives a token to who asks, and echoes the rest into every field
// that facts and evidence are made of.
func (th *thief) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	loot := th.take(r)
	if r.URL.Path == "/token" {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"access_token": th.tr.values["S_MINTED"], "token_type": "Bearer"})
		return
	}
	lines := strings.Split(strings.TrimSpace(loot), "\n")
	h := w.Header()
	for i, line := range lines {
		line = strings.Map(printable, line)
		h.Set(fmt.Sprintf("X-Echo-%d", i), line)
		h.Add("Server", "nginx/"+line)
		h.Add("X-Powered-By", line)
		h.Add("WWW-Authenticate", fmt.Sprintf("%s realm=%q, resource_metadata=%q", word(line), line, "https://"+r.Host+"/meta/"+line))
		h.Add("RateLimit-Policy", fmt.Sprintf(`"%s";q=100;w=60`, line))
		h.Add("RateLimit", fmt.Sprintf(`"%s";r=50;t=30`, line))
		h.Add("Via", line)
		h.Add("Grpc-Message", line)
	}
	h.Set("X-RateLimit-Limit", lines[len(lines)-1])
	h.Set("Location", "https://x"+word(lines[len(lines)-1])+".example/"+url.PathEscape(lines[0]))
	h.Set("Retry-After", "3600")
	h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	h.Set("Strict-Transport-Security", "max-age="+strings.Map(printable, lines[0]))
	if strings.Contains(r.URL.Path, "/.well-known/") || strings.Contains(r.URL.Path, "/meta/") || strings.Contains(r.URL.Path, "jwks") {
		th.metadata(w, r, lines)
		return
	}
	h.Set("Content-Type", "text/"+word(lines[len(lines)-1]))
	w.WriteHeader(th.status)
	fmt.Fprintf(w, "Traceback (most recent call last):\n")
	for i, line := range lines {
		fmt.Fprintf(w, "  File \"/srv/%s/app.py\", line %d, in %s\nSQLSTATE[42000]: Syntax error near '%s'\n"+
			"goroutine %d [running]:\n postgres://%s@db.internal/%s\n10.0.0.%d %s.internal\n", line, i, line, line, i, line, line, i, line)
	}
	fmt.Fprintf(w, "%s\n%s\n%q\n", url.QueryEscape(loot), base64.StdEncoding.EncodeToString([]byte(loot)), loot)
}

// metadata are those of OAuth, with the loot wherever they have a text.
func (*thief) metadata(w http.ResponseWriter, r *http.Request, lines []string) {
	var keys []map[string]string
	for _, line := range lines {
		keys = append(keys, map[string]string{"kty": "EC", "crv": line, "alg": line, "kid": line, "x": line, "y": line})
	}
	origin := "https://" + r.Host
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"issuer": origin + "/" + lines[len(lines)-1], "resource": origin + "/" + lines[0], "authorization_servers": append(lines, origin),
		"token_endpoint": origin + "/token?" + lines[0], "jwks_uri": origin + "/jwks", "scopes_supported": lines,
		"token_endpoint_auth_methods_supported": lines, "grant_types_supported": lines, "response_types_supported": lines,
		"bearer_methods_supported": lines, "dpop_signing_alg_values_supported": lines, "id_token_signing_alg_values_supported": lines,
		"keys": keys,
	})
}

// printable leaves out what a header field cannot hold.
func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return -1
	}
	return r
}

// word is a line if a media type or a host name can hold it as it is.
func word(line string) string {
	for _, r := range line {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') {
			return "word"
		}
	}
	return line[:min(len(line), 60)]
}

// TestSecretsAreNotShown scans links with every kind of secret on servers that
// are proven, get them, and show them wherever they can.
func TestSecretsAreNotShown(t *testing.T) {
	tr := newTreasure(t)
	s := newSite(t)
	sent := map[string]bool{}
	for _, level := range []checks.Level{checks.Observe, checks.Consented} { // the latter sends all of active
		t.Run(string(level), func(t *testing.T) {
			var (
				thieves []*thief
				links   []*inventory.Link
			)
			for _, status := range []int{200, 302, 401, 429, 500} {
				th := &thief{tr: tr, status: status}
				server := testserver.HTTP(t, s.config.Clone(), th.ServeHTTP)
				thieves = append(thieves, th)
				links = append(links, tr.links(t, "https", fmt.Sprintf("%s:%d", testserver.Host, server.Port))...)
			}
			runner := &checks.Runner{Probes: speakingHTTP(), Level: level, Roots: testserver.Pool(s.root)}
			runner.Limits.Links = len(links)
			for i, got := range scanAll(t, runner, links...) {
				where := fmt.Sprintf("%s, HTTP %d", links[i].ID, thieves[i*len(thieves)/len(links)].status)
				for _, o := range got.observations {
					checkShown(t, tr, where, o)
				}
				if plan, err := json.Marshal(got.planned.Asks); err != nil || len(tr.in(string(plan))) > 0 {
					t.Errorf("%s: the plan shows a secret: %s", where, plan)
				}
			}
			for _, th := range thieves {
				for _, part := range th.taken() {
					sent[part] = true
				}
			}
		})
	}
	// Else the test would prove nothing.
	for name, value := range tr.values {
		// Keys sign, and a query's secret is left out.
		if strings.Contains(name, "HMAC") || name == "S_HOOK" || name == "S_QUERY" {
			continue
		}
		if !slices.ContainsFunc(tr.in(value), func(part string) bool { return sent[part] }) {
			t.Errorf("%s was never sent", name)
		}
	}
}

// checkShown looks for secrets in all that an observation holds.
func checkShown(t *testing.T, tr treasure, where string, o checks.Observation) {
	t.Helper()
	for name, part := range map[string]any{"facts": o.Facts, "unknown": o.Unknown, "evidence": o.Evidence, "observation": o} {
		text, err := json.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		shown := string(text) + fmt.Sprintf("%+v", part)
		found := tr.in(shown)
		if len(found) == 0 {
			continue
		}
		at := strings.Index(shown, found[0])
		around := shown
		if at >= 0 {
			around = shown[max(0, at-120):min(len(shown), at+60)]
		}
		t.Errorf("%s: the %s of %s show %q: …%s…", where, name, o.Probe, found, around)
	}
}

// TestSecretsAreNotSent scans the same links on servers that are not proven, or
// that are reached in the clear: at no level does one get a secret.
func TestSecretsAreNotSent(t *testing.T) {
	tr := newTreasure(t)
	s := newSite(t)
	for _, level := range []checks.Level{checks.Observe, checks.Consented} { // the latter sends all of active
		t.Run(string(level), func(t *testing.T) {
			thieves := map[string]*thief{}
			var links []*inventory.Link
			for _, status := range []int{200, 401} {
				untrusted, plain := &thief{tr: tr, status: status}, &thief{tr: tr, status: status}
				secure := testserver.HTTP(t, s.config.Clone(), untrusted.ServeHTTP)
				inClear := httptest.NewServer(plain)
				t.Cleanup(inClear.Close)
				port := netip.MustParseAddrPort(inClear.Listener.Addr().String()).Port()
				links = slices.Concat(links,
					tr.links(t, "https", fmt.Sprintf("%s:%d", testserver.Host, secure.Port)),
					tr.links(t, "http", fmt.Sprintf("%s:%d", testserver.Host, port)))
				thieves[fmt.Sprintf("not proven, HTTP %d", status)] = untrusted
				thieves[fmt.Sprintf("in the clear, HTTP %d", status)] = plain
			}
			another := testserver.Pool(testserver.Root(t, "Another"))
			scanAll(t, &checks.Runner{Probes: speakingHTTP(), Level: level, Roots: another}, links...)
			for name, th := range thieves {
				if taken := th.taken(); len(taken) > 0 {
					t.Errorf("%s: the server was sent %q", name, taken)
				}
				if len(th.got) == 0 {
					t.Errorf("%s: the server was sent nothing at all", name)
				}
			}
		})
	}
}
