package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/risk"
	"github.com/m2mscan/m2mscan/rules"
)

// TestDossierRules holds the lists of rules that are ours and the vendor's to
// the built-in rules, and what vendors are asked to words they know.
func TestDossierRules(t *testing.T) {
	t.Parallel()
	pack, err := risk.LoadRules(rules.FS)
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string]risk.Rule, len(pack))
	for _, rule := range pack {
		known[rule.ID] = rule
	}
	for id := range oursToMend {
		if rule, ok := known[id]; !ok || rule.Category == risk.CategoryGovernance {
			t.Errorf("%s is listed as ours: no such rule, or of the category governance anyway", id)
		}
		if _, both := toldVendors[id]; both {
			t.Errorf("%s is on both lists", id)
		}
	}
	for id, text := range toldVendors {
		if rule, ok := known[id]; !ok || text == "" && rule.Category != risk.CategoryGovernance {
			t.Errorf("%s is listed as told: no such rule, or there is no need", id)
		}
	}
	var told, kept []string
	foreign := regexp.MustCompile(`(?i)\bvendors?\b|\binventory\b|\bm2mscan\b|\$\{|this machine|switch this rule|write (it|that) down|\bstate (it|them)\b`)
	for _, rule := range pack {
		if isOurs(&rule) {
			kept = append(kept, rule.ID)
			continue
		}
		told = append(told, rule.ID)
		remedy := rule.Remedy
		if text := toldVendors[rule.ID]; text != "" {
			remedy = text
		}
		if found := foreign.FindString(remedy); found != "" {
			t.Errorf("the remedy of %s speaks to us (%q): give it a text in toldVendors, or list it in oursToMend", rule.ID, found)
		}
		if !readsObserved(rule) && toldVendors[rule.ID] == "" && !slices.Contains([]string{"credentials-encrypted", "transport-encrypted", "transport-encrypted-sensitive"}, rule.ID) {
			t.Errorf("%s reads the inventory alone: list it in oursToMend, or give it a text in toldVendors", rule.ID)
		}
	}
	var b strings.Builder
	for _, list := range []struct {
		title string
		ids   []string
	}{{"told to vendors", told}, {"kept", kept}} {
		slices.Sort(list.ids)
		fmt.Fprintf(&b, "# %s: %d\n%s\n", list.title, len(list.ids), strings.Join(list.ids, "\n"))
	}
	golden(t, "dossier-rules.txt", []byte(b.String()))
}

// readsObserved reports whether a rule reads anything beside declared facts.
func readsObserved(rule risk.Rule) bool {
	for _, m := range regexp.MustCompile(`\b([a-z_]+)\.([a-z_]+)`).FindAllStringSubmatch(rule.Assert, -1) {
		if m[1] != "link" && m[1] != "vendor" || m[2] == "address_drift" || m[2] == "reachable" {
			return true
		}
	}
	return false
}

func TestIsReceiver(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind, direction string
		want            bool
	}{
		{"endpoint", "", false}, {"endpoint", "outbound", false}, {"endpoint", "both", false}, {"endpoint", "inbound", true},
		{"broker", "", false}, {"broker", "inbound", true},
		{"webhook", "", true}, {"webhook", "inbound", true}, {"webhook", "both", true}, {"webhook", "outbound", false},
	} {
		target := &Target{Kind: tt.kind}
		target.Declared.Link.Direction = tt.direction
		if got := isReceiver(target); got != tt.want {
			t.Errorf("%s %q: receiver %t, want %t", tt.kind, tt.direction, got, tt.want)
		}
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://u:p@a.example:8443/x/${TENANT}/y?k=${K}#f": "https://a.example:8443/x/.../y",
		"mqtts://b.example":           "mqtts://b.example",
		"https://a.example?x=@b/":     "https://a.example",
		"https://a.example/p@q":       "https://a.example/p@q",
		"no url \x1b[31m":             `no url \x1b[31m`,
		"https://u:p@x@a.example/":    "https://a.example/",
		"https://a.example/%zz\u202e": `https://a.example/%zz\u202e`,
	} {
		if got := address(in); got != want {
			t.Errorf("address(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestForStrangers(t *testing.T) {
	t.Parallel()
	in := "Clients send more than\n anybody reckoned with. Whether it takes more, a burst at level active shows. RFC 8996 forbids it."
	if got, want := forStrangers(in), "Clients send more than anybody reckoned with. RFC 8996 forbids it."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := forStrangers("The inventory says so."); got != "" {
		t.Errorf("got %q, want nothing", got)
	}
}

func TestEvidenceFor(t *testing.T) {
	t.Parallel()
	target := &Target{Observations: []checks.Observation{
		{Probe: "link", Evidence: []checks.Evidence{{Kind: "address", Text: "ours"}}},
		{Probe: "tls", Evidence: []checks.Evidence{{Kind: "handshake", Text: "TLS 1.3"}, {Kind: "plaintext", Text: "HTTP/1.1 400"}}},
		{Probe: "http", Evidence: []checks.Evidence{
			{Kind: "exposed", Text: "GET /metrics: HTTP 200"}, {Kind: "exposed", Text: "GET /debug/pprof/: HTTP 200"},
			{Kind: "cors", Text: "allows the origin"}, {Kind: "http", Text: "GET the declared URL"},
		}},
		{Probe: "broker", Evidence: []checks.Evidence{{Kind: "mqtt", Text: "CONNACK 0x00"}, {Kind: "mqtt", Text: "CONNACK 0x00"}, {Kind: "mqtt", Text: "b"}, {Kind: "mqtt", Text: "c"}}},
	}}
	for _, tt := range []struct {
		facts []string
		want  []string
	}{
		{[]string{"link.used_by", "vendor.name"}, nil},
		{[]string{"tls.accepts.tls10"}, nil},
		{[]string{"tls.plaintext"}, []string{"plaintext: HTTP/1.1 400"}},
		{[]string{"http.exposed.metrics"}, []string{"exposed: GET /metrics: HTTP 200"}},
		{[]string{"http.cors_reflects_origin"}, []string{"cors: allows the origin"}},
		{[]string{"http.nosniff"}, []string{"GET the declared URL"}},
		{[]string{"broker.anonymous"}, []string{"mqtt: CONNACK 0x00", "mqtt: b"}},
	} {
		f := &risk.Finding{Message: "seen to fail", Facts: map[string]any{}}
		for _, fact := range tt.facts {
			f.Facts[fact] = true
		}
		if diff := cmp.Diff(tt.want, evidenceFor(f, target)); diff != "" {
			t.Errorf("%v: -want +got\n%s", tt.facts, diff)
		}
	}
}
