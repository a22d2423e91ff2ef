package exposure

import (
	"strings"
	"testing"
	"unicode"

	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// TestSignatures holds what real software answers, and what looks like it.
func TestSignatures(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		reads signature
		body  string
		want  string
	}{
		{readsMetrics, "# HELP a b\r\n# TYPE go_goroutines gauge\r\ngo_goroutines 8\r\n", "# TYPE"},
		{readsMetrics, "# TYPE http:requests counter", "# TYPE"},
		{readsMetrics, "see # TYPE up gauge", ""},
		{readsMetrics, "# TYPE up thermometer\n", ""},
		{readsMetrics, "# TYPE", ""},
		{readsMetrics, `{"metrics":"/metrics","# TYPE up gauge":1}`, ""},

		{readsPprof, "<html>Types of profiles available:<table>", "Types of profiles available"},
		{readsPprof, "/debug/pprof/", ""},

		{readsServerStatus, "<title>Apache Status</title><h1>Apache Server Status for a", "<title>Apache Status</title>"},
		{readsServerStatus, "<title>Apache Status</title>", ""},
		{readsServerStatus, "How to read Apache Server Status for beginners", ""},

		{readsPHPInfo, "<title>phpinfo()</title>", "phpinfo()"},
		{readsPHPInfo, "<TITLE>PHP 8.4.1-dev - phpinfo()</TITLE>", "phpinfo()"},
		{readsPHPInfo, "<title>phpinfo.php</title> phpinfo()", ""},
		{readsPHPInfo, "<title>How to call phpinfo()</title>", ""},

		{readsGit, "ref: refs/heads/main\n", "ref: refs/"},
		{readsGit, "ref: refs/heads/ümlaut", "ref: refs/"},
		{readsGit, strings.Repeat("0a", 20) + "\n", "a commit"},
		{readsGit, strings.Repeat("0a", 32), "a commit"},
		{readsGit, strings.Repeat("0a", 16), ""}, // an MD5, or an id
		{readsGit, "<html>ref: refs/heads/main", ""},
		{readsGit, "ref: refs/heads/main\n<html>", ""},
		{readsGit, "ref: refs/" + strings.Repeat("x", 5<<10), ""},
		{readsGit, "", ""},

		{readsOpenAPI, `{"openapi":"3.1.0"}`, "openapi 3.1.0"},
		{readsOpenAPI, `{"paths":{"/a":{"swagger":"9"}},"swagger":"2.0"}`, "swagger 2.0"},
		{readsOpenAPI, `{"paths":{"openapi":"3.0.0"}}`, ""},
		{readsOpenAPI, `{"openapi":"3.2.0-rc.1"}`, "openapi 3.2.0-rc.1"},
		{readsOpenAPI, `{"openapi":3}`, ""},
		{readsOpenAPI, `{"openapi":"3.0.0 and the rest"}`, ""},
		{readsOpenAPI, `{"openapi":"not here"}`, ""},
		{readsOpenAPI, `{"openapi":"` + strings.Repeat("3", 99) + `"}`, ""},
		{readsOpenAPI, `["openapi","3.0.0"]`, ""},
		{readsOpenAPI, `{"openapi":"3.0.0","paths":{"/a":`, "openapi 3.0.0"},
		{readsOpenAPI, `{"paths":{"/a":`, ""},
		{readsOpenAPI, "openapi: 3.0.0", ""},
		{readsOpenAPI, `openapi`, ""},

		{readsExpvar, `{"cmdline":["/srv","-key=1"],"memstats":{"Alloc":1}}`, "cmdline, memstats"},
		{readsExpvar, `{"memstats":{"Alloc":1,"cmdline":[]}}`, ""},
		{readsExpvar, `{"cmdline":"x","memstats":{}}`, ""},

		{readsActuator, `{"_links":{"self":{"href":"http://a/actuator"},"heapdump":{"href":"x"}}}`, "_links beyond health and info"},
		{readsActuator, `{"_links":{"self":{"href":"/actuator"},"health":{},"health-path":{},"info":{}}}`, ""},
		{readsActuator, `{"_links":{"self":{"href":"/orders"},"next":{"href":"/orders?page=2"}}}`, ""}, // any HAL document
		{readsActuator, `{"_links":[]}`, ""},
		{readsActuator, `{"_links":{"self":[{"href":"/actuator"}]}}`, ""},

		{readsIntrospection, `{"data":{"__schema":{"queryType":{"name":"Query"}}}}`, "data.__schema.queryType.name"},
		{readsIntrospection, `{"data":{"__schema":{"queryType":null}}}`, ""},
		{readsIntrospection, `{"data":null,"errors":[{"message":"{__schema{queryType{name}}}"}]}`, ""},
		{readsIntrospection, `{"data":{"__schema":"queryType name"}}`, ""},

		{readsJolokia, `{"value":{"agent":"2.0.1","protocol":"8.0"},"status":200}`, "agent, protocol"},
		{readsJolokia, `{"agent":"2.0.1","protocol":"8.0"}`, ""},
		{readsJolokia, `{"value":{"agent":2}}`, ""},
		{readsJolokia, `{"value":"agent protocol","status":403}`, ""},
	} {
		if got := test.reads([]byte(test.body)); got != test.want {
			t.Errorf("%.80q: %q, want %q", test.body, got, test.want)
		}
	}
}

func FuzzSignatures(f *testing.F) {
	for _, p := range fixedPaths {
		f.Add([]byte(body(p)))
	}
	for _, seed := range []string{`{"a":[{"b":{}}],"openapi":"3"`, `{"a":}`, `{{`, "[[[[", `{"_links":{"self":null}}`, "\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > httpclient.BodyMax {
			return
		}
		for _, p := range fixedPaths {
			words := p.signature(b)
			if len(words) > 64 || strings.ContainsFunc(words, unicode.IsControl) {
				t.Errorf("%s: %q", p.uri, words)
			}
		}
		deniesIntrospection(b)
	})
}

// A long body costs no more than reading it a few times.
func BenchmarkSignatures(b *testing.B) {
	bodies := map[string][]byte{
		"brackets":   []byte(strings.Repeat("[", httpclient.BodyMax)),
		"nested":     []byte(strings.Repeat(`{"a":`, httpclient.BodyMax/5)),
		"type lines": []byte(strings.Repeat("# TYPE a b\n", httpclient.BodyMax/11)),
		"titles":     []byte(strings.Repeat("<title>PHP 8 - phpinfo() ", httpclient.BodyMax/25)),
	}
	for name, body := range bodies {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				for _, p := range fixedPaths {
					p.signature(body)
				}
			}
		})
	}
}
