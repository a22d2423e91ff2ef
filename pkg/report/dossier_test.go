package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

func dossier(t testing.TB, r *Report, vendor string, o DossierOptions) *Dossier {
	t.Helper()
	d, err := NewDossier(r, vendor, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// letters are the two forms of a dossier.
func letters(t testing.TB, d *Dossier) (markdown, html string) {
	t.Helper()
	var md, page bytes.Buffer
	if err := errors.Join(d.WriteMarkdown(&md), d.WriteHTML(&page)); err != nil {
		t.Fatal(err)
	}
	return md.String(), page.String()
}

func TestDossier(t *testing.T) {
	t.Parallel()
	d := dossier(t, sampleForVendor(), "acme-pay", DossierOptions{From: "Example Ltd", ReplyTo: "security@example.com"})
	markdown, html := letters(t, d)
	golden(t, "dossier.md", []byte(markdown))
	golden(t, "dossier.html", []byte(html))
	for _, problem := range unwanted(t, []byte(markdown)) {
		t.Error(problem)
	}
	want := Withheld{Waived: 1, Ours: 2, Receivers: 1}
	if diff := cmp.Diff(want, d.Withheld); diff != "" {
		t.Errorf("withheld: -want +got\n%s", diff)
	}
	if d.Met != 1 || d.Missed != 2 || d.Undecided != 1 {
		t.Errorf("%d met, %d missed, %d undecided, want 1, 2, 1", d.Met, d.Missed, d.Undecided)
	}
}

// sampleForVendor gives one vendor of the sample everything that a dossier
// tells apart: a receiver of ours, a rule of ours, a lost link, attestations.
func sampleForVendor() *Report {
	r := sample()
	hook := sampleTarget("acme-pay/events-hook", "webhook", "https", 60, score(risk.GradeF, 10, 100, 90, risk.BandCritical))
	hook.Declared.Link.Direction = "inbound"
	lost := sampleTarget("acme-pay/old-portal", "endpoint", "https", 70, score(risk.GradeUnknown, 0, 0, 0, risk.BandUnknown))
	lost.Observations = []checks.Observation{{Probe: "tls", Outcome: checks.Unreachable, Reason: checks.ReasonRefused, Connections: 1}}
	lost.URL = "https://user:hunter2@acme-pay.example/${OUR_TENANT}/x?api_key=${OUR_KEY}#frag"
	r.Targets = append(r.Targets, hook, lost)
	undecided := finding("tls-no-1.0", lost.ID, risk.Inconclusive, risk.SeverityHigh, "unknown", 70)
	r.Rules = append(r.Rules, risk.Rule{ID: "secrets-by-reference", Title: "Secrets are referenced", Severity: risk.SeverityHigh, Category: risk.CategoryAuthentication},
		risk.Rule{ID: "banner-terse", Title: "Banners are terse", Severity: risk.SeverityLow, Category: risk.CategoryErrors, Remedy: "| Server | Setting |\n| --- | --- |\n| nginx | `server_tokens off;` |\n\n- Or\n- so."})
	r.Findings = append(r.Findings,
		finding("banner-terse", "acme-pay/charges-api", risk.Fail, risk.SeverityLow, "nginx 1.18.0", 12),
		finding("tls-no-1.0", hook.ID, risk.Fail, risk.SeverityHigh, "TLS 1.0 accepted by our receiver", 60),
		finding("secrets-by-reference", "acme-pay/charges-api", risk.Fail, risk.SeverityHigh, "written in the inventory itself: auth.token", 12),
		undecided)
	attest := func(name risk.ClaimName, title, declared, basis, evidence string) risk.Claim {
		return risk.Claim{Target: "acme-pay", Vendor: "acme-pay", Name: name, Title: title, State: risk.ClaimUnverified, Declared: declared, Basis: basis, Evidence: evidence}
	}
	r.Claims = append(r.Claims,
		attest(risk.ClaimIncidentResponse, "incident response", "in place", "self", "https://wiki.our.example/acme"),
		attest(risk.ClaimLeastPrivilege, "least privilege", "not in place", "contract", ""),
		attest(risk.ClaimBreachNotice, "notice of breaches", "nothing stated", "", ""),
		risk.Claim{Target: "acme-pay/charges-api", Vendor: "acme-pay", Name: risk.ClaimPermissions, Title: "permissions", State: risk.ClaimContradicted, Declared: "charges:*", Observed: "more"},
		risk.Claim{Target: hook.ID, Vendor: "acme-pay", Name: risk.ClaimTLSFloor, Title: "TLS floor", State: risk.ClaimContradicted, Declared: "TLS 1.2 or above", Observed: "TLS 1.0 accepted by our receiver"})
	r.Summary = summaryOf(r)
	return r
}

// TestDossierLeaksNothing fills every field that is ours, or of another
// vendor, with a mark of its own, and looks for the marks.
func TestDossierLeaksNothing(t *testing.T) {
	t.Parallel()
	const mark = "leak-"
	r := sampleForVendor()
	r.Vantage = "public"
	r.Inventory = Inventory{Digest: mark + "digest", Files: []File{{Path: mark + "path", URI: mark + "uri"}}}
	r.Decision.Reasons = []string{mark + "reason"}
	r.Baseline.Path = mark + "baseline"
	r.Tool.RulesDigest = mark + "rules"
	for i := range r.Vendors {
		v := &r.Vendors[i]
		v.File, v.Line, v.Declared.Criticality, v.Declared.ReviewBy = mark+"file", 987654, mark+"criticality", mark+"review"
		v.Score.Ledger = []risk.Entry{{Note: mark + "ledger"}}
		v.Score.Band, v.Score.Grade = mark+"band", mark+"grade"
		if v.ID != "acme-pay" {
			v.Name, v.Declared.Contacts = mark+"other-vendor", []string{mark + "other-contact"}
		}
	}
	for i := range r.Targets {
		t := &r.Targets[i]
		l := &t.Declared.Link
		l.Owners, l.UsedBy, l.Permissions, l.WildcardPerms = []string{mark + "owner"}, []string{mark + "system"}, []string{mark + "permission"}, []string{mark + "wildcard"}
		l.LiteralSecrets, l.URLSecrets, l.Auth.Scopes = []string{mark + "literal"}, []string{mark + "url"}, []string{mark + "scope"}
		t.Declared.Vendor.Criticality, t.File = mark+"criticality", mark+"file"
		t.Score.Ledger = []risk.Entry{{Note: mark + "ledger"}}
		t.Score.Band, t.Score.Grade = mark+"band", mark+"grade"
		if t.Vendor != "acme-pay" {
			t.ID, t.URL = mark+t.ID, mark+"url"
		}
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		f.Location.File, f.Fingerprint = mark+"file", mark+"fingerprint"
		f.Facts = map[string]any{"link.used_by": mark + "fact", "vendor.criticality": mark + "fact", "tls.version": "TLS 1.2"}
		if f.Vendor != "acme-pay" {
			f.Message, f.Target = mark+"message", mark+f.Target
		}
		if f.Waiver != nil {
			f.Waiver = &risk.Acceptance{State: f.Waiver.State, Reason: mark + "reason", Owner: mark + "owner", Evidence: mark + "evidence", Expires: mark + "expires"}
		}
	}
	for i := range r.Waivers {
		r.Waivers[i] = Waiver{Rule: mark + "rule", Target: mark + "target", Reason: mark + "reason", Owner: mark + "owner", State: risk.WaiverActive}
	}
	for i := range r.Claims {
		r.Claims[i].Evidence, r.Claims[i].Location.File = mark+"evidence", mark+"file"
	}
	markdown, html := letters(t, dossier(t, r, "acme-pay", DossierOptions{}))
	secret := regexp.MustCompile(`leak-[a-z-]*|987654|hunter2|OUR_TENANT|OUR_KEY|api_key|our receiver|wiki\.our|events-hook|globex|initech|payments-team|2026-11-30|4711|no-such|charges:\*|certificate on the 30th`)
	for name, letter := range map[string]string{"markdown": markdown, "html": html} {
		for _, found := range secret.FindAllString(letter, -1) {
			t.Errorf("%s: %q is in the letter", name, found)
		}
		for _, want := range []string{"TLS 1.0 accepted by 127.0.0.1:8443", "charges-api", "old-portal", "Acme Payments", "security@acme-pay.example"} {
			if !strings.Contains(letter, want) {
				t.Errorf("%s: the letter does not hold %q", name, want)
			}
		}
	}
	text, err := json.Marshal(dossier(t, r, "acme-pay", DossierOptions{}))
	if err != nil {
		t.Fatal(err)
	}
	if found := secret.FindAllString(string(text), -1); len(found) > 0 {
		t.Errorf("the dossier itself holds %q", found)
	}
}

func TestDossierDates(t *testing.T) {
	t.Parallel()
	day := func(text string) time.Time {
		d, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	tests := []struct {
		name string
		o    DossierOptions
		want []string // of the asks of acme-pay: high, low
	}{
		{"the day of the scan", DossierOptions{}, []string{"2026-12-21", "2027-05-20"}},
		{"a day", DossierOptions{Date: day("2027-01-31")}, []string{"2027-03-02", "2027-07-30"}},
		{"periods", DossierOptions{Due: Due{risk.SeverityHigh: 3}}, []string{"2026-11-24", "0001-01-01"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, ask := range dossier(t, sampleForVendor(), "acme-pay", tt.o).Asks {
				got = append(got, ask.Due.Format(time.DateOnly))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestDossierOfNobody(t *testing.T) {
	t.Parallel()
	_, err := NewDossier(sample(), "acme", DossierOptions{})
	unknown, ok := errors.AsType[*UnknownVendorError](err)
	if !ok || !slices.Equal(unknown.Known, []string{"acme-pay", "globex", "initech"}) {
		t.Fatalf("error %v, want one that lists the vendors", err)
	}
	if want := `no vendor "acme" in the report: it has acme-pay, globex, initech`; err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
	if _, err := NewDossier(&Report{}, "acme", DossierOptions{}); err == nil || err.Error() != `no vendor "acme" in the report: it has none` {
		t.Errorf("error %v for a report without vendors", err)
	}
}

// TestDossierTells holds sentences of the letter to what the report says.
func TestDossierTells(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		change     func(*Report)
		want, none string
	}{
		{"interrupted", func(r *Report) { r.Complete = false }, "Our scan was interrupted.", ""},
		{"complete", func(*Report) {}, "We ask you to mend", "interrupted"},
		{"public", func(r *Report) { r.Vantage = "public" }, "over the Internet", ""},
		{"active", func(r *Report) { r.Level = checks.Active }, "bursts of at most 60 requests", "test events"},
		{"consented", func(r *Report) { r.Level = checks.Consented }, "where consent is on record, test events", ""},
		{"observe", func(*Report) {}, "We put no load on them", "bursts"},
		{"stale", func(*Report) {}, "Log monitoring: the evidence that we hold (an ISO/IEC 27001 certificate) was good until 2026-08-31. Please send current evidence.", ""},
		{"on file", func(*Report) {}, "", "Encryption at rest"},
		{"word", func(*Report) {}, "Incident response: we hold no evidence but your word.", ""},
		{"absent", func(*Report) {}, "Least privilege: you told us that it is not in place.", ""},
		{"never", func(*Report) {}, "Notice of breaches: within what time do you tell us of a breach?", ""},
		{"contradicted", func(*Report) {}, "TLS floor of refunds-api: agreed was TLS 1.2 or above; we saw: TLS 1.0 accepted by 127.0.0.1:8443.", ""},
		{"confirmed", func(*Report) {}, "Agreed, and seen to be so: TLS floor on 1 interface.", ""},
		{"refused", func(*Report) {}, "Nothing listened on the port, or a firewall refused us | old-portal | TLS 1.0 is refused | Tell us the right port", ""},
		{"nothing wrong", func(r *Report) { r.Findings = r.Findings[:1] }, "We ask you to mend nothing.", "point by point"},
		{"nothing seen", func(r *Report) { r.Findings = nil }, "Nothing could be assessed.", "are met"},
		{"days", func(r *Report) { r.Finished = r.Started.Add(20 * time.Hour) }, "from 10:00 to 22 November 2026, 06:00 UTC", ""},
		{"waived", func(r *Report) {
			for i := range r.Findings {
				if r.Findings[i].Verdict == risk.Fail {
					r.Findings[i].Waiver = &risk.Acceptance{State: risk.WaiverActive}
				}
			}
		}, "We ask you to mend nothing.", "TLS floor of refunds-api"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := sampleForVendor()
			tt.change(r)
			markdown, _ := letters(t, dossier(t, r, "acme-pay", DossierOptions{}))
			if !strings.Contains(markdown, tt.want) {
				t.Errorf("the letter does not say %q:\n%s", tt.want, markdown)
			}
			if tt.none != "" && strings.Contains(markdown, tt.none) {
				t.Errorf("the letter says %q", tt.none)
			}
		})
	}
}

func TestDossierFailsWithItsWriter(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk full")
	d := dossier(t, sample(), "acme-pay", DossierOptions{})
	if err := d.WriteMarkdown(brokenWriter{broken}); !errors.Is(err, broken) {
		t.Errorf("markdown: error %v, want %v", err, broken)
	}
	if err := d.WriteHTML(brokenWriter{broken}); !errors.Is(err, broken) {
		t.Errorf("html: error %v, want %v", err, broken)
	}
}

func FuzzDossier(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 2000 {
			return
		}
		r := sampleForVendor()
		r.Findings[1].Message, r.Rules[1].Title, r.Rules[1].Remedy, r.Rules[1].Description = s, s, s, s
		r.Vendors[0].Name, r.Vendors[0].Declared.Contacts, r.Targets[1].URL = s, []string{s}, s
		r.Targets[1].Observations[1].Evidence[0].Text = s
		r.Claims[3].Observed = s
		markdown, html := letters(t, dossier(t, r, "acme-pay", DossierOptions{From: s, ReplyTo: s}))
		for _, problem := range unwanted(t, []byte(markdown)) {
			t.Error(problem)
		}
		if tags := regexp.MustCompile(`<(script|img|a|iframe|b|link|svg)\b`).FindString(html); tags != "" {
			t.Errorf("a tag of a peer: %s", tags)
		}
	})
}
