package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

const (
	secret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	tolerance = 5 * time.Minute
)

// call is a request that a receiver saw.
type call struct {
	method, uri string
	header      http.Header
	body        []byte
}

// receiver is a webhook's server over TLS that keeps what it was sent.
type receiver struct {
	*testserver.Server

	root  *testserver.Issued
	mu    sync.Mutex
	calls []call
}

// receive answers each POST with the status that decide gives, and all else
// with 405.
func receive(t testing.TB, decide func(c call, number int) int) *receiver {
	t.Helper()
	r := &receiver{root: testserver.Root(t, "Root")}
	leaf := r.root.Leaf(t, nil).TLS()
	r.Server = testserver.HTTP(t, &tls.Config{Certificates: []tls.Certificate{leaf}}, func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		c := call{request.Method, request.URL.RequestURI(), request.Header, body}
		r.mu.Lock()
		r.calls = append(r.calls, c)
		number := len(r.posts())
		r.mu.Unlock()
		status := http.StatusMethodNotAllowed
		if c.method == http.MethodPost {
			status = decide(c, number)
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"status":%d}`, status)
	})
	return r
}

// posts are the events among the calls.
func (r *receiver) posts() []call {
	return slices.DeleteFunc(slices.Clone(r.calls), func(c call) bool { return c.method != http.MethodPost })
}

// hook is a webhook on https without a port, whose owner consents.
func hook(s inventory.Signature) *inventory.Link {
	if s.Secret.IsZero() {
		s.Secret = inventory.NewSecret(secret, "")
	}
	return &inventory.Link{
		Vendor: &inventory.Vendor{ID: "acme"}, ID: "hook", Kind: inventory.KindWebhook,
		URL:       &url.URL{Scheme: "https", Host: testserver.Host, Path: "/hook"},
		Signature: s, Probe: inventory.ProbeConsent{Consent: []inventory.Consent{inventory.ConsentSendTestEvent}},
	}
}

// world is where a link leads in a test.
type world struct {
	level  checks.Level
	secure uint16 // port on loopback of what is served on 443
	plain  uint16 // and on 80; 0 for a closed port
	root   *testserver.Issued
	limits checks.Limits
}

// visit runs the probe on a link, and fails the test on a defect, a plan that
// was not kept, or a secret in what was reported.
func visit(t testing.TB, w world, l *inventory.Link, secrets ...string) (*Facts, checks.Observation) {
	t.Helper()
	limits := w.limits
	limits.Rate, limits.HostRate, limits.RequestRate = 1e6, 1e6, 1e6
	if limits.StepTimeout == 0 {
		limits.StepTimeout = 2 * time.Second
	}
	runner := &checks.Runner{
		Probes: []checks.Probe{Probe()}, Level: w.level, UserAgent: "m2mscan/test", Limits: limits,
		Now: func() time.Time { return testserver.Now },
		Resolver: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		},
		Dialer: func(ctx context.Context, network, address string) (net.Conn, error) {
			switch address {
			case "127.0.0.1:443":
				address = fmt.Sprintf("127.0.0.1:%d", w.secure)
			case "127.0.0.1:80":
				address = fmt.Sprintf("127.0.0.1:%d", w.plain)
				if w.plain == 0 {
					address = fmt.Sprintf("127.0.0.1:%d", testserver.Refused(t).Port)
				}
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}
	if w.root != nil {
		runner.Roots = testserver.Pool(w.root)
	}
	results, err := runner.Run(t.Context(), []*inventory.Link{l})
	if err != nil {
		t.Fatal(err)
	}
	o := results[0].Observations[0]
	for _, u := range o.Unknown {
		if u.Reason == checks.ReasonBug {
			t.Errorf("unknown by a defect: %+v", u)
		}
	}
	if plan := runner.Plan([]*inventory.Link{l})[0]; o.Requests > plan.MostRequests {
		t.Errorf("%d requests, planned at most %d: %q", o.Requests, plan.MostRequests, plan.Asks)
	}
	f, _ := o.Facts.(*Facts)
	if f == nil {
		t.Fatalf("no facts: %+v", o)
	}
	all, err := json.Marshal(struct {
		checks.Observation
		Facts   *Facts
		Unknown []checks.Unknown
	}{o, f, o.Unknown})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append(secrets, secret, strings.TrimPrefix(secret, "whsec_")) {
		if strings.Contains(string(all), s) {
			t.Errorf("%q is reported: %s", s, all)
		}
	}
	return f, o
}

// planned are the names that a plan has for the probe on a link.
func planned(l *inventory.Link, level checks.Level) []string {
	return (&checks.Runner{Probes: []checks.Probe{Probe()}, Level: level}).Plan([]*inventory.Link{l})[0].Asks
}

// told are the facts that are known, by name: "unsigned": false.
func told(f *Facts) map[string]bool {
	known := make(map[string]bool)
	for name, fact := range map[string]*bool{
		"twin": f.PlaintextTwin, "url": f.SecretInURL, "timestamp": f.SignatureHasTimestamp,
		"valid": f.ValidAccepted, "unsigned": f.UnsignedAccepted, "forged": f.BadSignatureAccepted, "tampered": f.TamperedAccepted,
		"late": f.ReplayAccepted, "early": f.FutureTimestampAccepted, "again": f.DuplicateAccepted,
	} {
		if fact != nil {
			known[name] = *fact
		}
	}
	return known
}

// verifier checks a call as a receiver does that knows its scheme. It says
// whether the signature fits, and what time it was made at, if that is signed.
// It is written anew here, and shares nothing with package signing.
type verifier func(c call) (ok bool, at time.Time)

func sum(key, text string) []byte {
	h := hmac.New(sha256.New, []byte(key))
	_, _ = io.WriteString(h, text)
	return h.Sum(nil)
}

func at(seconds string) time.Time {
	n, _ := strconv.ParseInt(seconds, 10, 64)
	return time.Unix(n, 0)
}

func verifyStandard(prefix string) verifier {
	return func(c call) (bool, time.Time) {
		key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		id, ts := c.header.Get(prefix+"id"), c.header.Get(prefix+"timestamp")
		want := "v1," + base64.StdEncoding.EncodeToString(sum(string(key), id+"."+ts+"."+string(c.body)))
		return id != "" && c.header.Get(prefix+"signature") == want, at(ts)
	}
}

func verifyStripe(c call) (bool, time.Time) {
	parts := make(map[string]string)
	for part := range strings.SplitSeq(c.header.Get("Stripe-Signature"), ",") {
		name, value, _ := strings.Cut(part, "=")
		parts[name] = value
	}
	return parts["v1"] == hex.EncodeToString(sum(secret, parts["t"]+"."+string(c.body))), at(parts["t"])
}

func verifySlack(c call) (bool, time.Time) {
	ts := c.header.Get("X-Slack-Request-Timestamp")
	return c.header.Get("X-Slack-Signature") == "v0="+hex.EncodeToString(sum(secret, "v0:"+ts+":"+string(c.body))), at(ts)
}

func verifyGitHub(c call) (bool, time.Time) {
	named := c.header.Get("X-GitHub-Event") != "" && len(c.header.Get("X-GitHub-Delivery")) == 36
	return named && c.header.Get("X-Hub-Signature-256") == "sha256="+hex.EncodeToString(sum(secret, string(c.body))), time.Time{}
}

func verifyShopify(c call) (bool, time.Time) {
	named := c.header.Get("X-Shopify-Topic") != "" && c.header.Get("X-Shopify-Webhook-Id") != "" && c.header.Get("X-Shopify-Shop-Domain") != ""
	return named && c.header.Get("X-Shopify-Hmac-Sha256") == base64.StdEncoding.EncodeToString(sum(secret, string(c.body))), time.Time{}
}

// template is a scheme of nobody's: everything is configured.
var template = inventory.Signature{Scheme: inventory.SignatureHMAC, Signing: inventory.Signing{
	Header: "X-Acme-Signature", Algorithm: "sha256", Encoding: "base64", Template: "{id}\n{timestamp}\n{method}\n{path}\n{body}",
	Value: "v2={signature};t={timestamp}", TimestampFormat: "rfc3339", IDHeader: "X-Acme-Id",
}}

func verifyTemplate(c call) (bool, time.Time) {
	value, ts, _ := strings.Cut(strings.TrimPrefix(c.header.Get("X-Acme-Signature"), "v2="), ";t=")
	text := strings.Join([]string{c.header.Get("X-Acme-Id"), ts, "POST", c.uri, string(c.body)}, "\n")
	made, _ := time.Parse(time.RFC3339, ts)
	return value == base64.StdEncoding.EncodeToString(sum(secret, text)), made
}

// strict takes a call whose signature fits and whose time, if it is signed, is
// near, and each id once.
func strict(verify verifier) func(call, int) int {
	var mu sync.Mutex
	seen := make(map[string]bool)
	return func(c call, _ int) int {
		ok, made := verify(c)
		if !ok || !made.IsZero() && time.Since(made).Abs() > tolerance {
			return http.StatusUnauthorized
		}
		mu.Lock()
		defer mu.Unlock()
		if seen[string(c.body)] {
			return http.StatusConflict
		}
		seen[string(c.body)] = true
		return http.StatusOK
	}
}

// merge returns a with what b says differently.
func merge(a, b map[string]bool) map[string]bool {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// visitPort is visit for a server on both 443 and 8443.
func visitPort(t testing.TB, w world, l *inventory.Link, port uint16) (*Facts, checks.Observation) {
	t.Helper()
	w.secure = port
	if l.URL.Port() == "8443" {
		l.URL.Host = fmt.Sprintf("%s:%d", testserver.Host, port)
	}
	return visit(t, w, l)
}

func responseOf(status int, body string) *httpclient.Response {
	return &httpclient.Response{Status: status, Header: http.Header{}, Body: []byte(body)}
}
