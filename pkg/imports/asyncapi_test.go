package imports

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// TestOneBrokerInTwoVersions holds AsyncAPI 2 against AsyncAPI 3, which turns
// the direction round.
func TestOneBrokerInTwoVersions(t *testing.T) {
	t.Parallel()
	var found [][]Link
	for _, path := range []string{"testdata/asyncapi/streetlights-kafka.yaml", "testdata/asyncapi/streetlights-kafka-v2.yaml"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, readText(t, string(text)).links())
	}
	if diff := cmp.Diff(found[0], found[1]); diff != "" || len(found[0]) != 2 {
		t.Errorf("versions 3 and 2 differ:\n%s", diff)
	}
	if !strings.HasPrefix(found[0][0].Permissions[0], "publish:smartylighting.streetlights.1.0.event.") {
		t.Errorf("measurements are what we publish: %v", found[0][0].Permissions)
	}
}

func TestAsyncAPIServers(t *testing.T) {
	t.Parallel()
	two := func(text string) string { return "asyncapi: 2.6.0\nservers: {s: {" + text + "}}\n" }
	three := func(text string) string { return "asyncapi: 3.0.0\nservers: {s: {" + text + "}}\n" }
	for _, tt := range []struct {
		name, text string
		kind       inventory.Kind
		url, noted string
		said       string
	}{
		{name: "mqtt", text: two("url: mqtt.acme.example, protocol: mqtt"), kind: inventory.KindBroker, url: "mqtt://mqtt.acme.example"},
		{name: "secure-mqtt with a scheme", text: two("url: 'mqtt://mqtt.acme.example:8883', protocol: secure-mqtt"), kind: inventory.KindBroker,
			url: "mqtt://mqtt.acme.example:8883", noted: "check it"},
		{name: "MQTT over WebSocket", text: two("url: 'wss://mqtt.acme.example/mqtt', protocol: mqtt"), kind: inventory.KindBroker, url: "wss://mqtt.acme.example/mqtt"},
		{name: "a scheme of its own", text: two("url: 'ssl://mqtt.acme.example', protocol: mqtts"), kind: inventory.KindBroker, url: "mqtts://mqtt.acme.example"},
		{name: "amqps", text: three("host: mq.acme.example, pathname: /prod, protocol: amqps"), kind: inventory.KindBroker, url: "amqps://mq.acme.example/prod"},
		{name: "amqp1", text: three("host: mq.acme.example, protocol: amqp1"), kind: inventory.KindBroker, url: "amqp://mq.acme.example", noted: "AMQP 1.0"},
		{name: "kafka-secure, several", text: three("host: 'a.acme.example:9093,b.acme.example:9093', protocol: kafka-secure"), kind: inventory.KindBroker,
			url: "kafkas://a.acme.example:9093", noted: `the others: "b.acme.example:9093"`},
		{name: "nats", text: three("host: nats.acme.example, protocol: nats"), kind: inventory.KindBroker, url: "nats://nats.acme.example"},
		{name: "redis", text: three("host: redis.acme.example, protocol: redis"), kind: inventory.KindBroker, url: "redis://redis.acme.example"},
		{name: "stomps", text: three("host: mq.acme.example, protocol: stomps"), kind: inventory.KindBroker, url: "stomps://mq.acme.example"},
		{name: "wss", text: three("host: ws.acme.example, protocol: wss"), kind: inventory.KindEndpoint, url: "wss://ws.acme.example"},
		{name: "https", text: three("host: api.acme.example, protocol: HTTPS"), kind: inventory.KindEndpoint, url: "https://api.acme.example"},
		{name: "template", text: three("host: '{env}.acme.example:{port}', protocol: mqtt, variables: {env: {$ref: '#/components/serverVariables/e'}, port: {default: '1883'}}") +
			"components: {serverVariables: {e: {default: prod, enum: [prod, test]}}}", kind: inventory.KindBroker,
			url: "mqtt://prod.acme.example:1883", noted: `"env=prod (or test)", "port=1883"`},
		{name: "behind a reference", text: "asyncapi: 3.0.0\nservers: {s: {$ref: '#/components/servers/x'}}\n" +
			"components: {servers: {x: {host: mq.acme.example, protocol: amqp}}}", kind: inventory.KindBroker, url: "amqp://mq.acme.example"},
		{name: "template without a default", text: three("host: '{h}', protocol: mqtt"), said: `without a default for "h"`},
		{name: "unknown protocol", text: three("host: a.example, protocol: solace"), said: `/servers/s/protocol: protocol "solace"`},
		{name: "localhost", text: two("url: 'localhost:1883', protocol: mqtt"), said: "no public host"},
		{name: "no server", text: "asyncapi: 3.0.0\n", said: "names no server"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := readText(t, tt.text)
			links := f.links()
			if tt.url == "" {
				if len(links) > 0 {
					t.Errorf("links %+v", links)
				}
				wantSaid(t, said(f), tt.said)
				return
			}
			if len(links) != 1 || links[0].URL != tt.url || links[0].Kind != tt.kind || links[0].ID != "s" {
				t.Fatalf("links %+v, notes %v", links, f.Notes)
			}
			if tt.noted != "" {
				wantSaid(t, links[0].Notes, tt.noted)
			}
		})
	}
}

func TestAsyncAPISecurity(t *testing.T) {
	t.Parallel()
	user := Auth{Type: inventory.AuthBasic, Username: "${ACME_USER}", Password: "${ACME_PASSWORD}"}
	sasl := func(mechanism string) Auth {
		a := user
		a.Type, a.Mechanism = inventory.AuthSASL, mechanism
		return a
	}
	for _, tt := range []struct {
		name, scheme string
		want         Auth
		mtls         inventory.MTLS
		said         string
	}{
		{name: "user and password", scheme: "type: userPassword", want: user},
		{name: "certificate", scheme: "type: X509", want: Auth{Type: inventory.AuthMTLS}, mtls: inventory.MTLSRequired},
		{name: "plain", scheme: "type: plain", want: sasl("PLAIN")},
		{name: "scram 256", scheme: "type: scramSha256", want: sasl("SCRAM-SHA-256")},
		{name: "scram 512", scheme: "type: scramSha512", want: sasl("SCRAM-SHA-512")},
		{name: "kerberos", scheme: "type: gssapi", want: Auth{Type: inventory.AuthSASL, Mechanism: "GSSAPI"}, said: "Kerberos"},
		{name: "key as user", scheme: "type: apiKey, in: user", want: Auth{Type: inventory.AuthBasic, Username: "${ACME_USER}"}, said: "user name"},
		{name: "key in header", scheme: "type: httpApiKey, in: header, name: X-Key",
			want: Auth{Type: inventory.AuthAPIKey, Token: "${ACME_API_KEY}", Header: "X-Key"}},
		{name: "bearer", scheme: "type: http, scheme: bearer", want: Auth{Type: inventory.AuthBearer, Token: "${ACME_TOKEN}"}},
		{name: "encryption of messages", scheme: "type: symmetricEncryption", said: "cannot state"},
		{name: "OAuth 2.0", scheme: "type: oauth2, scopes: [b, a], flows: {clientCredentials: {tokenUrl: 'https://id.acme.example/t'}}",
			want: Auth{Type: inventory.AuthOAuth2, ClientID: "${ACME_CLIENT_ID}", ClientSecret: "${ACME_CLIENT_SECRET}",
				TokenURL: "https://id.acme.example/t", Scopes: []string{"a", "b"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			scopes := "[]"
			if strings.Contains(tt.scheme, "scopes") {
				scopes = "[b, a]"
			}
			for version, text := range map[string]string{
				"2": fmt.Sprintf("asyncapi: '2.4.0'\nservers: {s: {url: b.acme.example, protocol: mqtts, security: [{x: %s}]}}\n", scopes),
				"3": "asyncapi: '3.0.0'\nservers: {s: {host: b.acme.example, protocol: mqtts, security: [{$ref: '#/components/securitySchemes/x'}]}}\n",
			} {
				l := only(t, text+"components: {securitySchemes: {x: {"+tt.scheme+"}}}")
				if diff := cmp.Diff(tt.want, l.Auth); diff != "" {
					t.Errorf("version %s: auth (-want +got):\n%s", version, diff)
				}
				if l.TLS.MTLS != tt.mtls {
					t.Errorf("version %s: mTLS %q", version, l.TLS.MTLS)
				}
				if tt.said != "" {
					wantSaid(t, l.Notes, tt.said)
				}
			}
		})
	}
}

func TestAsyncAPISecurityOfOperations(t *testing.T) {
	t.Parallel()
	l := only(t, `asyncapi: 2.6.0
servers: {s: {url: b.acme.example, protocol: mqtts}}
channels: {c: {publish: {security: [{u: []}, {k: [], t: []}]}}}
components: {securitySchemes: {u: {type: userPassword}, k: {type: X509}, t: {type: plain}}}
`)
	if l.Auth.Type != inventory.AuthBasic {
		t.Errorf("auth %+v", l.Auth)
	}
	wantSaid(t, l.Notes, `other ways to authenticate: "k" (client certificate) with "t" (plain)`)
	wantSaid(t, l.Notes, `operations with a security of their own (1): "publish c"`)
}

func TestAsyncAPIChannels(t *testing.T) {
	t.Parallel()
	f := readText(t, `asyncapi: 3.0.0
info: {title: Acme Events}
defaultContentType: application/json
servers:
  a: {host: a.acme.example, protocol: mqtts}
  b: {host: b.acme.example, protocol: kafka-secure}
channels:
  paid: {address: charges/paid, messages: {one: {$ref: '#/components/messages/Paid'}, two: {name: PaidLate, contentType: application/x-protobuf}}}
  ask: {address: ask, servers: [{$ref: '#/servers/b'}], messages: {q: {}}}
  answer: {address: null, servers: [{$ref: '#/servers/b'}], messages: {r: {}}}
operations:
  sendPaid: {action: send, channel: {$ref: '#/channels/paid'}}
  ask: {action: receive, channel: {$ref: '#/channels/ask'}, messages: [{$ref: '#/channels/ask/messages/q'}], reply: {channel: {$ref: '#/channels/answer'}}}
  odd: {action: shout, channel: {$ref: '#/channels/paid'}}
  lost: {action: send, channel: {$ref: '#/channels/nowhere'}}
components: {messages: {Paid: {payload: {}}}}
`)
	if len(f.links()) != 2 {
		t.Fatalf("links %+v", f.links())
	}
	for i, want := range []Link{
		{Permissions: []string{"subscribe:charges/paid"}, Data: Data{Formats: []string{"json", "protobuf"}, Payloads: []string{"Paid", "PaidLate"}}},
		{Permissions: []string{"publish:ask", "subscribe:answer", "subscribe:charges/paid"},
			Data: Data{Formats: []string{"json", "protobuf"}, Payloads: []string{"Paid", "PaidLate", "q", "r"}}},
	} {
		got := f.links()[i]
		if diff := cmp.Diff(want, Link{Permissions: got.Permissions, Data: got.Data}); diff != "" {
			t.Errorf("link %s (-want +got):\n%s", got.ID, diff)
		}
	}
	wantSaid(t, said(f), `the action "shout"`)
	wantSaid(t, said(f), "leads to nothing")
	wantSaid(t, said(f), "known at run time only")
	wantSaid(t, f.Vendors[0].Notes, "swap them")
}

func TestAsyncAPIBounds(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("asyncapi: 2.0.0\nservers: {s: {url: b.acme.example, protocol: mqtt}}\nchannels:\n")
	for i := range 80 {
		fmt.Fprintf(&text, "  c%d: {publish: {message: {oneOf: [{name: m%d}, {name: n}]}}}\n", i, i)
	}
	l := only(t, text.String())
	if len(l.Permissions) != maxPermissions || len(l.Data.Payloads) != maxPayloads {
		t.Errorf("%d permissions, %d payloads", len(l.Permissions), len(l.Data.Payloads))
	}
	wantSaid(t, l.Notes, "permissions not listed: 30")
	wantSaid(t, l.Notes, "payloads not listed: 61")
}

func TestAsyncAPIRefused(t *testing.T) {
	t.Parallel()
	for text, code := range map[string]string{
		"asyncapi: 1.2.0\n": "unknown-version", "asyncapi: 4.0.0\n": "unknown-version", "a: b\n": "no-version", "[]": "wrong-type",
		"asyncapi: &a 3.0.0\nservers: *b\n": "bad-yaml",
	} {
		_, err := readAsyncAPI(Source{Path: "a.yaml", Text: []byte(text)})
		if problem, ok := err.(inventory.Problem); !ok || problem.Code != code { //nolint:errorlint // it is the value itself
			t.Errorf("%q: %v, want %s", text, err, code)
		}
	}
}

func TestDetectDescriptions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text            string
		openAPI, asyncs bool
	}{
		{"openapi: 3.1.0\n", true, false},
		{"# c\ninfo: {}\n\"openapi\" : 3.0.0\n", true, false},
		{`{"info": {"x": "}{\"openapi\": 1"}, "openapi" : "3.0.0"}`, true, false},
		{`{"info": {"openapi": "3.0.0"}}`, false, false},
		{`{"a": "openapi"}`, false, false},
		{"info:\n  openapi: 3.0.0\n", false, false},
		{"swagger: '2.0'\n", true, false},
		{"asyncapi: 3.0.0\n", false, true},
		{`{"asyncapi":"2.6.0"}`, false, true},
		{"", false, false},
		{"{", false, false},
		{`{"openapi`, false, false},
		{`{"openapi\`, false, false},
	} {
		if got := detectOpenAPI([]byte(tt.text)); got != tt.openAPI {
			t.Errorf("%q is OpenAPI: %v", tt.text, got)
		}
		if got := detectAsyncAPI([]byte(tt.text)); got != tt.asyncs {
			t.Errorf("%q is AsyncAPI: %v", tt.text, got)
		}
	}
}

func FuzzReadAsyncAPI(f *testing.F) {
	f.Add("asyncapi: 2.6.0\nservers: {s: {url: 'mqtt://{h}.x.example', protocol: mqtt, variables: {h: {default: a}}, security: [{u: []}]}}\n" +
		"channels: {c: {publish: {message: {oneOf: [{$ref: '#/components/messages/m'}]}}}}\ncomponents: {securitySchemes: {u: {type: userPassword}}, messages: {m: {}}}")
	f.Add(`{"asyncapi":"3.0.0","servers":{"s":{"host":"a.example,b.example","protocol":"kafka","security":[{"type":"oauth2","scopes":["a"]}]}},` +
		`"channels":{"c":{"address":"x"}},"operations":{"o":{"action":"send","channel":{"$ref":"#/channels/c"},"reply":{"channel":{"$ref":"#/channels/c"}}}}}`)
	f.Fuzz(func(t *testing.T, text string) { fuzzed(t, readAsyncAPI, text) })
}
