package risk

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// claimRules are rules that hold claims against facts, by id.
func claimRules(id string) (Rule, bool) {
	r, ok := map[string]Rule{
		"floor-kept": {ID: "floor-kept", Claim: ClaimTLSFloor}, "floor-reached": {ID: "floor-reached", Claim: ClaimTLSFloor},
		"limit-kept": {ID: "limit-kept", Claim: ClaimRateLimit}, "rights-kept": {ID: "rights-kept", Claim: ClaimLeastPrivilege},
		"something-else": {ID: "something-else"},
	}[id]
	return r, ok
}

func TestLinkClaims(t *testing.T) {
	t.Parallel()
	at := inventory.Position{File: "inv.yaml", Line: 3, Column: 5}
	d := Declared{
		Vendor: DeclaredVendor{ID: "acme"},
		Link:   DeclaredLink{ID: "acme/api", Scheme: "https", TLS: true, Encrypted: true, MinVersion: "1.2"},
	}
	f := func(rule string, v Verdict, message string) Finding {
		return Finding{Rule: rule, Target: "acme/api", Verdict: v, Message: message, Facts: map[string]any{"link.tls": true, "tls.accepts.tls10": v == Fail, "tls.version": "TLS 1.3"}}
	}
	for name, c := range map[string]struct {
		findings []Finding
		state    ClaimState
		observed string
	}{
		"all pass":              {[]Finding{f("floor-kept", Pass, "t"), f("floor-reached", Pass, "t")}, ClaimConfirmed, `tls.accepts.tls10=false, tls.version="TLS 1.3"`},
		"one fails":             {[]Finding{f("floor-kept", Fail, "TLS 1.0 is accepted"), f("floor-reached", Pass, "t")}, ClaimContradicted, "TLS 1.0 is accepted"},
		"failed beats unknown":  {[]Finding{f("floor-kept", Inconclusive, "reset"), f("floor-reached", Fail, "TLS 1.1 at best")}, ClaimContradicted, "TLS 1.1 at best"},
		"unknown beats passed":  {[]Finding{f("floor-kept", Inconclusive, "reset"), f("floor-reached", Pass, "t")}, ClaimUnverified, "reset"},
		"passed beats none":     {[]Finding{f("floor-kept", NotApplicable, "n/a"), f("floor-reached", Pass, "t")}, ClaimConfirmed, `tls.accepts.tls10=false, tls.version="TLS 1.3"`},
		"nothing applies":       {[]Finding{f("floor-kept", NotApplicable, "does not apply: the level is observe")}, ClaimUnverified, "does not apply: the level is observe"},
		"no rule looks at it":   {[]Finding{f("something-else", Fail, "x")}, ClaimUnverified, "no rule looks at it"},
		"a rule that is gone":   {[]Finding{f("never-heard-of", Fail, "x")}, ClaimUnverified, "no rule looks at it"},
		"another claim's rules": {[]Finding{f("limit-kept", Fail, "x")}, ClaimUnverified, "no rule looks at it"},
	} {
		claims := LinkClaims(d, c.findings, at, claimRules)
		if len(claims) != 2 || claims[0].Name != ClaimEncryption || claims[1].Name != ClaimTLSFloor {
			t.Fatalf("%s: claims %v, want encryption and the TLS floor", name, claims)
		}
		floor := claims[1]
		if floor.State != c.state || floor.Observed != c.observed || floor.Declared != "TLS 1.2 or above" || floor.Location != at {
			t.Errorf("%s: %+v, want %s: %s", name, floor, c.state, c.observed)
		}
	}
}

// Everything that the inventory promises is a claim, and nothing else.
func TestDeclaredClaims(t *testing.T) {
	t.Parallel()
	all := DeclaredLink{
		ID: "acme/all", Scheme: "mqtts", TLS: true, Encrypted: true, MinVersion: "1.3", MTLS: "required", RateLimit: "100/1m",
		Signature: "stripe", Permissions: []string{"a", "b"}, Classification: "restricted", Auth: DeclaredAuth{Type: "sasl"},
	}
	for name, c := range map[string]struct {
		link DeclaredLink
		want string
	}{
		"all":               {all, "[encryption=mqtts tls_floor=TLS 1.3 or above mtls=required authentication=sasl rate_limit=100/1m signature=stripe permissions=a, b data_protection=restricted data: encrypted, and for known clients alone]"},
		"nothing":           {DeclaredLink{Scheme: "http"}, "[]"},
		"open by word":      {DeclaredLink{Scheme: "http", MTLS: "none", Auth: DeclaredAuth{Type: "none"}, Classification: "public"}, "[]"},
		"by certificate":    {DeclaredLink{Scheme: "http", Auth: DeclaredAuth{Type: "mtls"}}, "[mtls=required]"},
		"optional":          {DeclaredLink{Scheme: "http", MTLS: "optional"}, "[mtls=optional]"},
		"floor with no TLS": {DeclaredLink{Scheme: "http", MinVersion: "1.2"}, "[]"},
	} {
		var got []string
		for _, claim := range LinkClaims(Declared{Link: c.link}, nil, inventory.Position{}, claimRules) {
			got = append(got, string(claim.Name)+"="+claim.Declared)
		}
		if s := fmt.Sprint(got); s != c.want {
			t.Errorf("%s: %s, want %s", name, s, c.want)
		}
	}
}

func TestVendorClaims(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	v := DeclaredVendor{ID: "acme"}
	excess := Finding{Rule: "rights-kept", Target: "acme/mq", Verdict: Fail, Message: "our login may admin"}
	fine := Finding{Rule: "rights-kept", Target: "acme/mq2", Verdict: Pass}
	least := func(basis, collected, expires string) Attestation {
		return Attestation{Control: ClaimLeastPrivilege, Claim: true, Basis: basis, Collected: collected, Expires: expires}
	}
	for name, c := range map[string]struct {
		attested []Attestation
		findings []Finding
		caught   bool
		want     Claim
	}{
		"nothing stated":           {want: Claim{State: ClaimUnverified, Declared: "nothing stated", Observed: "no evidence; no probe can see it", Rules: []string{}}},
		"examined by others":       {[]Attestation{least("soc2_type2", "2026-03-01", "2027-02-28")}, nil, false, Claim{State: ClaimUnverified, Declared: "in place", Observed: "attested; no probe can see it", Rules: []string{}, Basis: "soc2_type2", Collected: "2026-03-01", Expires: "2027-02-28", Confidence: 0.9}},
		"by contract":              {[]Attestation{least("contract", "", "2027-02-28")}, nil, false, Claim{State: ClaimUnverified, Declared: "in place", Observed: "attested; no probe can see it", Rules: []string{}, Basis: "contract", Expires: "2027-02-28", Confidence: 0.6}},
		"by its own word":          {[]Attestation{least("self", "2026-01-01", "")}, nil, false, Claim{State: ClaimUnverified, Declared: "in place", Observed: "attested; no probe can see it", Rules: []string{}, Basis: "self", Collected: "2026-01-01", Confidence: 0.4}},
		"own word of last year":    {[]Attestation{least("self", "2025-11-20", "")}, nil, false, Claim{State: ClaimStale, Declared: "in place", Observed: "the evidence expired on 2026-11-20", Rules: []string{}, Basis: "self", Collected: "2025-11-20"}},
		"on its last day":          {[]Attestation{least("pentest", "", "2026-11-21")}, nil, false, Claim{State: ClaimUnverified, Declared: "in place", Observed: "attested; no probe can see it", Rules: []string{}, Basis: "pentest", Expires: "2026-11-21", Confidence: 0.9}},
		"expired":                  {[]Attestation{least("pentest", "", "2026-11-20")}, nil, false, Claim{State: ClaimStale, Declared: "in place", Observed: "the evidence expired on 2026-11-20", Rules: []string{}, Basis: "pentest", Expires: "2026-11-20"}},
		"one in date before two":   {[]Attestation{least("soc2_type2", "", "2026-11-20"), least("self", "2026-01-01", "")}, nil, false, Claim{State: ClaimUnverified, Declared: "in place", Observed: "attested; no probe can see it", Rules: []string{}, Basis: "self", Collected: "2026-01-01", Confidence: 0.4}},
		"contradicted":             {[]Attestation{least("soc2_type2", "", "2027-02-28")}, []Finding{fine, excess}, false, Claim{State: ClaimContradicted, Declared: "in place", Observed: "acme/mq: our login may admin", Rules: []string{"rights-kept"}, Basis: "soc2_type2", Expires: "2027-02-28", Confidence: 0.9}},
		"nothing against it":       {[]Attestation{least("contract", "", "2027-02-28")}, []Finding{fine}, false, Claim{State: ClaimUnverified, Declared: "in place", Observed: "attested; no probe can see it; nothing against it on 1 link", Rules: []string{"rights-kept"}, Basis: "contract", Expires: "2027-02-28", Confidence: 0.6}},
		"not in place, and so":     {[]Attestation{{Control: ClaimLeastPrivilege, Basis: "self", Collected: "2026-01-01"}}, []Finding{excess}, false, Claim{State: ClaimUnverified, Declared: "not in place", Observed: "attested; no probe can see it", Rules: []string{"rights-kept"}, Basis: "self", Collected: "2026-01-01", Confidence: 0.4}},
		"caught: own word":         {[]Attestation{least("self", "2026-01-01", "")}, nil, true, Claim{State: ClaimUnverified, Declared: "in place", Observed: "attested; no probe can see it", Rules: []string{}, Basis: "self", Collected: "2026-01-01"}},
		"caught: examined by them": {[]Attestation{least("iso27001", "", "2027-02-28")}, nil, true, Claim{State: ClaimUnverified, Declared: "in place", Observed: "attested; no probe can see it", Rules: []string{}, Basis: "iso27001", Expires: "2027-02-28", Confidence: 0.9}},
	} {
		claims := VendorClaims(v, c.attested, inventory.Position{}, c.findings, c.caught, now, claimRules)
		if len(claims) != 5 {
			t.Fatalf("%s: %d claims, want the five controls", name, len(claims))
		}
		c.want.Target, c.want.Vendor, c.want.Name, c.want.Title = "acme", "acme", ClaimLeastPrivilege, "least privilege"
		if diff := cmp.Diff(c.want, claims[3]); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

// One statement that does not hold costs the vendor's own word everywhere.
func TestContradictionSpoilsOwnWord(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	attested := []Attestation{
		{Control: ClaimLeastPrivilege, Claim: true, Basis: "contract", Expires: "2027-02-28"},
		{Control: ClaimBreachNotice, Claim: true, Basis: "self", Collected: "2026-10-01"},
		{Control: ClaimLogMonitoring, Claim: true, Basis: "soc2_type2", Expires: "2027-02-28"},
	}
	excess := Finding{Rule: "rights-kept", Target: "acme/mq", Verdict: Fail, Message: "our login may admin"}
	got := map[ClaimName]float64{}
	for _, c := range VendorClaims(DeclaredVendor{ID: "acme"}, attested, inventory.Position{}, []Finding{excess}, false, now, claimRules) {
		got[c.Name] = c.Confidence
	}
	want := map[ClaimName]float64{ClaimLeastPrivilege: 0.6, ClaimBreachNotice: 0, ClaimLogMonitoring: 0.9, ClaimEncryptionAtRest: 0, ClaimIncidentResponse: 0}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("confidence: -want +got\n%s", diff)
	}
}

func TestDeclareAttestations(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	date := func(text string) inventory.Date {
		d, err := inventory.ParseDate(text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	v := &inventory.Vendor{ID: "acme", Attestations: []inventory.Attestation{
		{Control: inventory.ControlEncryptionAtRest, Claim: true, Basis: inventory.BasisSOC2, Expires: date("2027-01-01")},
		{Control: inventory.ControlLogMonitoring, Claim: true, Basis: inventory.BasisSOC2, Expires: date("2026-01-01")},
		{Control: inventory.ControlBreachNotice, Claim: false, Basis: inventory.BasisContract, Expires: date("2027-01-01")},
	}, Links: []*inventory.Link{{Data: inventory.Data{Classification: inventory.ClassificationPublic}}, {Data: inventory.Data{Classification: inventory.ClassificationConfidential}}, {}}}
	got := DeclareVendor(v, now)
	want := DeclaredVendor{
		ID: "acme", Contacts: []string{}, Classification: "confidential",
		Attested: []string{"encryption_at_rest"}, AttestedStale: []string{"log_monitoring"}, AttestedAbsent: []string{"breach_notice"},
		Unattested: []string{"incident_response", "least_privilege"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// What is waived, or known where only what is new counts, breaches nothing.
func TestPolicyLeavesOut(t *testing.T) {
	t.Parallel()
	waived := &Acceptance{State: WaiverExpiring}
	expired := &Acceptance{State: WaiverExpired}
	for name, c := range map[string]struct {
		policy Policy
		f      Finding
		grade  [2]Grade // now, before
		want   bool
	}{
		"open":                        {Policy{FailOn: SeverityHigh}, Finding{}, [2]Grade{}, true},
		"waived":                      {Policy{FailOn: SeverityHigh}, Finding{Waiver: waived}, [2]Grade{}, false},
		"waiver expired":              {Policy{FailOn: SeverityHigh}, Finding{Waiver: expired}, [2]Grade{}, true},
		"known":                       {Policy{FailOn: SeverityHigh, NewOnly: true}, Finding{Change: ChangeNone}, [2]Grade{}, false},
		"known, other values":         {Policy{FailOn: SeverityHigh, NewOnly: true}, Finding{Change: ChangeDetails}, [2]Grade{}, false},
		"regressed":                   {Policy{FailOn: SeverityHigh, NewOnly: true}, Finding{Change: ChangeRegressed}, [2]Grade{}, true},
		"new":                         {Policy{FailOn: SeverityHigh, NewOnly: true}, Finding{Change: ChangeNew}, [2]Grade{}, true},
		"known, but all count":        {Policy{FailOn: SeverityHigh}, Finding{Change: ChangeNone}, [2]Grade{}, true},
		"a rule, known":               {Policy{FailOnRules: []string{"r"}, NewOnly: true}, Finding{Change: ChangeNone}, [2]Grade{}, false},
		"graded as before":            {Policy{MinGrade: GradeB, NewOnly: true}, Finding{Change: ChangeNone}, [2]Grade{GradeD, GradeD}, false},
		"graded worse":                {Policy{MinGrade: GradeB, NewOnly: true}, Finding{Change: ChangeNone}, [2]Grade{GradeD, GradeC}, true},
		"graded, no baseline":         {Policy{MinGrade: GradeB, NewOnly: true}, Finding{Change: ChangeNew}, [2]Grade{GradeD, ""}, true},
		"graded, ungraded before":     {Policy{MinGrade: GradeB, NewOnly: true}, Finding{Change: ChangeNew}, [2]Grade{GradeD, GradeUnknown}, true},
		"graded as before, all count": {Policy{MinGrade: GradeB}, Finding{Change: ChangeNone}, [2]Grade{GradeD, GradeD}, true},
	} {
		f := c.f
		f.Rule, f.Target, f.Verdict, f.Severity = "r", "a/b", Fail, SeverityHigh
		link := LinkOutcome{ID: "a/b", Grade: c.grade[0], GradeBefore: c.grade[1], Findings: []Finding{f}, Observations: []checks.Observation{{Outcome: checks.Observed}}}
		if got := c.policy.Decide([]LinkOutcome{link}).Breached; got != c.want {
			t.Errorf("%s: breached %t, want %t", name, got, c.want)
		}
	}
}
