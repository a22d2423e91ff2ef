package signing

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Scheme signs the calls of a webhook.
type Scheme struct {
	form form
	key  []byte
	s    inventory.Signature
}

// form is what a scheme with a name fixes.
type form struct {
	header    string // that carries the signature
	timestamp bool   // the time of the call is signed
	key       func(secret string) ([]byte, error)
	sign      func(key []byte, m Message) http.Header
}

// forms are the schemes with a name.
//
//nolint:gochecknoglobals // a table
var forms = map[inventory.SignatureScheme]form{
	// Standard Webhooks specification 1.0.0, "Signature scheme".
	inventory.SignatureStandardWebhooks: {"Webhook-Signature", true, prefixedKey, standardWebhooks("Webhook-")},
	// docs.svix.com/receiving/verifying-payloads/how-manual
	inventory.SignatureSvix: {"Svix-Signature", true, prefixedKey, standardWebhooks("Svix-")},
	// docs.stripe.com/webhooks/signature, "Verify webhook signatures manually"
	inventory.SignatureStripe: {"Stripe-Signature", true, plainKey, stripe},
	// docs.github.com/webhooks, "Validating webhook deliveries"
	inventory.SignatureGitHub: {"X-Hub-Signature-256", false, plainKey, github},
	// docs.slack.dev/authentication/verifying-requests-from-slack
	inventory.SignatureSlack: {"X-Slack-Signature", true, plainKey, slack},
	// shopify.dev/docs/apps/build/webhooks, "Verify a webhook"
	inventory.SignatureShopify: {"X-Shopify-Hmac-Sha256", false, plainKey, shopify},
}

// For is how the calls of a webhook are signed with a secret, as the inventory
// has it. The error, with [checks.ReasonNotTested], says why the secret does
// not fit the scheme; it never holds the secret.
func For(s inventory.Signature, secret string) (*Scheme, error) {
	if s.Scheme == inventory.SignatureHMAC {
		return &Scheme{s: s, form: form{header: s.Header}, key: []byte(secret)}, nil
	}
	f, known := forms[s.Scheme]
	if !known {
		return nil, checks.Because(checks.ReasonNotTested, "%q is no signature scheme", s.Scheme)
	}
	key, err := f.key(secret)
	if err != nil {
		return nil, err
	}
	return &Scheme{s: s, form: f, key: key}, nil
}

// HasTimestamp reports whether what is signed holds the time of the call, so
// that a receiver can tell an old one. GitHub and Shopify sign the body alone.
func HasTimestamp(s inventory.Signature) bool {
	if s.Scheme == inventory.SignatureHMAC {
		return strings.Contains(s.Template, "{timestamp}")
	}
	return forms[s.Scheme].timestamp
}

// Sign returns the headers of a valid call: those of the signature, of the
// message's id and time, and those by which receivers tell events apart.
func (s *Scheme) Sign(m Message) (http.Header, error) {
	if s.form.sign == nil {
		return HMAC(s.s.Signing, s.key, m)
	}
	return s.form.sign(s.key, m), nil
}

// Forge is Sign with a key that nobody has.
func (s *Scheme) Forge(m Message) (http.Header, error) {
	other := *s
	other.key = make([]byte, sha256.Size)
	_, _ = rand.Read(other.key) // never fails
	return other.Sign(m)
}

// Unsigned is Sign without the signature.
func (s *Scheme) Unsigned(m Message) (http.Header, error) {
	header, err := s.Sign(m)
	if err == nil {
		header.Del(s.form.header)
	}
	return header, err
}

func plainKey(secret string) ([]byte, error) { return []byte(secret), nil }

// prefixedKey is base64 behind "whsec_", which may be left out.
func prefixedKey(secret string) ([]byte, error) {
	if strings.HasPrefix(secret, "whsk_") || strings.HasPrefix(secret, "whpk_") {
		return nil, checks.Because(checks.ReasonNotTested, "signature.secret: calls are signed with whsec_ keys only, not with key pairs")
	}
	encoded := strings.TrimRight(strings.TrimPrefix(secret, "whsec_"), "=")
	key, err := base64.RawStdEncoding.DecodeString(encoded)
	if err != nil || len(key) == 0 { // the error would quote the secret
		return nil, checks.Because(checks.ReasonNotTested, "signature.secret is not base64 behind whsec_")
	}
	return key, nil
}

func mac(key []byte, parts ...string) []byte {
	sum := hmac.New(sha256.New, key)
	for _, part := range parts {
		_, _ = sum.Write([]byte(part))
	}
	return sum.Sum(nil)
}

func headers(fields map[string]string) http.Header {
	header := make(http.Header, len(fields))
	for name, value := range fields {
		header.Set(name, value)
	}
	return header
}

func standardWebhooks(prefix string) func([]byte, Message) http.Header {
	return func(key []byte, m Message) http.Header {
		sum := mac(key, m.ID, ".", unix(m.Time), ".", string(m.Body))
		return headers(map[string]string{
			prefix + "Id": m.ID, prefix + "Timestamp": unix(m.Time), prefix + "Signature": "v1," + encode("base64", sum),
		})
	}
}

func stripe(key []byte, m Message) http.Header {
	sum := mac(key, unix(m.Time), ".", string(m.Body))
	return headers(map[string]string{"Stripe-Signature": "t=" + unix(m.Time) + ",v1=" + encode("hex", sum)})
}

// github sends the event that GitHub sends when a webhook is set up.
func github(key []byte, m Message) http.Header {
	return headers(map[string]string{
		"X-Hub-Signature-256": "sha256=" + encode("hex", mac(key, string(m.Body))),
		"X-GitHub-Event":      "ping", "X-GitHub-Delivery": m.ID,
	})
}

func slack(key []byte, m Message) http.Header {
	sum := mac(key, "v0:", unix(m.Time), ":", string(m.Body))
	return headers(map[string]string{
		"X-Slack-Request-Timestamp": unix(m.Time), "X-Slack-Signature": "v0=" + encode("hex", sum),
	})
}

// shopify sends what Shopify's own libraries ask for besides the signature. No
// shop has the name.
func shopify(key []byte, m Message) http.Header {
	return headers(map[string]string{
		"X-Shopify-Hmac-Sha256": encode("base64", mac(key, string(m.Body))),
		"X-Shopify-Topic":       "m2mscan/test", "X-Shopify-Shop-Domain": "m2mscan-test.myshopify.com",
		"X-Shopify-API-Version": "2026-10", "X-Shopify-Webhook-Id": m.ID, "X-Shopify-Event-Id": m.ID,
	})
}
