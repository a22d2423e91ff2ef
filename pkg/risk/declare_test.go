package risk

import (
	"bytes"
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

func parseURL(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// Rules see declared and observed facts of the namespace "link" side by side:
// one name must not mean two things.
func TestDeclaredAndObservedNamesDoNotCollide(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, l := range checks.LeavesOf("", Declared{}) {
		seen[l.Name] = true
	}
	for _, p := range factProbes() {
		for _, l := range p.Leaves() {
			if seen[l.Name] {
				t.Errorf("%s is both declared and observed", l.Name)
			}
			seen[l.Name] = true
		}
	}
	if len(seen) < 60 {
		t.Errorf("only %d facts were compared", len(seen))
	}

	type clash struct {
		Kind *string `json:"kind,omitzero"`
	}
	if _, err := NewJudge(nil, []checks.Probe{checks.New[clash](checks.Spec{Name: "link"}, nil)}); err == nil {
		t.Error("a judge was made over a fact that is defined twice")
	}
}

func TestDeclaredFactsAreDocumented(t *testing.T) {
	t.Parallel()
	for _, l := range checks.LeavesOf("", Declared{}) {
		if l.Doc == "" {
			t.Errorf("%s has no doc tag", l.Name)
		}
	}
}

func TestDeclare(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	vendor := &inventory.Vendor{
		ID: "acme", Name: "Acme", Criticality: inventory.CriticalityHigh, Contacts: []string{"a@acme.example"},
		ReviewBy: inventory.Date{Time: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)},
	}
	link := &inventory.Link{
		Vendor: vendor, ID: "api", Kind: inventory.KindEndpoint, URL: parseURL(t, "http://Api.acme.example/v1"),
		UsedBy: []*inventory.System{
			{ID: "billing", Owner: "payments"}, {ID: "ledger", Owner: "payments"}, {ID: "web"},
		},
		Direction:   inventory.DirectionOutbound,
		Data:        inventory.Data{Classification: inventory.ClassificationRestricted},
		Permissions: []string{"charges:read", "charges:*"},
		TLS:         inventory.TLS{MinVersion: "1.2", MTLS: inventory.MTLSRequired},
		RateLimit:   inventory.Rate{Count: 100, Window: time.Minute},
		Signature:   inventory.Signature{Scheme: inventory.SignatureStripe, Secret: inventory.NewSecret("${KEY}", "")},
		Auth: inventory.Auth{
			Type: inventory.AuthAPIKey, Query: "key", Token: inventory.NewSecret("${TOKEN}", ""),
			TokenURL: "http://acme.example/token", Scopes: []string{"read", "admin.*"},
		},
	}
	got := Declare(link, now)
	want := Declared{
		Vendor: DeclaredVendor{ID: "acme", Name: "Acme", Criticality: "high", Contacts: []string{"a@acme.example"},
			ReviewBy: "2026-11-20", ReviewOverdue: true,
			Attested: []string{}, AttestedAbsent: []string{}, AttestedStale: []string{}, Unattested: []string{"encryption_at_rest", "log_monitoring", "incident_response", "least_privilege", "breach_notice"}},
		Link: DeclaredLink{
			ID: "acme/api", Kind: "endpoint", URL: link.DisplayURL(), Scheme: "http", Host: "api.acme.example", Port: 80,
			TLSTwin: "https", Direction: "outbound", Classification: "restricted",
			Owners: []string{"payments"}, UsedBy: []string{"billing", "ledger", "web"},
			Permissions: []string{"charges:read", "charges:*"}, WildcardPerms: []string{"charges:*"},
			MinVersion: "1.2", MTLS: "required", RateLimit: link.RateLimit.String(), Signature: "stripe", SignatureKey: true,
			LiteralSecrets: []string{}, URLSecrets: []string{"query key"},
			Auth: DeclaredAuth{Type: "api_key", Scopes: []string{"read", "admin.*"}, WildcardScopes: []string{"admin.*"}, KeyInQuery: true},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDeclareStatesNothingAsEmpty(t *testing.T) {
	t.Parallel()
	vendor := &inventory.Vendor{ID: "acme"}
	link := &inventory.Link{Vendor: vendor, ID: "q", Kind: inventory.KindBroker, URL: parseURL(t, "mqtts://q.acme.example")}
	got := Declare(link, time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC))
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte("null")) {
		t.Errorf("a list is null: %s", text)
	}
	if got.Link.RateLimit != "" || got.Vendor.ReviewBy != "" || got.Vendor.ReviewOverdue || !got.Link.Auth.TokenURLTLS {
		t.Errorf("what was not stated is not empty: %s", text)
	}
	if !got.Link.TLS || got.Link.Port != 8883 || got.Link.TLSTwin != "" {
		t.Errorf("the scheme's properties are wrong: %s", text)
	}
	values := make(map[string]any)
	checks.Flatten("", got, values)
	for _, l := range checks.LeavesOf("", Declared{}) {
		if _, known := values[l.Name]; !known {
			t.Errorf("%s is unknown", l.Name)
		}
	}
}

func TestReviewIsOverdueFromTheDayAfter(t *testing.T) {
	t.Parallel()
	v := &inventory.Vendor{ReviewBy: inventory.Date{Time: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)}}
	for _, c := range []struct {
		now  time.Time
		want bool
	}{
		{time.Date(2026, 11, 21, 23, 59, 59, 0, time.UTC), false},
		{time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), true},
	} {
		if got := DeclareVendor(v, c.now).ReviewOverdue; got != c.want {
			t.Errorf("at %s: overdue is %t", c.now, got)
		}
	}
}

func TestWildcards(t *testing.T) {
	t.Parallel()
	list := []string{"*", "charges:*", "charges:read", "sensors/#", "sensors/+/state", "c++", "issue#1", ""}
	want := []string{"*", "charges:*", "sensors/#", "sensors/+/state"}
	if diff := cmp.Diff(want, wildcards(list)); diff != "" {
		t.Error(diff)
	}
}

func TestHasScheme(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]bool{
		"https://a.example/t": true, "HTTPS://a.example": true, "http://a.example": false, "a.example/t": false, "": false,
	} {
		if got := hasScheme(raw, "https"); got != want {
			t.Errorf("hasScheme(%q) = %t", raw, got)
		}
	}
}
