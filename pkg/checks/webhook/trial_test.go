package webhook

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// schemes are all there are, each with a receiver's own way to verify it.
var schemes = []struct {
	signature inventory.Signature
	verify    verifier
	timestamp bool
}{
	{inventory.Signature{Scheme: inventory.SignatureStandardWebhooks}, verifyStandard("webhook-"), true},
	{inventory.Signature{Scheme: inventory.SignatureSvix}, verifyStandard("svix-"), true},
	{inventory.Signature{Scheme: inventory.SignatureStripe}, verifyStripe, true},
	{inventory.Signature{Scheme: inventory.SignatureSlack}, verifySlack, true},
	{inventory.Signature{Scheme: inventory.SignatureGitHub}, verifyGitHub, false},
	{inventory.Signature{Scheme: inventory.SignatureShopify}, verifyShopify, false},
	{template, verifyTemplate, true},
}

// kinds are the ways a receiver may get it right or wrong, with what is learned
// of one whose scheme signs the time.
var kinds = []struct {
	name   string
	decide func(verifier) func(call, int) int
	want   map[string]bool
}{
	{"verifying", strict, map[string]bool{"valid": true, "unsigned": false, "forged": false, "tampered": false, "late": false, "early": false, "again": false}},
	{
		"not verifying", func(verifier) func(call, int) int { return func(call, int) int { return http.StatusAccepted } },
		map[string]bool{"valid": true, "unsigned": true, "forged": true, "tampered": true, "late": true, "early": true, "again": true},
	},
	{
		"without a timestamp check", func(verify verifier) func(call, int) int {
			return func(c call, _ int) int {
				if ok, _ := verify(c); !ok {
					return http.StatusBadRequest
				}
				return http.StatusNoContent
			}
		},
		map[string]bool{"valid": true, "unsigned": false, "forged": false, "tampered": false, "late": true, "early": true, "again": true},
	},
	{
		"looking only whether there is a signature", func(verifier) func(call, int) int {
			return func(c call, _ int) int {
				for name := range c.header {
					if strings.Contains(name, "Signature") || strings.Contains(name, "Hmac") {
						return http.StatusOK
					}
				}
				return http.StatusForbidden
			}
		},
		map[string]bool{"valid": true, "unsigned": false, "forged": true, "tampered": true, "late": true, "early": true, "again": true},
	},
	{
		"refusing by a redirect", func(verify verifier) func(call, int) int {
			decide := strict(verify)
			return func(c call, n int) int {
				if status := decide(c, n); status == http.StatusOK {
					return status
				}
				return http.StatusFound
			}
		},
		map[string]bool{"valid": true, "unsigned": false, "forged": false, "tampered": false, "late": false, "early": false, "again": false},
	},
}

// Every scheme against every kind of receiver: told apart, by the calls that
// were planned, in their order and no others.
func TestReceivers(t *testing.T) {
	t.Parallel()
	for _, scheme := range schemes {
		for _, kind := range kinds {
			t.Run(string(scheme.signature.Scheme)+", "+kind.name, func(t *testing.T) {
				t.Parallel()
				r := receive(t, kind.decide(scheme.verify))
				l := hook(scheme.signature)
				f, o := visit(t, world{level: checks.Consented, secure: r.Port, root: r.root}, l)
				want := merge(kind.want, map[string]bool{"twin": false, "url": false, "timestamp": scheme.timestamp})
				if !scheme.timestamp {
					delete(want, "late")
					delete(want, "early")
					for _, fact := range []string{"webhook.replay_accepted", "webhook.future_timestamp_accepted"} {
						if reason := testserver.Reasons(o)[fact]; reason != checks.ReasonNotAsked {
							t.Errorf("%s: %q", fact, reason)
						}
					}
				}
				if diff := cmp.Diff(told(f), want); diff != "" {
					t.Errorf("facts (-got +want):\n%s\n%+v", diff, o.Unknown)
				}
				inOrder(t, r, scheme.verify, scheme.timestamp)
				if asks := planned(l, checks.Consented); len(asks) != o.Requests || len(asks) != len(r.calls)+1 {
					t.Errorf("planned %q, sent %d, seen %d and one to the twin", asks, o.Requests, len(r.calls))
				}
			})
		}
	}
}

// inOrder holds the calls that a receiver saw against the order of the trial.
func inOrder(t *testing.T, r *receiver, verify verifier, timestamp bool) {
	t.Helper()
	type sent struct {
		Fits    bool
		Minutes int
	}
	want := []sent{{false, 0}, {false, 0}, {true, -10}, {true, 10}, {false, 0}, {true, 0}, {true, 0}}
	if !timestamp {
		want = []sent{{false, 0}, {false, 0}, {false, 0}, {true, 0}, {true, 0}}
	}
	posts := r.posts()
	var got []sent
	bodies := make(map[string]int)
	for i, c := range posts {
		fits, made := verify(c)
		s := sent{Fits: fits}
		if timestamp && i > 0 { // the first of some schemes has no time without its signature
			s.Minutes = int(time.Until(made).Round(time.Minute).Minutes())
		}
		got = append(got, s)
		bodies[string(c.body)]++
		if !json.Valid(c.body) || c.header.Get("Content-Type") != "application/json" || c.uri != "/hook" || c.header.Get("User-Agent") != "m2mscan/test" {
			t.Errorf("event %d: %+v %s", i, c.header, c.body)
		}
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("calls (-got +want):\n%s", diff)
	}
	last, again := posts[len(posts)-2], posts[len(posts)-1]
	if diff := cmp.Diff(again, last, cmp.AllowUnexported(call{})); diff != "" {
		t.Errorf("the last call differs from the one before:\n%s", diff)
	}
	if scheme := posts[0].header.Get("X-Github-Event"); scheme == "" && bodies[string(last.body)] != 2 {
		t.Errorf("the valid call's body was sent %d times", bodies[string(last.body)])
	}
	unsigned := posts[0].header
	for name := range maps.Keys(unsigned) {
		if strings.HasSuffix(name, "Signature") || strings.Contains(name, "Hmac") || strings.Contains(name, "Hub-Signature") {
			t.Errorf("the unsigned call has the header %s", name)
		}
	}
}

// A server that is busy or fails has neither refused nor taken a call, and
// where the valid call fails nothing is said of the others.
func TestInconclusive(t *testing.T) {
	t.Parallel()
	verify := schemes[0].verify
	always := func(status int) func(call, int) int { return func(call, int) int { return status } }
	ambiguous := map[string]checks.Reason{
		"unsigned": checks.ReasonAmbiguous, "bad_signature": checks.ReasonAmbiguous, "tampered": checks.ReasonAmbiguous,
		"replay": checks.ReasonAmbiguous, "future_timestamp": checks.ReasonAmbiguous, "duplicate": checks.ReasonAmbiguous,
	}
	throttled := map[string]checks.Reason{"valid": checks.ReasonThrottled}
	for fact := range ambiguous {
		throttled[fact] = checks.ReasonThrottled
	}
	with := func(reasons map[string]checks.Reason, more map[string]checks.Reason) map[string]checks.Reason {
		all := maps.Clone(reasons)
		maps.Copy(all, more)
		return all
	}
	for _, test := range []struct {
		name    string
		decide  func(call, int) int
		known   map[string]bool
		unknown map[string]checks.Reason
		posts   int
	}{
		{"refusing everything", always(http.StatusUnauthorized), map[string]bool{"valid": false}, ambiguous, 7},
		{"not the receiver", always(http.StatusNotFound), map[string]bool{"valid": false}, ambiguous, 7},
		{"moved", always(http.StatusPermanentRedirect), map[string]bool{"valid": false}, ambiguous, 7},
		{"failing", always(http.StatusInternalServerError), nil, with(ambiguous, map[string]checks.Reason{"valid": checks.ReasonAmbiguous}), 7},
		{"rate limited", always(http.StatusTooManyRequests), nil, throttled, 1},
		{"overloaded", always(http.StatusServiceUnavailable), nil, throttled, 1},
		{
			"rate limited after two", func(_ call, n int) int {
				if n > 2 {
					return http.StatusTooManyRequests
				}
				return http.StatusOK
			}, nil, throttled, 3,
		},
		{
			"taking all but the valid one", func(c call, _ int) int {
				if ok, made := verify(c); ok && time.Since(made).Abs() < tolerance {
					return http.StatusUnprocessableEntity
				}
				return http.StatusOK
			}, map[string]bool{"valid": false}, ambiguous, 7,
		},
		{
			"failing on bad signatures", func(c call, n int) int {
				if status := strict(verify)(c, n); status != http.StatusUnauthorized {
					return status
				}
				return http.StatusInternalServerError
			},
			map[string]bool{"valid": true, "again": true},
			map[string]checks.Reason{
				"unsigned": checks.ReasonAmbiguous, "bad_signature": checks.ReasonAmbiguous, "tampered": checks.ReasonAmbiguous,
				"replay": checks.ReasonAmbiguous, "future_timestamp": checks.ReasonAmbiguous,
			}, 7,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := receive(t, test.decide)
			f, o := visit(t, world{level: checks.Consented, secure: r.Port, root: r.root}, hook(schemes[0].signature))
			want := merge(map[string]bool{"twin": false, "url": false, "timestamp": true}, test.known)
			if diff := cmp.Diff(told(f), want); diff != "" {
				t.Errorf("facts (-got +want):\n%s", diff)
			}
			reasons := make(map[string]checks.Reason)
			for fact, reason := range testserver.Reasons(o) {
				reasons[strings.TrimSuffix(strings.TrimPrefix(fact, "webhook."), "_accepted")] = reason
			}
			if diff := cmp.Diff(reasons, test.unknown); diff != "" {
				t.Errorf("reasons (-got +want):\n%s", diff)
			}
			if got := len(r.posts()); got != test.posts {
				t.Errorf("%d events were sent, want %d", got, test.posts)
			}
		})
	}
}

// Without each of consent, level, secret, scheme, TLS and a proven peer nothing
// is sent but the look at the twin.
func TestNothingIsSent(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*inventory.Link, *world)
		reason checks.Reason
	}{
		{"no consent", func(l *inventory.Link, _ *world) { l.Probe.Consent = nil }, checks.ReasonNotAsked},
		{"another consent", func(l *inventory.Link, _ *world) {
			l.Probe.Consent = []inventory.Consent{inventory.ConsentDefaultCredentials}
		}, checks.ReasonNotAsked},
		{"level observe", func(_ *inventory.Link, w *world) { w.level = checks.Observe }, checks.ReasonNotAsked},
		{"level active", func(_ *inventory.Link, w *world) { w.level = checks.Active }, checks.ReasonNotAsked},
		{"no secret", func(l *inventory.Link, _ *world) { l.Signature.Secret = inventory.Secret{} }, checks.ReasonNotAsked},
		{"no scheme", func(l *inventory.Link, _ *world) { l.Signature = inventory.Signature{} }, checks.ReasonNotAsked},
		{"a secret that is not there", func(l *inventory.Link, _ *world) {
			l.Signature.Secret = inventory.NewSecret("${M2MSCAN_TEST_IS_NOT_SET}", "")
		}, checks.ReasonNotTested},
		{"a secret of another scheme", func(l *inventory.Link, _ *world) {
			l.Signature.Secret = inventory.NewSecret("not base64!", "")
		}, checks.ReasonNotTested},
		{"an event that is not there", func(l *inventory.Link, _ *world) {
			l.Probe.TestEvent = inventory.NewSecret("file:none.json", t.TempDir())
		}, checks.ReasonNotTested},
		{"an event too large", func(l *inventory.Link, _ *world) {
			l.Probe.TestEvent = inventory.NewSecret(strings.Repeat("{", eventMax+1), "")
		}, checks.ReasonNotTested},
		{"own authentication that is not there", func(l *inventory.Link, _ *world) {
			l.Auth = inventory.Auth{Type: inventory.AuthBearer, Token: inventory.NewSecret("${M2MSCAN_TEST_IS_NOT_SET}", "")}
		}, checks.ReasonNotTested},
		{"an unproven peer", func(_ *inventory.Link, w *world) { w.root = testserver.Root(t, "Another") }, checks.ReasonNotTested},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := receive(t, func(call, int) int { return http.StatusOK })
			l, w := hook(schemes[0].signature), world{level: checks.Consented, secure: r.Port, root: r.root}
			test.change(l, &w)
			f, o := visit(t, w, l)
			if reason := testserver.Reasons(o)["webhook.unsigned_accepted"]; reason != test.reason || f.ValidAccepted != nil {
				t.Errorf("%s: %+v", reason, o.Unknown)
			}
			if posts := r.posts(); len(posts) > 0 {
				t.Errorf("%d events were sent: %+v", len(posts), posts[0])
			}
			if test.reason == checks.ReasonNotAsked && len(planned(l, w.level)) != 2 {
				t.Errorf("planned %q", planned(l, w.level))
			}
		})
	}
}

// Over plain HTTP nothing that is signed goes out, and no twin is looked for.
func TestPlainLink(t *testing.T) {
	t.Parallel()
	l := hook(schemes[0].signature)
	l.URL.Scheme = "http"
	f, o := visit(t, world{level: checks.Consented}, l)
	if diff := cmp.Diff(told(f), map[string]bool{"url": false, "timestamp": true}); diff != "" {
		t.Errorf("facts (-got +want):\n%s", diff)
	}
	reasons := testserver.Reasons(o)
	if reasons["webhook.unsigned_accepted"] != checks.ReasonNotTested || reasons["webhook.plaintext_twin"] != checks.ReasonNotAsked {
		t.Errorf("%v", reasons)
	}
	if o.Connections != 0 || o.Requests != 0 || len(planned(l, checks.Consented)) != 0 {
		t.Errorf("%d connections, %d requests, planned %q", o.Connections, o.Requests, planned(l, checks.Consented))
	}
}

// What else the inventory states goes along: the link's own credential, the
// secret of the URL, the event of the owner; and a signature under auth.
func TestWhatGoesAlong(t *testing.T) {
	t.Setenv("M2MSCAN_TEST_URL_SECRET", "url-secret-1")
	dir := t.TempDir()
	own := `{"type":"ping"}`
	if err := os.WriteFile(filepath.Join(dir, "event.json"), []byte(own+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const token = "own-token-2"
	l := hook(schemes[0].signature)
	var err error
	if l.URL, err = url.Parse("https://" + testserver.Host + "/hook/${M2MSCAN_TEST_URL_SECRET}?a=b&token=${M2MSCAN_TEST_URL_SECRET}"); err != nil {
		t.Fatal(err)
	}
	l.Auth = inventory.Auth{Type: inventory.AuthAPIKey, Header: "X-Api-Key", Token: inventory.NewSecret(token, "")}
	l.Probe.TestEvent = inventory.NewSecret("file:event.json", dir)
	verified := strict(verifyStandard("webhook-"))
	r := receive(t, func(c call, n int) int {
		if c.header.Get("X-Api-Key") != token || c.uri != "/hook/url-secret-1?a=b&token=url-secret-1" {
			return http.StatusNotFound
		}
		if (string(c.body) == own) == (n == 5) { // the fifth is altered
			return http.StatusBadRequest
		}
		return verified(c, n)
	})
	f, o := visit(t, world{level: checks.Consented, secure: r.Port, root: r.root}, l, token, "url-secret-1")
	want := map[string]bool{
		"url": true, "timestamp": true, "valid": true, "unsigned": false, "forged": false,
		"tampered": false, "late": false, "early": false, "again": false, "twin": false,
	}
	if diff := cmp.Diff(told(f), want); diff != "" {
		t.Errorf("facts (-got +want):\n%s%+v", diff, o)
	}

	l = hook(inventory.Signature{})
	l.Signature = inventory.Signature{}
	l.Auth = inventory.Auth{
		Type: inventory.AuthHMAC, Key: inventory.NewSecret(secret, ""), ClientID: inventory.NewSecret("key-1", ""), Header: "X-Sig",
		Signing: inventory.Signing{
			Header: "X-Sig", Template: "{method}\n{path}\n{timestamp}\n{body}", Value: "{client_id}:{signature}", TimestampHeader: "X-Timestamp", Encoding: "base64",
		},
	}
	byAuth := func(c call) (bool, time.Time) {
		ts := c.header.Get("X-Timestamp")
		want := sum(secret, "POST\n"+c.uri+"\n"+ts+"\n"+string(c.body))
		return c.header.Get("X-Sig") == "key-1:"+base64.StdEncoding.EncodeToString(want), at(ts)
	}
	r = receive(t, strict(byAuth))
	f, o = visit(t, world{level: checks.Consented, secure: r.Port, root: r.root}, l)
	want = map[string]bool{
		"url": false, "timestamp": true, "valid": true, "unsigned": false, "forged": false,
		"tampered": false, "late": false, "early": false, "again": false, "twin": false,
	}
	if diff := cmp.Diff(told(f), want); diff != "" {
		t.Errorf("signed under auth: facts (-got +want):\n%s%+v", diff, o)
	}
}
