package imports

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// golden compares got with a file under testdata.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	path = filepath.Join("testdata", filepath.FromSlash(path))
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run the test with -update to write it)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s: -want +got\n%s", path, diff)
	}
}

// testdata reads a file under testdata as the source of an import.
func testdata(t *testing.T, path string) Source {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return Source{Path: filepath.Base(path), Text: text}
}

// rendered writes a fragment and makes sure that it loads, that it merges into
// an empty inventory, and that merging it twice adds nothing.
func rendered(t *testing.T, f *Fragment) ([]byte, *inventory.Inventory) {
	t.Helper()
	text, _, err := Render(f)
	if err != nil {
		t.Fatal(err)
	}
	inv, problems, err := load("fragment.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	if problems.Errors() > 0 {
		t.Fatalf("the fragment does not load: %v\n%s", problems, text)
	}
	again, _, err := Render(f)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(text), string(again)); diff != "" {
		t.Fatalf("not the same twice:\n%s", diff)
	}
	first := mustMerge(t, "version: 1\n", f)
	if len(first.Added) != len(inv.Links()) {
		t.Fatalf("merging added %q of %d links", first.Added, len(inv.Links()))
	}
	second := mustMerge(t, string(first.Text), f)
	if len(second.Added) > 0 || string(second.Text) != string(first.Text) {
		t.Fatalf("merging twice added %q", second.Added)
	}
	return text, inv
}

func mustMerge(t *testing.T, text string, f *Fragment) *Merged {
	t.Helper()
	merged, err := Merge("inventory.yaml", []byte(text), f)
	if err != nil {
		t.Fatalf("merge: %v\n%s", err, text)
	}
	return merged
}

// oneLink is a small fragment.
func oneLink() *Fragment {
	return &Fragment{Format: "postman", Path: "acme.json", Vendors: []Vendor{{ID: "acme", Links: []Link{{
		Kind: inventory.KindEndpoint, ID: "api", URL: "https://api.acme.example/v1", Direction: inventory.DirectionOutbound,
	}}}}}
}

func TestRenderIsForPeople(t *testing.T) {
	t.Parallel()
	text, _ := rendered(t, &Fragment{
		Format: "postman", Path: "acme.json", Title: "Acme", Version: "1.0",
		Notes: []Note{{Where: "/item/3", Text: "the address is relative: it names no host"}},
		Vendors: []Vendor{{ID: "acme", Name: "Acme Payments", Contacts: []string{"security@acme.example"}, Links: []Link{
			{
				Kind: inventory.KindEndpoint, ID: "Charges API", URL: "https://api.acme.example/v1", Direction: inventory.DirectionOutbound,
				Data:        Data{Formats: []string{"json", "json"}, Payloads: []string{"yes", "1.2"}},
				Auth:        Auth{Type: inventory.AuthOAuth2, Token: secretRef("acme", "token"), Scopes: []string{"charges:read"}},
				TLS:         TLS{MinVersion: "1.2", MTLS: inventory.MTLSRequired},
				Permissions: []string{"charges:read"}, RateLimit: "100/1m", Labels: map[string]string{"env": "prod", "app": "a"},
				Notes: []string{"12 requests"},
			},
			{Kind: inventory.KindBroker, ID: "events", URL: "mqtts://mqtt.acme.example"},
			{
				Kind: inventory.KindWebhook, ID: "hooks", URL: "https://hooks.us.example/acme",
				Signature: Signature{Scheme: inventory.SignatureHMAC, Secret: secretRef("acme", "webhook secret"), Header: "X-Signature"},
			},
		}}},
	})
	golden(t, "merge/fragment.golden.yaml", text)
}

func TestForeignTextStaysText(t *testing.T) {
	t.Parallel()
	hostile := "x\nversion: 2\r\u2028- id: evil\u0085\x00\x1b[31m\xff # y: ${HOME}"
	text, inv := rendered(t, &Fragment{
		Format: "postman", Path: hostile, Title: hostile, Version: hostile, Notes: []Note{{Where: hostile, Text: hostile}},
		Vendors: []Vendor{{ID: hostile, Name: hostile, Contacts: []string{hostile}, Notes: []string{hostile}, Links: []Link{{
			Kind: inventory.KindEndpoint, ID: hostile, URL: "https://api.acme.example/v1", Notes: []string{hostile},
			Data: Data{Formats: []string{hostile}, Payloads: []string{hostile}}, Permissions: []string{hostile},
		}}}},
	})
	if strings.ContainsAny(string(text), "\r\x00\x1b\u0085\u2028") {
		t.Errorf("control characters in %q", text)
	}
	if len(inv.Vendors) != 1 || inv.Vendors[0].Links[0].Permissions[0] != "x version: 2 - id: evil [31m # y: ${HOME}" {
		t.Errorf("got %+v", inv.Vendors[0].Links[0])
	}
}

func TestWhatAnInventoryRefusesIsLeftOutAndSaid(t *testing.T) {
	t.Parallel()
	good := oneLink().Vendors[0].Links[0]
	for name, test := range map[string]struct {
		change func(*Link)
		want   string // a note; the link is left out when it starts with "link"
	}{
		"variable in the address": {func(l *Link) { l.URL += "/${HOME}" }, "link api of acme is left out: its address names a variable"},
		"no address":              {func(l *Link) { l.URL = "" }, "link api of acme is left out: "},
		"wrong kind":              {func(l *Link) { l.Kind = inventory.KindBroker }, "link api of acme is left out: scheme"},
		"no kind":                 {func(l *Link) { l.Kind = "" }, "link api of acme is left out: it has no kind"},
		"odd scope": {func(l *Link) {
			l.Auth = Auth{Type: inventory.AuthOAuth2, Scopes: []string{`a"b`}}
		}, "not taken over: auth.scopes: "},
		"variable in the token endpoint": {func(l *Link) {
			l.Auth = Auth{Type: inventory.AuthOAuth2, TokenURL: "https://login.acme.example/${HOME}"}
		}, "not taken over: auth.token_url: its address names a variable"},
		"API key nowhere":  {func(l *Link) { l.Auth.Type = inventory.AuthAPIKey }, "not taken over: auth: "},
		"odd rate":         {func(l *Link) { l.RateLimit = "many" }, "not taken over: rate_limit: "},
		"odd direction":    {func(l *Link) { l.Direction = "sideways" }, "not taken over: direction: "},
		"several odd ones": {func(l *Link) { l.Direction, l.RateLimit = "sideways", "many" }, "not taken over: anything but the address: "},
		"secret": {func(l *Link) {
			l.Auth = Auth{Type: inventory.AuthBearer, Token: "s3cret"}
		}, "a secret stood in the file and was not taken over"},
		"half a secret": {func(l *Link) {
			l.Auth = Auth{Type: inventory.AuthBearer, Token: "s3cret-${TOKEN}"}
		}, "a secret stood in the file and was not taken over"},
		"secret file": {func(l *Link) {
			l.Auth = Auth{Type: inventory.AuthBearer, Token: "file:/etc/passwd"}
		}, "a secret stood in the file and was not taken over"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := oneLink()
			f.Vendors[0].Links[0] = good
			test.change(&f.Vendors[0].Links[0])
			text, inv := rendered(t, f)
			if !strings.Contains(string(text), test.want) {
				t.Errorf("no %q in\n%s", test.want, text)
			}
			if left := len(inv.Links()) == 0; left != strings.HasPrefix(test.want, "link ") {
				t.Errorf("left out: %v\n%s", left, text)
			}
			if strings.Contains(string(text), "s3cret") || strings.Contains(string(text), "passwd") {
				t.Errorf("the secret stands in\n%s", text)
			}
		})
	}
}

func TestCombineAndSetVendor(t *testing.T) {
	t.Parallel()
	a, b := oneLink(), oneLink()
	b.Path = "b.json"
	b.Vendors[0].Links[0].URL = "https://api.acme.example/v2"
	b.Vendors[0].Links[0].Auth = Auth{Type: inventory.AuthBearer, Token: secretRef("acme", "token")}
	b.Vendors = append(b.Vendors, Vendor{ID: "other", Links: []Link{{Kind: inventory.KindEndpoint, ID: "api", URL: "https://API.acme.example:443/v2/"}}})
	b.Notes = []Note{{Where: "/item", Text: "is odd"}}
	all := Combine(a, b)
	if err := all.SetVendor("acme-pay"); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", "Acme", "-a", "a b", strings.Repeat("a", 65)} {
		if all.SetVendor(id) == nil {
			t.Errorf("vendor %q is taken", id)
		}
	}
	text, inv := rendered(t, all)
	var ids []string
	for _, l := range inv.Links() {
		ids = append(ids, l.FullID()+" "+l.DisplayURL()+" "+l.Auth.Token.String())
	}
	want := []string{"acme-pay/api https://api.acme.example/v1 ", "acme-pay/api-2 https://api.acme.example/v2 ${ACME_PAY_TOKEN}"}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for _, want := range []string{
		"imported from acme.json, b.json", "b.json /item: is odd", "https://API.acme.example:443/v2/ stands twice",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Charges API": "charges-api", "  /v1//x ": "v1-x", "Ünïcode": "n-code", "": "", "--": "", "a.b_c-d": "a.b_c-d",
		strings.Repeat("ab ", 40): strings.Repeat("ab-", 21) + "a",
	} {
		if got := slug(text); got != want {
			t.Errorf("slug(%q) = %q, want %q", text, got, want)
		}
	}
	for host, want := range map[string]string{
		"api.acme.example": "acme", "acme.example": "acme", "API.Acme.co.uk.": "acme", "co.uk": "co", "localhost": "localhost",
		"192.0.2.1": "192.0.2.1", "[2001:db8::1]": "2001-db8-1", "": "vendor", "..": "vendor", "a.b.com.au": "b",
	} {
		if got := vendorIDOf(host); got != want {
			t.Errorf("vendorIDOf(%q) = %q, want %q", host, got, want)
		}
	}
	for _, pair := range [][3]string{
		{"acme-pay", "token", "${ACME_PAY_TOKEN}"}, {"2go", "client id", "${VENDOR_2GO_CLIENT_ID}"}, {"", "x", "${VENDOR_X}"},
	} {
		if got := secretRef(pair[0], pair[1]); got != pair[2] || !isReference(got) {
			t.Errorf("secretRef(%q, %q) = %q, want %q", pair[0], pair[1], got, pair[2])
		}
	}
	taken := map[string]bool{}
	long := strings.Repeat("x", 64)
	for _, want := range []string{long, long[:62] + "-2", long[:62] + "-3"} {
		if got := uniqueID(taken, long); got != want {
			t.Errorf("uniqueID = %q, want %q", got, want)
		}
	}
	if got := pointer("paths", "/a~b", 0); got != "/paths/~1a~0b/0" {
		t.Errorf("pointer = %q", got)
	}
}

func TestUsableURL(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://API.Acme.example/v1/":       "https://api.acme.example/v1/",
		" https://u:p@acme.example/x?k=v#f ": "https://acme.example/x",
		"/v1":                                "! the address is relative: it names no host",
		"":                                   "! the address is empty",
		"https://{tenant}.acme.example":      "! the address is a template, and nothing says what to put in",
		"https://acme.example/${HOME}":       "! the address is a template, and nothing says what to put in",
		"ftp://acme.example":                 `! scheme "ftp" does not go with links of kind endpoint`,
		"mqtt://acme.example":                `! scheme "mqtt" does not go with links of kind endpoint`,
		"https://":                           "! the address names no host",
		"https:///x":                         "! the address is malformed",
		"https://a b/":                       "! the address is malformed",
		"file:///etc/passwd":                 `! scheme "file" does not go with links of kind endpoint`,
	} {
		got, _, refusal := usableURL(raw, inventory.KindEndpoint)
		if refusal != "" {
			got = "! " + refusal
		}
		if got != want {
			t.Errorf("usableURL(%q) = %q, want %q", raw, got, want)
		}
	}
}

func mustRead(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
