package signing

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Vectors that others published, each with its source.
func TestVectors(t *testing.T) {
	t.Parallel()
	slackBody := "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V" +
		"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=" +
		"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN" +
		"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
	for _, test := range []struct {
		name   string
		scheme inventory.SignatureScheme
		secret string
		m      Message
		want   http.Header
	}{
		{
			"the test of the Standard Webhooks libraries", inventory.SignatureStandardWebhooks, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
			Message{ID: "msg_p5jXN8AQM9LWM0D4loKWxJek", Time: time.Unix(1614265330, 0), Body: []byte(`{"test": 2432232314}`)},
			http.Header{
				"Webhook-Id": {"msg_p5jXN8AQM9LWM0D4loKWxJek"}, "Webhook-Timestamp": {"1614265330"},
				"Webhook-Signature": {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
			},
		},
		{
			"the same of Svix, without the prefix", inventory.SignatureSvix, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
			Message{ID: "msg_p5jXN8AQM9LWM0D4loKWxJek", Time: time.Unix(1614265330, 0), Body: []byte(`{"test": 2432232314}`)},
			http.Header{
				"Svix-Id": {"msg_p5jXN8AQM9LWM0D4loKWxJek"}, "Svix-Timestamp": {"1614265330"},
				"Svix-Signature": {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
			},
		},
		{
			"GitHub's documentation, Validating webhook deliveries", inventory.SignatureGitHub, "It's a Secret to Everybody",
			Message{ID: "72d3162e-cc78-11e3-81ab-4c9367dc0958", Body: []byte("Hello, World!")},
			http.Header{
				"X-Hub-Signature-256": {"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
				"X-Github-Event":      {"ping"}, "X-Github-Delivery": {"72d3162e-cc78-11e3-81ab-4c9367dc0958"},
			},
		},
		{
			"Slack's documentation, Verifying requests", inventory.SignatureSlack, "8f742231b10e8888abcd99yyyzzz85a5",
			Message{Time: time.Unix(1531420618, 0), Body: []byte(slackBody)},
			http.Header{
				"X-Slack-Request-Timestamp": {"1531420618"},
				"X-Slack-Signature":         {"v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"},
			},
		},
		{
			"generateTestHeaderString of npm stripe 18.5.0", inventory.SignatureStripe, "whsec_test_secret",
			Message{Time: time.Unix(1700000000, 0), Body: []byte(`{"id":"evt_1","object":"event"}`)},
			http.Header{"Stripe-Signature": {"t=1700000000,v1=0c8670ed117751cc551a20e35839447075c42800ea3cf3e8a2fbda99cd1e6edd"}},
		},
		{
			"RFC 4231 test case 2, in base64", inventory.SignatureShopify, "Jefe",
			Message{ID: "b54557e4", Body: []byte("what do ya want for nothing?")},
			http.Header{
				"X-Shopify-Hmac-Sha256": {"W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="}, "X-Shopify-Topic": {"m2mscan/test"},
				"X-Shopify-Shop-Domain": {"m2mscan-test.myshopify.com"}, "X-Shopify-Api-Version": {"2026-10"},
				"X-Shopify-Webhook-Id": {"b54557e4"}, "X-Shopify-Event-Id": {"b54557e4"},
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, err := For(inventory.Signature{Scheme: test.scheme}, test.secret)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Sign(test.m)
			if diff := cmp.Diff(got, test.want); diff != "" || err != nil {
				t.Errorf("%v (-got +want):\n%s", err, diff)
			}
			forged, err := s.Forge(test.m)
			if err != nil || len(forged) != len(got) || cmp.Equal(forged, got) {
				t.Errorf("forged %v, %v", forged, err)
			}
			unsigned, err := s.Unsigned(test.m)
			if err != nil || len(unsigned) != len(got)-1 {
				t.Errorf("unsigned %v, %v", unsigned, err)
			}
		})
	}
}

// RFC 4231 test case 2 and RFC 2202 test case 2 share key and text.
func TestHashes(t *testing.T) {
	t.Parallel()
	for algorithm, want := range map[string]string{
		"":       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
		"sha1":   "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
		"sha256": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
		"sha384": "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
		"sha512": "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554" +
			"9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
	} {
		header, err := HMAC(inventory.Signing{Header: "X-Sig", Algorithm: algorithm}, []byte("Jefe"), Message{Body: []byte("what do ya want for nothing?")})
		if err != nil || header.Get("X-Sig") != want {
			t.Errorf("%s: %v, %v", algorithm, header, err)
		}
	}
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 13, 0, 0, 250e6, time.FixedZone("", 3600))
	m := Message{ID: "id-1", Time: at, Method: "post", URI: "/hook?a={body}", Client: "key-1", Body: []byte("{timestamp}")}
	for _, test := range []struct {
		name   string
		s      inventory.Signing
		signed string
		want   http.Header // SIG stands for the signature
	}{
		{"the body alone", inventory.Signing{}, "{timestamp}", http.Header{"X-Sig": {"SIG"}}},
		{"what is put in is not read again", inventory.Signing{Template: "{path}|{body}"}, "/hook?a={body}|{timestamp}", http.Header{"X-Sig": {"SIG"}}},
		{
			"everything, in seconds", inventory.Signing{
				Template: "{id}\n{timestamp}\n{method}\n{client_id}\n}{body}", Value: "k={client_id},t={timestamp},s={signature}",
				TimestampHeader: "x-time", IDHeader: "x-id",
			},
			"id-1\n1795262400\nPOST\nkey-1\n}{timestamp}",
			http.Header{"X-Sig": {"k=key-1,t=1795262400,s=SIG"}, "X-Time": {"1795262400"}, "X-Id": {"id-1"}},
		},
		{
			"milliseconds", inventory.Signing{Template: "{timestamp}", TimestampHeader: "T", TimestampFormat: "unix_ms"},
			"1795262400250", http.Header{"X-Sig": {"SIG"}, "T": {"1795262400250"}},
		},
		{
			"RFC 3339", inventory.Signing{Template: "{timestamp}", TimestampHeader: "T", TimestampFormat: "rfc3339"},
			"2026-11-21T12:00:00Z", http.Header{"X-Sig": {"SIG"}, "T": {"2026-11-21T12:00:00Z"}},
		},
	} {
		test.s.Header = "X-Sig"
		sum := hmac.New(sha256.New, []byte("key"))
		_, _ = sum.Write([]byte(test.signed))
		test.want.Set("X-Sig", strings.ReplaceAll(test.want.Get("X-Sig"), "SIG", hex.EncodeToString(sum.Sum(nil))))
		got, err := HMAC(test.s, []byte("key"), m)
		if diff := cmp.Diff(got, test.want); diff != "" || err != nil {
			t.Errorf("%s: %v (-got +want):\n%s", test.name, err, diff)
		}
	}
	header, err := HMAC(inventory.Signing{Header: "S", IDHeader: "I", Template: "{id}"}, []byte("key"), Message{})
	if err != nil || len(header.Get("I")) < 16 {
		t.Errorf("a new id: %v, %v", header, err)
	}
}

// What cannot be signed is said without the secret.
func TestRefused(t *testing.T) {
	t.Parallel()
	const secret = "hunter2hunter2%"
	for name, test := range map[string]struct {
		signature inventory.Signature
		secret    string
		m         Message
	}{
		"unknown scheme":       {inventory.Signature{Scheme: "acme"}, secret, Message{}},
		"no scheme":            {inventory.Signature{}, secret, Message{}},
		"not base64":           {inventory.Signature{Scheme: inventory.SignatureStandardWebhooks}, "whsec_" + secret, Message{}},
		"empty key":            {inventory.Signature{Scheme: inventory.SignatureSvix}, "whsec_", Message{}},
		"key pair":             {inventory.Signature{Scheme: inventory.SignatureStandardWebhooks}, "whsk_" + secret, Message{}},
		"no header":            {inventory.Signature{Scheme: inventory.SignatureHMAC}, secret, Message{}},
		"unknown hash":         {generic(inventory.Signing{Algorithm: "md5"}), secret, Message{}},
		"unknown placeholder":  {generic(inventory.Signing{Template: "{key}"}), secret, Message{}},
		"signature in itself":  {generic(inventory.Signing{Template: "{signature}"}), secret, Message{}},
		"body in a header":     {generic(inventory.Signing{Value: "{body}"}), secret, Message{}},
		"brace left open":      {generic(inventory.Signing{Template: "{body"}), secret, Message{}},
		"too much to sign":     {generic(inventory.Signing{Template: "{body}{body}"}), secret, Message{Body: make([]byte, signedMax/2+1)}},
		"too long a value":     {generic(inventory.Signing{Value: strings.Repeat("{signature}", 200)}), secret, Message{}},
		"line break in header": {generic(inventory.Signing{Value: "{client_id}"}), secret, Message{Client: "a\r\nX-B: c"}},
	} {
		s, err := For(test.signature, test.secret)
		if err == nil {
			_, err = s.Sign(test.m)
		}
		if _, reason := checks.Classify(err); reason != checks.ReasonNotTested {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error holds the secret: %v", name, err)
		}
	}
}

func generic(s inventory.Signing) inventory.Signature {
	if s.Header == "" {
		s.Header = "X-Sig"
	}
	return inventory.Signature{Scheme: inventory.SignatureHMAC, Signing: s}
}

func TestHasTimestamp(t *testing.T) {
	t.Parallel()
	for scheme, want := range map[inventory.SignatureScheme]bool{
		inventory.SignatureStandardWebhooks: true, inventory.SignatureSvix: true, inventory.SignatureStripe: true,
		inventory.SignatureSlack: true, inventory.SignatureGitHub: false, inventory.SignatureShopify: false, "": false,
	} {
		if got := HasTimestamp(inventory.Signature{Scheme: scheme}); got != want {
			t.Errorf("%s: %t", scheme, got)
		}
	}
	if HasTimestamp(generic(inventory.Signing{Template: "{body}", TimestampHeader: "T"})) {
		t.Error("a timestamp that is not signed protects nothing")
	}
	if !HasTimestamp(generic(inventory.Signing{Template: "{timestamp}{body}"})) {
		t.Error("the template signs the timestamp")
	}
}

// FuzzHMAC says that no template makes HMAC panic, run away, or put more into a
// header than a header may hold.
func FuzzHMAC(f *testing.F) {
	f.Add("{timestamp}.{body}", "t={timestamp},v1={signature}", "X-Time", "sha256", "hex", "unix", []byte("x"), "/a?b")
	f.Add("{method}\n{path}\n{timestamp}\n{body}", "{signature}", "", "sha1", "base64", "rfc3339", []byte(nil), "")
	f.Add("{{body}}", "}{", "a b", "md5", "", "unix_ms", []byte("{body}"), "\r\n")
	f.Fuzz(func(t *testing.T, template, value, timeHeader, algorithm, encoding, format string, body []byte, uri string) {
		header, err := HMAC(inventory.Signing{
			Header: "X-Sig", Template: template, Value: value, TimestampHeader: timeHeader,
			Algorithm: algorithm, Encoding: encoding, TimestampFormat: format,
		}, []byte("key"), Message{Time: time.Unix(1, 0), Method: "POST", URI: uri, Body: body, Client: uri})
		if err != nil {
			if _, reason := checks.Classify(err); reason != checks.ReasonNotTested {
				t.Fatalf("%v", err)
			}
			return
		}
		for name, values := range header {
			if len(values) != 1 || len(values[0]) > valueMax || strings.ContainsAny(values[0], "\r\n") {
				t.Fatalf("%s: %q", name, values)
			}
		}
	})
}
