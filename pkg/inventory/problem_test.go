package inventory

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// today is the day on which the test files are read.
var today = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// golden compares got with a file under testdata, or writes it.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// loadNamed loads one text under a name.
func loadNamed(tb testing.TB, name, text string) (*Inventory, Problems) {
	tb.Helper()
	inv, problems, err := Load([]string{"-"}, Options{Stdin: strings.NewReader(text), StdinName: name, Now: today})
	if err != nil {
		tb.Fatal(err)
	}
	if (inv == nil) != (problems.Errors() > 0) {
		tb.Errorf("inventory nil: %t, but %d errors", inv == nil, problems.Errors())
	}
	return inv, problems
}

// TestRendering holds the words of the problems of whole files.
func TestRendering(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/problems/*.[yj]*")
	if err != nil || len(files) < 8 {
		t.Fatalf("found %d files: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, problems := loadNamed(t, filepath.Base(file), string(text))
			golden(t, strings.TrimSuffix(file, filepath.Ext(file))+".golden", problems.Error()+"\n")
			if strings.Contains(problems.Error(), "hunter") {
				t.Error("a secret is printed")
			}
		})
	}
}

// brief is "line:column+width code" of each problem; a warning has a "?".
func brief(problems Problems) []string {
	got := []string{}
	for _, p := range problems {
		mark := ""
		if p.Warning {
			mark = "?"
		}
		got = append(got, fmt.Sprintf("%d:%d+%d %s%s", p.Pos.Line, p.Pos.Column, p.Width, p.Code, mark))
	}
	return got
}

// linkYAML is an inventory whose only link has more lines; they start on
// line 7.
func linkYAML(list, url, more string) string {
	text := "version: 1\nvendors:\n- id: acme\n  " + list + ":\n  - id: api\n    url: " + url + "\n"
	for line := range strings.Lines(more) {
		text += "    " + line
	}
	return text + "\n"
}

// vendorYAML is an inventory whose vendor has more lines; they start on
// line 4.
func vendorYAML(more string) string {
	text := "version: 1\nvendors:\n- id: acme\n"
	for line := range strings.Lines(more) {
		text += "  " + line
	}
	return text + "\n  webhooks: [{id: hook, url: https://hook.example/}]\n"
}

const apiURL = "https://api.example/"

// problemCases is at least one case of each problem, as brief prints it.
func problemCases() map[string]struct {
	text string
	want []string
} {
	type one = struct {
		text string
		want []string
	}
	url := func(list, url string, want ...string) one { return one{linkYAML(list, url, ""), want} }
	link := func(more string, want ...string) one { return one{linkYAML("endpoints", apiURL, more), want} }
	hook := func(more string, want ...string) one { return one{linkYAML("webhooks", apiURL, more), want} }
	vendor := func(more string, want ...string) one { return one{vendorYAML(more), want} }
	return map[string]one{
		"fine":                        link(""),
		"empty":                       {"", []string{"1:1+1 empty-file"}},
		"only a comment":              {"# x\n", []string{"1:1+1 empty-file"}},
		"null":                        {"null\n", []string{"1:1+1 empty-file"}},
		"utf-16":                      {"\xff\xfev\x00", []string{"1:1+1 not-utf8"}},
		"not utf-8":                   {"version: 1\nx-a: \xe9\n", []string{"2:6+1 not-utf8"}},
		"binary":                      {"\x7fELF\x00", []string{"1:1+1 binary-file"}},
		"control character":           {"version: 1\nx-a: b\x07\n", []string{"2:7+1 control-character"}},
		"second document":             {"version: 1\n---\nversion: 1\n", []string{"2:1+3 several-documents"}},
		"not a mapping":               {"- a\n", []string{"1:1+1 wrong-type"}},
		"text only":                   {"hello\n", []string{"1:1+5 wrong-type"}},
		"nothing to scan":             {"version: 1\n", []string{"1:1+7 no-links?"}},
		"no version":                  {"vendors: []\n", []string{"1:1+7 missing-key"}},
		"another version":             {"version: 2\n", []string{"1:10+1 bad-value"}},
		"extension keys":              {"version: 1\nx-anything: {a: [1, 2.5, null, true]}\n", []string{"1:1+7 no-links?"}},
		"unknown key":                 link("ownr: me", "7:5+4 unknown-key"),
		"key of another object":       link("owner: me", "7:5+5 unknown-key"),
		"signature on an endpoint":    link("signature: {scheme: stripe}", "7:5+9 unknown-key"),
		"misspelt required key":       {"version: 1\nvendors: [{ID: acme, webhooks: [{id: a, url: https://h.example}]}]\n", []string{"2:12+2 unknown-key"}},
		"duplicate key":               link("direction: both\ndirection: both", "8:5+9 duplicate-key"),
		"missing url":                 {"version: 1\nvendors: [{id: acme, endpoints: [{id: api}]}]\n", []string{"2:39+3 missing-key"}},
		"missing id":                  {"version: 1\nvendors:\n- name: x\n", []string{"3:3+4 missing-key"}},
		"null value":                  link("data:", "7:5+4 empty-value"),
		"empty text":                  vendor("name: ''", "4:9+2 empty-value"),
		"text for a list":             link("permissions: read", "7:18+4 wrong-type"),
		"number for text":             link("tls: {min_version: 1.2}", "7:24+3 wrong-type"),
		"huge number":                 {"version: 1e999999999\n", []string{"1:10+11 wrong-type"}},
		"text for a mapping":          link("auth: bearer", "7:11+6 wrong-type"),
		"text for true or false":      vendor("attestations: [{control: breach_notice, claim: yes, basis: self}]", "4:50+3 wrong-type"),
		"list in a list":              link("permissions: [[a]]", "7:19+1 wrong-type"),
		"bad enumeration":             link("direction: outbond", "7:16+7 bad-value"),
		"bad header":                  link(`auth: {type: api_key, header: "X Key"}`, "7:35+7 bad-value"),
		"two scopes in one":           link("auth: {type: oauth2, scopes: [a b]}", "7:35+3 bad-value"),
		"bad server name":             link("tls: {server_name: a..b}", "7:24+4 bad-value"),
		"repeated value":              link("permissions: [a, b, a]", "7:25+1 duplicate-value"),
		"bad id":                      {"version: 1\nsystems: [{id: My Team}]\n", []string{"2:16+7 bad-id"}},
		"bad id, used":                {"version: 1\nsystems: [{id: Me}]\nvendors: [{id: a, webhooks: [{id: b, url: https://h.example, used_by: [Me]}]}]\n", []string{"2:16+2 bad-id"}},
		"duplicate system":            {"version: 1\nsystems: [{id: a}, {id: a}]\nvendors: []\n", []string{"2:25+1 duplicate-id"}},
		"duplicate vendor":            {"version: 1\nvendors: [{id: a}, {id: a}]\n", []string{"2:25+1 duplicate-id"}},
		"duplicate link across lists": {"version: 1\nvendors: [{id: a, endpoints: [{id: x, url: https://h.example}], webhooks: [{id: x, url: https://h.example}]}]\n", []string{"2:81+1 duplicate-id"}},
		"unknown system":              link("used_by: [biling]", "7:15+6 unknown-system"),
		"unknown system, no list":     {"version: 1\nsytems: [{id: a}]\n" + strings.TrimPrefix(linkYAML("webhooks", apiURL, "used_by: [a]"), "version: 1\n"), []string{"2:1+6 unknown-key"}},
		"label name":                  link("labels: {a b: x}", "7:14+3 bad-label"),
		"label value":                 link(`labels: {a: "b\nc"}`, "7:17+6 bad-label"),
		"label number":                link("labels: {a: 1}", "7:17+1 wrong-type"),
		"rate without window":         link("rate_limit: '100'", "7:17+5 bad-rate"),
		"rate with a long unit":       link("rate_limit: 100/min", "7:17+7 bad-rate"),
		"rate of nothing":             link("rate_limit: 0/1m", "7:17+4 bad-rate"),
		"rate of years":               link("rate_limit: 1/1000d", "7:17+7 bad-rate"),
		"no such day":                 vendor("review_by: 2027-02-30", "4:14+10 bad-date"),
		"date with a time":            vendor("review_by: 2027-02-01T00:00:00Z", "4:14+20 bad-date"),
		"overdue review":              vendor("review_by: 2026-11-20", "4:14+10 review-overdue?"),
		"review due today":            vendor("review_by: 2026-11-21"),
		"expired evidence":            vendor("attestations: [{control: breach_notice, claim: true, basis: contract, expires: 2026-01-01}]", "4:82+10 attestation-expired?"),
		"evidence without end":        vendor("attestations: [{control: breach_notice, claim: true, basis: contract}]", "4:18+1 missing-key"),
		"own word without end":        vendor("attestations: [{control: breach_notice, claim: true, basis: self}]"),
		"expired before collected":    vendor("attestations: [{control: breach_notice, claim: true, basis: self, collected: 2027-02-01, expires: 2027-01-01}]", "4:101+10 date-order"),
		"evidence with a token":       vendor("attestations: [{control: breach_notice, claim: true, basis: self, evidence: 'https://e.example/?token=x'}]", "4:79+28 secret-in-url"),
		"no scheme":                   url("endpoints", "api.example/x", "6:10+13 bad-url"),
		"unknown scheme":              url("endpoints", "htps://api.example/", "6:10+19 unknown-scheme"),
		"upper-case scheme":           url("endpoints", "HTTPS://api.example/", "6:10+20 unknown-scheme"),
		"scheme of another kind":      url("brokers", "https://api.example/", "6:10+20 wrong-scheme"),
		"no host":                     url("endpoints", "https:///x", "6:10+10 bad-url"),
		"port only":                   url("endpoints", "https://:443/", "6:10+13 bad-url"),
		"port zero":                   url("endpoints", "https://api.example:0/", "6:10+22 bad-port"),
		"port too large":              url("endpoints", "https://api.example:65536/", "6:10+26 bad-port"),
		"empty port":                  url("endpoints", "https://api.example:/", "6:10+21 bad-port"),
		"port of letters":             url("endpoints", "https://api.example:http/", "6:10+25 bad-port"),
		"IPv6 without brackets":       url("endpoints", "https://2001:db8::1/", "6:10+20 bad-url"),
		"IPv6 in brackets":            url("endpoints", "https://[2001:db8::1]:8443/"),
		"IPv6 with a zone":            url("endpoints", "https://[fe80::1%25eth0]/", "6:10+25 bad-url"),
		"IPv4 too large":              url("endpoints", "https://300.1.1.1/", "6:10+18 bad-url"),
		"blank in a URL":              url("endpoints", "https://api.example/a b", "6:10+23 bad-url"),
		"host not ASCII":              url("endpoints", "https://apí.example/", "6:10+20 bad-url"),
		"fragment":                    url("endpoints", "https://api.example/#top", "6:10+24 bad-url"),
		"bad escape":                  url("endpoints", "https://api.example/%zz", "6:10+23 bad-url"),
		"reference in the host":       url("endpoints", "https://${HOST}/", "6:10+16 reference-in-host"),
		"reference in the path":       url("endpoints", "https://api.example/${A}?b=${C}"),
		"malformed reference in URL":  url("endpoints", "https://api.example/${A-B}", "6:10+26 bad-reference"),
		"malformed reference":         link(`auth: {type: bearer, token: "${A"}`, "7:33+5 bad-reference"),
		"file: without a path":        link("auth: {type: bearer, token: 'file:'}", "7:33+7 bad-reference"),
		"literals are no problem":     link("auth: {type: bearer, token: 'a$b$${c}'}"),
		"path in place of PEM":        link("tls: {ca: ca.pem}", "7:15+6 not-pem"),
		"PEM itself":                  link("tls:\n  ca: |\n    -----BEGIN CERTIFICATE-----\n    x\n    -----END CERTIFICATE-----"),
		"certificate without key":     link("tls: {client_cert: file:c.pem}", "7:11+11 missing-key"),
		"key without certificate":     link("tls: {client_key: file:c.key}", "7:11+10 missing-key"),
		"mtls said twice, otherwise":  link("auth: {type: mtls}\ntls: {mtls: none}", "8:17+4 contradiction"),
		"API key without a place":     link("auth: {type: api_key, token: '${A}'}", "7:18+7 missing-key"),
		"API key in two places":       link("auth: {type: api_key, header: X, query: y}", "7:38+5 unexpected-key"),
		"password of a bearer":        link("auth: {type: bearer, password: '${A}'}", "7:26+8 unexpected-key"),
		"token of none":               link("auth: {type: none, token: '${A}'}", "7:24+5 unexpected-key"),
		"auth without type":           link("auth: {token: '${A}'}", "7:11+1 missing-key"),
		"client secret, no token URL": link("auth: {type: oauth2, client_id: a, client_secret: '${A}'}", "7:18+6 no-token-url?"),
		"token URL of another scheme": link("auth: {type: oauth2, token_url: 'ftp://h.example'}", "7:37+17 unknown-scheme"),
		"token URL with a password":   link("auth: {type: oauth2, token_url: 'https://a:b@h.example'}", "7:37+23 secret-in-url"),
		"hmac without header":         hook("signature: {scheme: hmac}", "7:25+4 missing-key"),
		"header of a fixed scheme":    hook("signature: {scheme: stripe, header: X}", "7:33+6 unexpected-key"),
		"hmac and no more":            hook("signature: {scheme: hmac, header: X}"),
		"requests signed by hmac":     link("auth: {type: hmac, key: '${A}'}"),
		"template of a fixed scheme":  hook("signature: {scheme: github, template: '{body}'}", "7:33+8 unexpected-key"),
		"template of a bearer":        link("auth: {type: bearer, template: '{body}'}", "7:26+8 unexpected-key"),
		"unknown hash":                hook("signature: {scheme: hmac, header: X, algorithm: SHA-265}", "7:53+7 bad-value"),
		"hash of a request":           link("auth: {type: hmac, algorithm: md5}", "7:35+3 bad-value"),
		"template without the body":   hook("signature: {scheme: hmac, header: X, template: '{timestamp}', timestamp_header: T}", "7:52+13 bad-template"),
		"misspelt placeholder":        hook("signature: {scheme: hmac, header: X, template: '{bdy}'}", "7:52+7 bad-template"),
		"placeholder of a reference":  hook("signature: {scheme: hmac, header: X, template: '${timestamp}.${body}'}", "7:52+22 bad-template"),
		"brace left open":             hook("signature: {scheme: hmac, header: X, template: '{body'}", "7:52+7 bad-template"),
		"client of a webhook":         hook("signature: {scheme: hmac, header: X, template: '{client_id}{body}'}", "7:52+19 bad-template"),
		"timestamp that is not sent":  hook("signature: {scheme: hmac, header: X, template: '{timestamp}.{body}'}", "7:52+20 bad-template"),
		"timestamp within the value":  hook("signature: {scheme: hmac, header: X, template: '{timestamp}.{body}', value: 't={timestamp},v={signature}'}"),
		"id that is not sent":         hook("signature: {scheme: hmac, header: X, template: '{id}.{body}'}", "7:52+13 bad-template"),
		"value without a signature":   hook("signature: {scheme: hmac, header: X, value: sha256}", "7:49+6 bad-template"),
		"value with the body":         hook("signature: {scheme: hmac, header: X, value: '{signature}{body}'}", "7:49+19 bad-template"),
		"value of two lines":          hook(`signature: {scheme: hmac, header: X, value: "{signature}\nX"}`, "7:49+16 bad-value"),
		"two things in one header":    hook("signature: {scheme: hmac, header: X-Sig, timestamp_header: x-sig}", "7:64+5 contradiction"),
		"client without an id":        link("auth: {type: hmac, header: X, value: '{client_id}:{signature}'}", "7:42+25 missing-key"),
		"long template":               hook("signature: {scheme: hmac, header: X, template: '{body}"+strings.Repeat("x", 1024)+"'}", "7:52+109 bad-value"),
		"event without consent":       hook("probe: {test_event: file:e.json}", "7:13+10 unexpected-key"),
		"event of an endpoint":        link("probe: {consent: [send_test_event], test_event: file:e.json}", "7:41+10 unexpected-key"),
		"path in place of an event":   hook("probe: {consent: [send_test_event], test_event: event.json}", "7:53+10 not-event"),
		"event itself":                hook("probe: {consent: [send_test_event], test_event: '{\"type\": \"x\"}'}"),
		"unknown consent":             hook("probe: {consent: [send_test_evnt]}", "7:23+14 bad-value"),
		"unknown anchor":              link("data: *x", "7:11+2 bad-yaml"),
		"alias loop":                  {"version: 1\nx-a: &a [*a]\n", []string{"2:10+2 alias-loop"}},
		"tag":                         vendor("name: !!binary aGk=", "4:9+8 unsupported-tag"),
		"key that is a list":          vendor("? [a]\n: b", "4:5+1 bad-key"),
		"merge of text":               vendor("<<: x", "4:7+1 bad-merge"),
		"nested too deeply":           {"version: 1\nx-a: " + strings.Repeat("[", 70) + strings.Repeat("]", 70) + "\n", []string{"2:70+1 too-deep"}},
		"tab":                         {"version: 1\nvendors:\n\t- id: a\n", []string{"3:1+1 bad-yaml"}},
		"indentation":                 {"version: 1\nvendors:\n  - id: a\n   name: b\n", []string{"4:4+7 bad-yaml"}},
		"unclosed quote":              {"version: 1\nvendors:\n  - id: \"a\n    name: b\n", []string{"3:3+8 bad-yaml"}},
		"CRLF and a mark":             {"\xef\xbb\xbfversion: 1\r\nsistems: []\r\n", []string{"2:1+7 unknown-key"}},
		"characters, not bytes":       {"version: 1\nvendors: [{name: \"日本\", id: a, naem: b}]\n", []string{"2:31+4 unknown-key"}},
		"JSON comma":                  {"{\"version\": 1,\n\t\"vendors\": [],\n}", []string{"3:1+1 bad-json"}},
		"JSON end":                    {"{\"version\": 1,\n\t\"vendors\": [", []string{"2:14+1 bad-json"}},
		"JSON depth":                  {`{"version": 1, "x-a": ` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + "}", []string{"1:87+1 too-deep"}},
		"JSON duplicate key":          {"{\"version\": 1,\n\t\"version\": 1}", []string{"2:2+9 duplicate-key"}},
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for name, test := range problemCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := loadNamed(t, "in", test.text)
			if test.want == nil {
				test.want = []string{}
			}
			got := brief(problems)
			got = slices.DeleteFunc(got, func(s string) bool {
				return strings.HasSuffix(s, "no-links?") && !slices.Contains(test.want, s)
			})
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s%s", test.text, diff, problems.Error())
			}
			for _, p := range problems {
				if p.Message == "" || strings.HasSuffix(p.Message, ".") {
					t.Errorf("message %q", p.Message)
				}
			}
		})
	}
}

// TestJSONPositions says that a JSON file, indented with tabs, has the same
// problems as a YAML file.
func TestJSONPositions(t *testing.T) {
	t.Parallel()
	text := `{
	"version": 1,
	"vendors": [
		{
			"id": "acme", "naem": "x",
			"endpoints": [{"id": "api", "url": "htps://api.example\/", "direction": "outbond", "tls": {"min_version": 1.2}}]
		}
	]
}`
	_, problems := loadNamed(t, "in.json", text)
	want := []string{"5:18+6 unknown-key", "6:39+22 unknown-scheme", "6:76+9 bad-value", "6:110+3 wrong-type"}
	if diff := cmp.Diff(want, brief(problems)); diff != "" {
		t.Errorf("(-want +got):\n%s%s", diff, problems.Error())
	}
}

// TestCaret holds the rendering of one problem, with a tab and a cut line.
func TestCaret(t *testing.T) {
	t.Parallel()
	p := Problem{Pos: Position{"a.json", 3, 9}, Width: 3, Code: "bad-value", Message: "wrong", Hint: "right", Line: "\t\tid: abc", Warning: true}
	want := "a.json:3:9: warning: wrong [bad-value]\n  \t\tid: abc\n  \t\t      ^^^\n  hint: right"
	if diff := cmp.Diff(want, p.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	long := `{"version": 1, "x-a": "` + strings.Repeat("é", 500) + `", "naem": 1, "x-b": "` + strings.Repeat("b", 500) + `"}`
	_, problems := loadNamed(t, "in.json", long)
	if len(problems) != 1 {
		t.Fatal(problems.Error())
	}
	got := problems[0]
	lines := strings.Split(got.Error(), "\n")
	if len(lines) < 3 {
		t.Fatal(got.Error())
	}
	at := []rune(lines[1])[strings.Index(lines[2], "^"):]
	if n := len([]rune(got.Line)); n > maxLine || !strings.HasPrefix(string(at), `"naem"`) {
		t.Errorf("%d characters:\n%s", n, got.Error())
	}
}

// TestManyProblems says that a broken file costs neither time nor memory
// without end, and that the report says what it leaves out.
func TestManyProblems(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("version: 1\n")
	for i := range 3000 {
		fmt.Fprintf(&text, "key%d: x\n", i)
	}
	_, problems := loadNamed(t, "in", text.String())
	if len(problems) != maxProblems+1 {
		t.Fatalf("%d problems", len(problems))
	}
	last := problems[maxProblems]
	if last.Code != "too-many-problems" || last.Message != "2000 more problems from here on are not shown" {
		t.Errorf("%s: %s", last.Code, last.Message)
	}
}
