package imports

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// described is a description with servers, security, paths and security schemes.
func described(servers, rest string) string {
	return "openapi: 3.1.0\ninfo: {title: Acme Pay, version: '1', contact: {email: sec@acme.example}}\nservers: " + servers + "\n" + rest
}

const oneServer = "[{url: 'https://api.acme.example/v1'}]"

func TestOpenAPISecurity(t *testing.T) {
	t.Parallel()
	const paths = "\npaths: {/charges: {get: {}}}\n"
	scheme := func(text string) string {
		return "security: [{s: []}]" + paths + "components: {securitySchemes: {s: {" + text + "}}}"
	}
	for _, tt := range []struct {
		name, rest string
		want       Auth
		mtls       inventory.MTLS
		said       string
	}{
		{name: "basic", rest: scheme("type: http, scheme: Basic"),
			want: Auth{Type: inventory.AuthBasic, Username: "${ACME_USER}", Password: "${ACME_PASSWORD}"}},
		{name: "bearer", rest: scheme("type: http, scheme: bearer"), want: Auth{Type: inventory.AuthBearer, Token: "${ACME_TOKEN}"}},
		{name: "digest", rest: scheme("type: http, scheme: digest"), said: "cannot state this authentication"},
		{name: "key in header", rest: scheme("type: apiKey, in: header, name: X-Key"),
			want: Auth{Type: inventory.AuthAPIKey, Token: "${ACME_API_KEY}", Header: "X-Key"}},
		{name: "key in query", rest: scheme("type: apiKey, in: query, name: key"),
			want: Auth{Type: inventory.AuthAPIKey, Token: "${ACME_API_KEY}", Query: "key"}},
		{name: "key in cookie", rest: scheme("type: apiKey, in: cookie, name: sid"), said: "API key in the cookie sid"},
		{name: "header that is none", rest: scheme("type: apiKey, in: header, name: 'X Key'"), said: "cannot state"},
		{name: "mutual TLS", rest: scheme("type: mutualTLS"), want: Auth{Type: inventory.AuthMTLS}, mtls: inventory.MTLSRequired},
		{name: "OpenID Connect", rest: scheme("type: openIdConnect, openIdConnectUrl: 'https://id.acme.example/.well-known'"),
			want: Auth{Type: inventory.AuthOAuth2, Token: "${ACME_TOKEN}"}, said: "https://id.acme.example/.well-known"},
		{name: "machine flow before others",
			rest: "security: [{o: [read]}]\npaths: {/a: {get: {}}, /b: {get: {security: [{o: [write, 'bad scope']}]}}}\n" +
				"components: {securitySchemes: {o: {type: oauth2, flows: {implicit: {scopes: {}}, " +
				"clientCredentials: {tokenUrl: 'https://id.acme.example/t?x=1', scopes: {read: r, admin: a}}}}}}",
			want: Auth{Type: inventory.AuthOAuth2, ClientID: "${ACME_CLIENT_ID}", ClientSecret: "${ACME_CLIENT_SECRET}",
				TokenURL: "https://id.acme.example/t", Scopes: []string{"read", "write"}}, said: "malformed or too many: 1"},
		{name: "flow for people", rest: scheme("type: oauth2, flows: {authorizationCode: {tokenUrl: /token, scopes: {}}}"),
			want: Auth{Type: inventory.AuthOAuth2, Token: "${ACME_TOKEN}"}, said: "relative or malformed"},
		{name: "first of several", rest: "security: [{b: []}, {k: []}]" + paths +
			"components: {securitySchemes: {b: {type: http, scheme: bearer}, k: {type: apiKey, in: header, name: K}}}",
			want: Auth{Type: inventory.AuthBearer, Token: "${ACME_TOKEN}"}, said: `other ways to authenticate: "k" (API key in the header K)`},
		{name: "key and certificate", rest: "security: [{k: [], m: []}]" + paths +
			"components: {securitySchemes: {m: {type: mutualTLS}, k: {type: apiKey, in: header, name: K}}}",
			want: Auth{Type: inventory.AuthAPIKey, Token: "${ACME_API_KEY}", Header: "K"}, mtls: inventory.MTLSRequired},
		{name: "two keys at once", rest: "security: [{app: [], key: []}]" + paths +
			"components: {securitySchemes: {key: {type: apiKey, in: header, name: K}, app: {type: apiKey, in: header, name: A}}}",
			want: Auth{Type: inventory.AuthAPIKey, Token: "${ACME_API_KEY}", Header: "A"}, said: "also needed"},
		{name: "written without a list", rest: "security: [{s: }]" + paths + "components: {securitySchemes: {s: {type: http, scheme: bearer}}}",
			want: Auth{Type: inventory.AuthBearer, Token: "${ACME_TOKEN}"}},
		{name: "behind a reference", rest: "security: [{s: []}]" + paths +
			"components: {securitySchemes: {s: {$ref: '#/components/securitySchemes/t'}, t: {type: http, scheme: bearer}}}",
			want: Auth{Type: inventory.AuthBearer, Token: "${ACME_TOKEN}"}},
		{name: "not declared", rest: "security: [{nobody: []}]" + paths, said: `"nobody" is required, but not declared`},
		{name: "some operations are open",
			rest: "security: [{b: []}]\npaths: {/a: {get: {}}, /health: {get: {security: []}}}\ncomponents: {securitySchemes: {b: {type: http, scheme: bearer}}}",
			want: Auth{Type: inventory.AuthBearer, Token: "${ACME_TOKEN}"}, said: `1 of 2 operations ask for no credential: "GET /health"`},
		{name: "optional", rest: "security: [{}, {b: []}]" + paths + "components: {securitySchemes: {b: {type: http, scheme: bearer}}}",
			want: Auth{Type: inventory.AuthBearer, Token: "${ACME_TOKEN}"}, said: "do not need it"},
		{name: "stated as public", rest: "security: []" + paths, want: Auth{Type: inventory.AuthNone}, said: "states that no operation"},
		{name: "not stated", rest: paths, said: "says nothing of credentials"},
		{name: "declared, but never required", rest: paths + "components: {securitySchemes: {b: {type: http, scheme: bearer}}}",
			said: `declares "b"`},
		{name: "most operations decide",
			rest: "paths: {/a: {get: {security: [{k: []}]}}, /b: {get: {security: [{b: []}]}}, /c: {get: {security: [{b: []}]}}}\n" +
				"components: {securitySchemes: {b: {type: http, scheme: bearer}, k: {type: apiKey, in: header, name: K}}}",
			want: Auth{Type: inventory.AuthBearer, Token: "${ACME_TOKEN}"}, said: "stated first by 1 of 3 operations"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := only(t, described(oneServer, tt.rest))
			if diff := cmp.Diff(tt.want, l.Auth); diff != "" {
				t.Errorf("auth (-want +got):\n%s", diff)
			}
			if l.TLS.MTLS != tt.mtls {
				t.Errorf("mTLS %q, want %q", l.TLS.MTLS, tt.mtls)
			}
			if tt.said != "" {
				wantSaid(t, l.Notes, tt.said)
			}
		})
	}
}

func TestOpenAPIServers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, servers, rest string
		want                []string // id and URL
		said                string   // in the notes of the fragment
		noted               string   // in those of the first link
	}{
		{name: "absolute", servers: oneServer, want: []string{"api.acme.example https://api.acme.example/v1"}},
		{name: "environments", servers: "[{url: 'https://api.acme.example', description: Production}, {url: 'https://sandbox.acme.example', description: Sandbox}]",
			want: []string{"production https://api.acme.example", "sandbox https://sandbox.acme.example"}, noted: "delete those that are not used"},
		{name: "relative", servers: "[{url: /v1}]", said: `/servers/0/url: "/v1" is relative`},
		{name: "without a scheme", servers: "[{url: api.acme.example/v1}]", said: "names no host"},
		{name: "none", servers: "[]", said: "the description names no server"},
		{name: "template", servers: "[{url: 'https://{region}.acme.example', variables: {region: {default: eu, enum: [eu, us]}}}]",
			want: []string{"eu.acme.example https://eu.acme.example"}, noted: `"region=eu (or us)"`},
		{name: "template without a default", servers: "[{url: 'https://{tenant}.acme.example'}]", said: `without a default for "tenant"`},
		{name: "template with a placeholder", servers: "[{url: 'https://{host}/v1', variables: {host: {default: HOSTNAME}}}]", said: "no public host"},
		{name: "endless", servers: "[{url: 'https://acme.example/" + strings.Repeat("a", maxAddress) + "'}]", said: "longer than 2000"},
		{name: "endless template", servers: "[{url: 'https://" + strings.Repeat("{a}", 100) + ".example', variables: {a: {default: " +
			strings.Repeat("a", maxPreset) + "}}}]", said: "longer than 2000"},
		{name: "localhost", servers: "[{url: 'http://localhost:3000'}]", said: "no public host"},
		{name: "user information", servers: "[{url: 'https://me:secret@api.acme.example/'}]",
			want: []string{"api.acme.example https://api.acme.example/"}, noted: "user name or a password"},
		{name: "user information, refused", servers: "[{url: 'ftp://me:secret@api.acme.example/'}]", said: "the address is not taken over"},
		{name: "user information in a template", servers: "[{url: 'https://me:{p}@api.acme.example/', variables: {p: {default: secret}}}]",
			want: []string{"api.acme.example https://api.acme.example/"}, noted: `its own defaults, "p"`},
		{name: "odd scheme", servers: "[{url: 'gopher://acme.example'}]", said: `scheme "gopher"`},
		{name: "of a path and of an operation", servers: oneServer,
			rest: "paths: {/a: {get: {}, servers: [{url: 'https://a.acme.example'}]}, /b: {get: {servers: [{url: 'https://b.acme.example'}]}}}",
			want: []string{"api.acme.example https://api.acme.example/v1", "a.acme.example https://a.acme.example", "b.acme.example https://b.acme.example"}},
		{name: "webhooks", servers: oneServer, rest: "webhooks: {charge.paid: {post: {}}}",
			want: []string{"api.acme.example https://api.acme.example/v1"}, said: `the vendor calls us: "charge.paid"`},
		{name: "callbacks", servers: oneServer, rest: "paths: {/a: {post: {callbacks: {done: {'{$request.body#/url}': {post: {}}}}}}}",
			want: []string{"api.acme.example https://api.acme.example/v1"}, said: `calls back after "POST /a"`},
		{name: "reference out of the file", servers: oneServer, rest: "paths: {/a: {$ref: 'a.yaml'}, /b: {$ref: 'https://evil.example/b.yaml'}}",
			want: []string{"api.acme.example https://api.acme.example/v1"}, said: "2 references lead out of the file"},
		{name: "reference in a circle", servers: oneServer, rest: "paths: {/a: {$ref: '#/paths/~1b'}, /b: {$ref: '#/paths/~1a'}}",
			want: []string{"api.acme.example https://api.acme.example/v1"}, said: "goes round in a circle"},
		{name: "wrong types", servers: "{url: x}", rest: "security: yes\npaths: [1]\nwebhooks: 3", said: "a list is expected here"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := readText(t, described(tt.servers, tt.rest))
			var got []string
			for _, l := range f.links() {
				got = append(got, l.ID+" "+l.URL)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("links (-want +got):\n%s", diff)
			}
			if tt.said != "" {
				wantSaid(t, said(f), tt.said)
			}
			if tt.noted != "" {
				wantSaid(t, f.links()[0].Notes, tt.noted)
			}
			for _, note := range append(said(f), strings.Join(f.linkNotes(), "\n")) {
				if strings.Contains(note, "secret") {
					t.Errorf("a note holds a secret: %s", note)
				}
			}
		})
	}
}

// linkNotes are the notes of all links.
func (f *Fragment) linkNotes() []string {
	var out []string
	for _, l := range f.links() {
		out = append(out, l.Notes...)
	}
	return out
}

func TestOpenAPIData(t *testing.T) {
	t.Parallel()
	l := only(t, described(oneServer, `paths:
  /v2/charges/{id}:
    post: {requestBody: {content: {application/json: {}, multipart/form-data: {}}}, responses: {'200': {content: {application/vnd.acme+json; charset=utf-8: {}}}}}
  /refunds: {get: {responses: {default: {$ref: '#/components/responses/r'}}}}
components: {responses: {r: {content: {text/csv: {}, image/png: {}}}}}
`))
	want := Data{Formats: []string{"csv", "image", "json", "multipart"}, Payloads: []string{"charges", "refunds"}}
	if diff := cmp.Diff(want, l.Data); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
	if l.RateLimit != "" || l.TLS.MinVersion != "" || l.Data.Classification != "" || l.Direction != inventory.DirectionOutbound {
		t.Errorf("guessed something: %+v", l)
	}
}

func TestOpenAPIRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text, code string
		line, column     int
	}{
		{"Swagger 2.0", "info: {}\nswagger: '2.0'\n", "swagger-2", 2, 1},
		{"Swagger 2.0 in JSON", "{\n  \"swagger\": \"2.0\"}", "swagger-2", 2, 4},
		{"another version", "openapi: 4.0.0\n", "unknown-version", 1, 1},
		{"no version", "info: {}\n", "no-version", 1, 1},
		{"no mapping", "- a\n", "wrong-type", 1, 1},
		{"empty", "", "empty-file", 1, 1},
		{"bad YAML", "openapi: 3.1.0\ninfo:\n  a: b: c\n", "bad-yaml", 3, 3},
		{"bad JSON", "{\"openapi\": \"3.1.0\",\n \"info\": nil}", "bad-json", 2, 11},
		{"too large", "openapi: 3.1.0\n#" + strings.Repeat("x", 50<<20), "too-large", 1, 1},
		{"too many values", "openapi: 3.1.0\nx: [" + strings.Repeat("1,", maxMarks) + "]", "too-large", 1, 1},
		{"JSON too deep", `{"openapi": ` + strings.Repeat("[", 100_000), "too-deep", 1, 1012},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := "api.yaml"
			if strings.HasPrefix(tt.text, "{") {
				path = "api.json"
			}
			_, err := readOpenAPI(Source{Path: path, Text: []byte(tt.text)})
			problem, ok := err.(inventory.Problem) //nolint:errorlint // it is the value itself
			if !ok || problem.Code != tt.code {
				t.Fatalf("error %v, want code %s", err, tt.code)
			}
			if problem.Pos != (inventory.Position{File: path, Line: tt.line, Column: tt.column}) {
				t.Errorf("at %+v, want %d:%d", problem.Pos, tt.line, tt.column)
			}
		})
	}
}

func FuzzReadOpenAPI(f *testing.F) {
	f.Add(described(oneServer, "security: [{s: []}]\npaths: {/a: {get: {tags: [a]}}}\ncomponents: {securitySchemes: {s: {type: http, scheme: basic}}}"))
	f.Add(`{"openapi":"3.0.1","servers":[{"url":"https://{a}.x.example","variables":{"a":{"default":"b"}}}],"paths":{"/a":{"$ref":"#/paths/~1b"}}}`)
	f.Add("openapi: 3.2.0\na: &a {<<: *b}\npaths: {/x: *a}\n")
	f.Fuzz(func(t *testing.T, text string) { fuzzed(t, readOpenAPI, text) })
}
