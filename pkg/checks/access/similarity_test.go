package access

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

func responseOf(media, body string) *httpclient.Response {
	return &httpclient.Response{Status: 200, Header: http.Header{"Content-Type": {media}}, Body: []byte(body)}
}

func likenessOf(a, b *httpclient.Response) likeness {
	known := reflections("/v1/charges")
	return compare(describeBody(a, known), describeBody(b, known))
}

const (
	product = `{"id":"%s","name":"Garden hose","price":%s,"stock":7,"updated":"%s","tags":["green","long"],"self":"https://api.acme.example/v1/%s"}`
	page    = `<html><head><title>Shop of Acme</title><meta name="csrf" content="%s"></head><body><p>Welcome, it is %s. We sell garden hoses, rakes, spades and other tools for the garden. Nothing is known of %s here, but do look around.</p></body></html>`
)

// TestSimilarity: what is the same answer, the same kind of answer, and another.
func TestSimilarity(t *testing.T) {
	t.Parallel()
	html := func(args ...any) *httpclient.Response { return responseOf("text/html", fmt.Sprintf(page, args...)) }
	json := func(text string, args ...any) *httpclient.Response {
		return responseOf(jsonType, fmt.Sprintf(text, args...))
	}
	for _, test := range []struct {
		name         string
		a, b         *httpclient.Response
		both, either bool // from the threshold on
	}{
		{"equal", json(charges), json(charges), true, true},
		{"other ids, prices and dates", json(product, "7d793037-a076-4a0e-b1c3-aaaaaaaaaaaa", "12.95", "2026-11-21T12:00:00Z", "charges"),
			json(product, "0d79fe37-b076-4a0e-81c3-bbbbbbbbbbbb", "13.20", "2026-11-21T12:00:03.123+01:00", "charges"), true, true},
		{"other blanks and order", json(`{"a":"one","b":["two","three"]}`), json("{\n  \"b\": [ \"two\", \"three\" ],\n  \"a\": \"one\"\n}"), true, true},
		{"path reflected", json(product, "1", "1", "x", "charges"), json(product, "1", "1", "x", strings.Repeat("k7", 6)), true, true},
		{"longer path reflected", json(product, "1", "1", "x", "charges"), json(product, "1", "1", "x", strings.Repeat("abcde", 6)+"f"), true, true},
		{"little but the path", json(`{"path":"/v1/charges"}`), json(`{"path":"/v1/abcdefghijkl"}`), true, true},
		{"another customer's", json(`{"customer":"Ann Lee","city":"Ghent","plan":"gold"}`), json(`{"customer":"Bob Ray","city":"Turin","plan":"free"}`), false, true},
		{"more of the same", json(`{"list":[{"name":"Ann"}]}`), json(`{"list":[{"name":"Ann"},{"name":"Bob"},{"name":"Eve"}]}`), false, true},
		{"another document", json(`{"customer":"Ann Lee","city":"Ghent"}`), json(`{"plans":["gold","free"],"contact":"sales"}`), false, false},
		{"greeting and data in the same field", json(`{"message":"Welcome guest"}`), json(`{"message":"Ann owes three hundred"}`), false, true},
		{"null in place of data", json(`{"user":null,"cart":null}`), json(`{"user":{"name":"Ann"},"cart":{"items":3}}`), false, false},
		{"page with another nonce and time", html("pX3kQ0a8dQz11aB9", "12:00:01", "charges"), html("zzX3kQ0a8dQz22aB9", "12:00:07", "charges"), true, true},
		{"page with the path reflected", html("pX3kQ0a8dQz11aB9", "12:00:01", "charges"), html("pX3kQ0a8dQz11aB9", "12:00:01", strings.Repeat("ab", 6)), true, true},
		{"another page", html("a", "b", "c"), responseOf("text/html", "<h1>Sign in</h1><p>to see what your colleagues have bought this year, and what it cost"), false, false},
		{"JSON and a page", json(charges), html("a", "b", "c"), false, false},
		{"JSON without its type", responseOf("", charges), json(charges), true, true},
		{"JSON as text", responseOf("text/plain", charges), json(charges), true, true},
		{"not JSON after all", json("[info] ready"), responseOf("text/plain", "[info] ready"), true, true},
		{"short texts", responseOf("text/plain", "all fine"), responseOf("text/plain", "all well"), false, false},
		{"nothing but nonces", responseOf("text/plain", "7d793037a0764a0e"), responseOf("text/plain", "8d793037a0764a0f"), true, true},
		{"empty", responseOf("", ""), responseOf("", ""), true, true},
		{"empty and not", responseOf("", ""), responseOf("text/plain", "all fine"), false, false},
	} {
		for _, pair := range [][2]*httpclient.Response{{test.a, test.b}, {test.b, test.a}} {
			l := likenessOf(pair[0], pair[1])
			if (l.both() >= alike) != test.both || (l.either() >= alike) != test.either {
				t.Errorf("%s: %.2f and %.2f, want alike %t and %t", test.name, l.both(), l.either(), test.both, test.either)
			}
		}
	}
	packed := responseOf(jsonType, "\x1f\x8b123456")
	packed.Header.Set("Content-Encoding", "gzip")
	other := responseOf(jsonType, "\x1f\x8b123457")
	other.Header.Set("Content-Encoding", "gzip")
	if likenessOf(packed, packed).both() != 1 || likenessOf(packed, other).both() != 0 {
		t.Error("of packed bodies only equal ones are alike")
	}
	cut := responseOf(jsonType, `{"list":[{"name":"Ann"},{"name":"Bo`)
	if cut.Truncated = true; likenessOf(cut, cut).both() != 1 || !describeBody(cut, reflections("/")).json {
		t.Error("truncated JSON is still JSON")
	}
}

// TestVolatile: what may well differ in the next answer.
func TestVolatile(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]bool{
		"2026-11-21": true, "12:00:01": true, "2026-11-21T12:00:00.123Z": true, "1795262400": true, "10000": true, "3.14": true,
		"10.0.0.1": true, "7d793037-a076-4a0e-b1c3-8b1b4c1f3a55": true, "deadbeef01": true, "pX3kQ0a8dQz11aB9": true, "req-01HZY3QK9X4V5T6W": true,
		"1200": false, "42": false, "v1": false, "facade": false, "authenticationRequired": false, "charges": false, "utf-8": false, "sha256": false,
		"": false, "ünï1234567": false, "api/v1/customers/12": false, "in-2-words": false,
	} {
		if got := isVolatile(word); got != want {
			t.Errorf("%q: %t", word, got)
		}
	}
	got := slices.Collect(words("GET https://api.acme.example/v1/charges at 2026-11-21, Über <b>Straße</b> 7d793037a076"))
	want := []string{"get", "https", "api", "acme", "example", "v1", "charges", "at", "über", "b", "straße", "b"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// FuzzSimilarity: a body is like itself, likeness lies between 0 and 1 and does
// not depend on the order, whatever a server sends.
func FuzzSimilarity(f *testing.F) {
	f.Add(charges, `{"a":[1,2,{"b":null}]}`, true)
	f.Add(page, "plain words here and there", false)
	f.Add("[[[[", `{"a":`, true)
	f.Add("\xff\xfe\x00", "{}{}[]", false)
	f.Fuzz(func(t *testing.T, a, b string, truncated bool) {
		known := reflections("/v1/charges")
		one, other := responseOf(jsonType, a), responseOf("", b)
		one.Truncated = truncated
		x, y := describeBody(one, known), describeBody(other, known)
		if l := compare(x, x); l.both() != 1 || l.either() != 1 {
			t.Errorf("not like itself: %+v", l)
		}
		l, back := compare(x, y), compare(y, x)
		if l != back || l.both() < 0 || l.either() > 1 || l.both() > l.either() {
			t.Errorf("%+v, %+v", l, back)
		}
	})
}

// BenchmarkSimilarity compares two bodies as long as they are ever read.
func BenchmarkSimilarity(b *testing.B) {
	fill := func(part string) string {
		text := strings.Repeat(part, httpclient.BodyMax/len(part)+1)
		return text[:httpclient.BodyMax]
	}
	for name, body := range map[string]string{
		"json":    "[" + fill(charges+","),
		"numbers": "[" + fill("1,"),
		"nested":  fill("["),
		"objects": fill(`{"a":`),
		"html":    fill(page),
		"words":   fill("a "),
		"word":    fill("a"),
		"joints":  fill("-"),
		"bytes":   fill("\xff\x00"),
	} {
		b.Run(name, func(b *testing.B) {
			r := responseOf("", body)
			r.Truncated = true
			known := reflections("/v1/charges")
			b.SetBytes(2 * int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				compare(describeBody(r, known), describeBody(r, known))
			}
		})
	}
}
