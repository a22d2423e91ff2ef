package webhook

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

const (
	eventMax     = 256 << 10 // bytes of a test event
	eventType    = "m2mscan.test"
	eventMessage = "A test event of m2mscan, sent with the consent of this webhook's owner. It asks for nothing; please ignore it."
)

// event makes the test events of one trial.
type event struct {
	scheme inventory.SignatureScheme
	own    []byte // the inventory's; nil for one of ours
}

// newEvent reads the inventory's test event.
func newEvent(l *inventory.Link, scheme inventory.SignatureScheme) (event, error) {
	e := event{scheme: scheme}
	if l.Probe.TestEvent.IsZero() {
		return e, nil
	}
	text, err := l.Probe.TestEvent.Resolve()
	if err != nil {
		return e, checks.Because(checks.ReasonNotTested, "probe.test_event: %w", err)
	}
	if len(text) > eventMax {
		return e, checks.Because(checks.ReasonNotTested, "probe.test_event is larger than %d bytes", eventMax)
	}
	e.own = []byte(text)
	return e, nil
}

// id is a new id of a call, in the form of the scheme.
func (e event) id() string {
	switch e.scheme {
	case inventory.SignatureStandardWebhooks, inventory.SignatureSvix:
		return "msg_" + rand.Text()
	case inventory.SignatureStripe:
		return "evt_m2mscan" + rand.Text()
	case inventory.SignatureSlack:
		return "Ev" + rand.Text()
	default: // GitHub and Shopify have UUIDs (RFC 9562 section 5.4)
		b := make([]byte, 16)
		_, _ = rand.Read(b) // never fails
		b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
		return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	}
}

// body is the event with an id: the inventory's own, or one that the scheme's
// libraries read. Slack's url_verification is not among them: many receivers
// answer it before they look at the signature.
func (e event) body(id string, at time.Time) []byte {
	if e.own != nil {
		return e.own
	}
	message := map[string]any{"message": eventMessage}
	var content map[string]any
	switch e.scheme {
	case inventory.SignatureStripe:
		message["object"] = eventType
		content = map[string]any{
			"id": id, "object": "event", "type": eventType, "created": at.Unix(), "livemode": false,
			"pending_webhooks": 0, "request": nil, "data": map[string]any{"object": message},
		}
	case inventory.SignatureSlack:
		message["type"] = eventType
		content = map[string]any{
			"type": "event_callback", "event_id": id, "event_time": at.Unix(),
			"team_id": "T00000000", "api_app_id": "A00000000", "event": message,
		}
	case inventory.SignatureGitHub:
		content = map[string]any{"zen": eventMessage, "hook_id": 0, "hook": map[string]any{"type": eventType, "id": 0}}
	default:
		content = map[string]any{"id": id, "type": eventType, "timestamp": at.UTC().Format(time.RFC3339), "data": message}
	}
	text, err := json.Marshal(content)
	if err != nil { // of texts and numbers alone
		panic(err)
	}
	return text
}

// mediaType is that of an event's body.
func mediaType(body []byte) string {
	trimmed := bytes.TrimSpace(body)
	switch {
	case json.Valid(body):
		return "application/json"
	case bytes.HasPrefix(trimmed, []byte("<")):
		return "application/xml"
	case bytes.ContainsRune(trimmed, '='):
		return "application/x-www-form-urlencoded"
	default:
		return "text/plain"
	}
}

// alter changes what a body says and keeps its form: a receiver that signs what
// it parsed, white space left out, must notice, and one that does not verify
// must be able to read it.
func alter(body []byte) []byte {
	trimmed := bytes.TrimSpace(body)
	insert := func(member string) []byte {
		rest := bytes.TrimSpace(trimmed[1:])
		if rest[0] != '}' && rest[0] != ']' {
			member += ","
		}
		return append([]byte(string(trimmed[0])+member), rest...)
	}
	switch mediaType(body) {
	case "application/json":
		switch trimmed[0] {
		case '{':
			return insert(`"m2mscan":"altered"`)
		case '[':
			return insert(`"m2mscan"`)
		}
	case "application/xml":
		return append(bytes.Clone(body), "<!-- altered by m2mscan -->"...)
	case "application/x-www-form-urlencoded":
		return append(bytes.Clone(trimmed), "&m2mscan=altered"...)
	}
	return append(bytes.Clone(body), " altered by m2mscan"...)
}
