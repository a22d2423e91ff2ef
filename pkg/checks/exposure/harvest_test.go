package exposure

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

func TestCaching(t *testing.T) {
	t.Parallel()
	const name = "Cache-Control"
	for _, test := range []struct {
		name     string
		declared handler
		without  bool // a credential
		want     string
		reason   checks.Reason
	}{
		{name: "no-store", declared: guarded(say(200, "{}", name, "no-store")), want: "true false"},
		{name: "among others", declared: guarded(say(200, "{}", name, "no-cache, No-Store, must-revalidate")), want: "true false"},
		{name: "in a second header", declared: guarded(say(200, "{}", name, "private", name, "no-store")), want: "true false"},
		{name: "in a quoted string only", declared: guarded(say(200, "{}", name, `private="a, no-store, b"`)), want: "false false"},
		{name: "nothing", declared: guarded(say(200, "{}")), want: "false false"},
		{name: "no-cache", declared: guarded(say(200, "{}", name, "no-cache")), want: "false false"},
		{name: "public", declared: guarded(say(200, "{}", name, "public, max-age=60")), want: "false true"},
		{name: "s-maxage", declared: guarded(say(200, "{}", name, `s-maxage="60"`)), want: "false true"},
		{name: "s-maxage of nothing", declared: guarded(say(200, "{}", name, "s-maxage=0")), want: "false false"},
		{name: "public and private", declared: guarded(say(200, "{}", name, "public, private")), want: "false false"},
		{name: "public but for a header", declared: guarded(say(200, "{}", name, `public, private="x-y"`)), want: "false true"},
		{name: "public and no-store", declared: guarded(say(200, "{}", name, "public, no-store")), want: "true false"},
		{name: "kept apart by the credential", declared: guarded(say(200, "{}", name, "public", "Vary", "Accept, authorization")), want: "false false"},
		{name: "kept apart by another header", declared: guarded(say(200, "{}", name, "public", "Vary", "Accept-Encoding")), want: "false true"},
		{name: "came from a cache", declared: guarded(say(200, "{}", "Age", "35")), want: "false true"},
		{name: "came through a cache", declared: guarded(say(200, "{}", "Age", "0")), want: "false false"},
		{name: "no credential", declared: guarded(say(200, "{}", name, "no-store")), without: true, want: "unknown unknown", reason: checks.ReasonNotAsked},
		{name: "credential refused", declared: say(401, "{}", name, "no-store"), want: "unknown unknown", reason: checks.ReasonAmbiguous},
		{name: "failing", declared: guarded(say(500, "{}")), want: "unknown unknown", reason: checks.ReasonAmbiguous},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, map[string]handler{declaredPath: test.declared}, notFound)
			if !test.without {
				s.withToken(t)
			}
			f, why, _ := s.observe(t)
			if got := value(f.NoStore) + " " + value(f.SharedCacheable); got != test.want ||
				why["http.no_store"] != test.reason || why["http.shared_cacheable"] != test.reason {
				t.Errorf("%s (%s), want %s (%s)", got, why["http.no_store"], test.want, test.reason)
			}
		})
	}
}

// TestUnprovenPeer: the credential stays here, and what it would have shown is unknown.
func TestUnprovenPeer(t *testing.T) {
	t.Parallel()
	var credentials int
	s := serve(t, nil, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			credentials++
		}
		notFound(w, r)
	}).withToken(t)
	s.roots = serve(t, nil, notFound).roots // another's
	f, why, _ := s.observe(t)
	if credentials != 0 || f.NoStore != nil || why["http.no_store"] != checks.ReasonNotTested {
		t.Errorf("%d credentials sent; no_store %s (%s)", credentials, value(f.NoStore), why["http.no_store"])
	}
}

func TestContentTypeFits(t *testing.T) {
	t.Parallel()
	reset := checks.Because(checks.ReasonReset, "cut short")
	for _, test := range []struct {
		name, media, body string
		want              string // true, false or a reason
		change            func(*httpclient.Response)
	}{
		{name: "JSON", media: "application/json", body: `{"a":1}`, want: "true"},
		{name: "with charset", media: "application/json; charset=utf-8", body: ` [1] `, want: "true"},
		{name: "problem", media: "application/problem+json", body: `{}`, want: "true"},
		{name: "vendor's", media: "application/vnd.github.v3", body: `{}`, want: "true"},
		{name: "scalar", media: "application/json", body: `"ok"`, want: "true"},
		{name: "byte order mark", media: "application/json", body: "\xef\xbb\xbf{}", want: "true"},
		{name: "guarded", media: "application/json", body: ")]}',\n{\"a\":1}", want: "true"},
		{name: "JSON as HTML", media: "text/html", body: `{"a":1}`, want: "false"},
		{name: "JSON as text", media: "text/plain; charset=utf-8", body: `[]`, want: "false"},
		{name: "JSON as bytes", media: "application/octet-stream", body: `[]`, want: "false"},
		{name: "JSON as nothing", body: `{}`, want: "false"},
		{name: "JSON as something malformed", media: "json;;=", body: `{}`, want: "false"},
		{name: "HTML as JSON", media: "application/json", body: "<html>", want: "false"},
		{name: "text as JSON", media: "application/json", body: "OK", want: "false"},
		{name: "HTML", media: "text/html", body: "<html>", want: "not_asked"},
		{name: "number as text", media: "text/plain", body: "12", want: "not_asked"},
		{name: "lines", media: "application/x-ndjson", body: `{"a":1}`, want: "not_asked"},
		{name: "braces in text", media: "text/plain", body: "{curly}", want: "not_asked"},
		{name: "empty", media: "application/json", want: "not_asked"},
		{name: "white space", body: " \r\n", want: "not_asked"},
		{name: "deep", media: "application/json", body: strings.Repeat("[", 20000) + strings.Repeat("]", 20000), want: "false"},
		{name: "too long", media: "application/json", body: `{`, want: "too_large", change: func(r *httpclient.Response) { r.Truncated = true }},
		{name: "cut short", media: "application/json", body: `{`, want: "reset", change: func(r *httpclient.Response) { r.BodyErr = reset }},
		{name: "compressed", media: "application/json", body: "\x1f\x8b", want: "ambiguous", change: func(r *httpclient.Response) { r.Header.Set("Content-Encoding", "gzip") }},
	} {
		r := response(200, test.body, "Content-Type", test.media)
		if test.change != nil {
			test.change(r)
		}
		fits, err := contentTypeFits(r)
		got := fmt.Sprint(fits)
		if err != nil {
			_, reason := checks.Classify(err)
			got = string(reason)
		}
		if got != test.want {
			t.Errorf("%s: %s (%v), want %s", test.name, got, err, test.want)
		}
	}
}

// TestContent: the answer to the credential shows more than a refusal does.
func TestContent(t *testing.T) {
	t.Parallel()
	const sniff = "X-Content-Type-Options"
	for _, test := range []struct {
		name     string
		declared handler
		own      bool
		want     string
		reason   checks.Reason // of nosniff
	}{
		{name: "all well", declared: say(200, "{}", "Content-Type", "application/json", sniff, "nosniff"), want: "application/json true true"},
		{name: "spelling", declared: say(200, "{}", "Content-Type", "Application/JSON", sniff, "NoSniff, nosniff"), want: "application/json true true"},
		{name: "another value first", declared: say(200, "{}", "Content-Type", "application/json", sniff, "none, nosniff"), want: "application/json true false"},
		{name: "absent", declared: say(200, "{}", "Content-Type", "text/html"), want: "text/html false false"},
		{name: "absent from an error", declared: say(404, "{}", "Content-Type", "text/html"), want: "text/html false unknown", reason: checks.ReasonAmbiguous},
		{name: "on an error", declared: say(404, "", sniff, "nosniff"), want: " unknown true"},
		{name: "the credential's", declared: guarded(say(200, "<p>", "Content-Type", "application/json")), own: true, want: "application/json false false"},
		{name: "the refusal's", declared: guarded(say(200, "<p>", "Content-Type", "application/json")), want: "application/problem+json true unknown", reason: checks.ReasonAmbiguous},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, map[string]handler{declaredPath: test.declared}, notFound)
			if test.own {
				s.withToken(t)
			}
			f, why, _ := s.observe(t)
			if got := value(f.ContentType) + " " + value(f.ContentTypeFits) + " " + value(f.NoSniff); got != test.want || why["http.nosniff"] != test.reason {
				t.Errorf("%q (%s), want %q (%s)", got, why["http.nosniff"], test.want, test.reason)
			}
		})
	}
}

func TestCacheControl(t *testing.T) {
	t.Parallel()
	got := cacheControl(http.Header{"Cache-Control": {` max-age=60 , Private="a,b" `, ",,,no-store;x, =, s-maxage"}})
	want := map[string]string{"max-age": "60", "private": "a,b", "no-store": "", "s-maxage": ""}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func FuzzCacheControl(f *testing.F) {
	for _, seed := range []string{`private="a, no-store"`, `no-store`, `,=",`, `a="`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		for name, value := range cacheControl(http.Header{"Cache-Control": {field}}) {
			if name == "" || name != strings.ToLower(name) || len(name)+len(value) > len(field) {
				t.Errorf("%q: %q=%q", field, name, value)
			}
		}
	})
}

func FuzzContentTypeFits(f *testing.F) {
	f.Add("application/json", `{"a":1}`)
	f.Add("text/html", ")]}',\n[]")
	f.Add("", "\xef\xbb\xbf{")
	f.Fuzz(func(t *testing.T, media, body string) {
		fits, err := contentTypeFits(response(200, body, "Content-Type", media))
		if fits && err != nil {
			t.Errorf("%q as %q: fits, and %v", body, media, err)
		}
		if fits && !strings.Contains(strings.ToLower(media), "json") && !strings.Contains(strings.ToLower(media), "application/vnd.") {
			t.Errorf("%q fits %q", body, media)
		}
	})
}
