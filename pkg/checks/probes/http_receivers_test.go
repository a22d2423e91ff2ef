package probes

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// TestRealReceivers sends test events to receivers on the schemes' own
// libraries. Each must be told from the others by what it takes.
func TestRealReceivers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const own, another = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_bm90IHRoZSByaWdodCBzZWNyZXQ="
	standard, stripe, gitHub := inventory.SignatureStandardWebhooks, inventory.SignatureStripe, inventory.SignatureGitHub
	tests := []struct {
		scheme inventory.SignatureScheme
		check  string
		secret string
		takes  string // of the events: valid, unsigned, bad, tampered, old, future, duplicate
		unsure string // what is not known of
	}{
		{standard, "all", own, "valid duplicate", ""},
		{standard, "signature", own, "valid old future duplicate", ""},
		{standard, "nothing", own, "valid unsigned bad tampered old future duplicate", ""},
		{standard, "all", another, "", "unsigned bad tampered old future duplicate"},
		// Stripe's library minds the age of an event, and no time to come.
		{stripe, "all", own, "valid future duplicate", ""},
		{stripe, "signature", own, "valid old future duplicate", ""},
		{stripe, "nothing", own, "valid unsigned bad tampered old future duplicate", ""},
		{stripe, "all", another, "", "unsigned bad tampered old future duplicate"},
		// GitHub signs no time: what is left is to remember what was seen.
		{gitHub, "all", own, "valid duplicate", "old future"},
		{gitHub, "once", own, "valid", "old future"},
		{gitHub, "nothing", own, "valid unsigned bad tampered duplicate", "old future"},
		{gitHub, "all", another, "", "unsigned bad tampered old future duplicate"},
	}
	servers := make([]string, len(tests))
	for i, test := range tests {
		servers[i] = fmt.Sprintf(`{"scheme": %q, "secret": %q, "check": %q}`, test.scheme, test.secret, test.check)
	}
	receivers := peers.Node(t, "receivers.mjs", servers...)
	facts := map[string]string{
		"valid": "valid_accepted", "unsigned": "unsigned_accepted", "bad": "bad_signature_accepted", "tampered": "tampered_accepted",
		"old": "replay_accepted", "future": "future_timestamp_accepted", "duplicate": "duplicate_accepted",
	}
	for i, test := range tests {
		t.Run(fmt.Sprintf("%s %s %t", test.scheme, test.check, test.secret == own), func(t *testing.T) {
			t.Parallel()
			p := s.front(t, receivers[i])
			l := p.link(t, "/hook", inventory.Auth{})
			l.Kind, l.Direction = inventory.KindWebhook, inventory.DirectionInbound
			l.Signature = inventory.Signature{Scheme: test.scheme, Secret: secret(own)}
			l.Probe.Consent = []inventory.Consent{inventory.ConsentSendTestEvent}

			observed := s.scan(t, checks.Observe, l)
			before := p.requests()
			checkRequests(t, before, observed.planned, 0)
			got := s.scan(t, checks.Consented, l)
			for event, fact := range facts {
				fact = "webhook." + fact
				switch {
				case slices.Contains(strings.Fields(test.unsure), event):
					if known, ok := got.known[fact]; ok {
						t.Errorf("%s = %v, want it unknown", fact, known)
					}
				case got.known[fact] != slices.Contains(strings.Fields(test.takes), event):
					t.Errorf("%s = %v, want %t: %s", fact, got.known[fact], got.known[fact] == false, got.unknown[fact].Detail)
				}
			}
			if t.Failed() {
				t.Logf("evidence:\n%s\n%s", got.evidence(), strings.Join(p.requests()[len(before):], "\n"))
			}
		})
	}
}
