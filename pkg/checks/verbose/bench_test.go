package verbose

import (
	"strings"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// page repeats harmless specimens of a media type up to a size.
func page(tb testing.TB, size int, names ...string) (body string) {
	tb.Helper()
	var parts strings.Builder
	for _, s := range readSpecimens(tb, "harmless") {
		for _, name := range names {
			if s.name == name {
				parts.WriteString(s.body)
			}
		}
	}
	return strings.Repeat(parts.String(), size/parts.Len()+1)[:size]
}

func benchmark(b *testing.B, body, media string) {
	b.Helper()
	c := known(b)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		c.recognise(body, media, "")
	}
}

// Six answers of an API: what a link takes in all.
func BenchmarkTypicalLink(b *testing.B) {
	c := known(b)
	all := readSpecimens(b, "harmless")
	bodies := []string{"problem.json", "spring-generic.json", "express-404.html", "oauth.json", "laravel-production.html", "docs.html"}
	for b.Loop() {
		for _, s := range all {
			for _, name := range bodies {
				if s.name == name {
					c.recognise(s.body, s.media, "")
				}
			}
		}
	}
}

func BenchmarkLargeJSON(b *testing.B) {
	benchmark(b, page(b, httpclient.BodyMax, "api.json", "openapi.json"), "application/json")
}

func BenchmarkLargePage(b *testing.B) {
	benchmark(b, page(b, httpclient.BodyMax, "spa.html", "german.html", "laravel-production.html", "image.html"), "text/html")
}

func BenchmarkLargeScript(b *testing.B) {
	benchmark(b, page(b, httpclient.BodyMax, "minified.js"), "application/javascript")
}

// Prose about errors, which holds most needles over and over.
func BenchmarkLargeDocs(b *testing.B) {
	benchmark(b, page(b, httpclient.BodyMax, "docs.html"), "text/html")
}

func BenchmarkLargeTrace(b *testing.B) {
	benchmark(b, strings.Repeat("\tat com.acme.shop.Orders.parse(Orders.java:4)\n", httpclient.BodyMax/46), "text/plain")
}

// Nothing but needles.
func BenchmarkHostile(b *testing.B) { benchmark(b, hostile(b), "text/html") }

func hostile(tb testing.TB) string {
	tb.Helper()
	var all strings.Builder
	all.WriteString(`</p>\n`)
	for all.Len() < httpclient.BodyMax {
		for _, p := range known(tb).patterns {
			for _, need := range p.Needs {
				all.WriteString(need + " ")
			}
		}
	}
	return all.String()[:httpclient.BodyMax]
}
