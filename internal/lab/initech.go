package lab

import (
	"context"
	"crypto/tls"
	"time"
)

// initechHR is the vendor with the oldest servers, and with those that a scan
// learns nothing from.
func initechHR() []spec {
	payroll := named("payroll.initech-hr.test")
	payroll.rsaBits = 2048
	payroll.minimum, payroll.maximum = tls.VersionTLS10, tls.VersionTLS12
	payroll.suites = []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA}

	benefits := named("benefits.initech-hr.test")
	benefits.start, benefits.end = -100*day, -10*day-day/2

	onboarding := named("onboarding.initech-hr.test")
	onboarding.start, onboarding.end = 10*day+day/2, 100*day+day/2

	directory := named("directory.initech-hr.test")
	directory.selfSigned = true

	timesheets := named("timesheets.initech-hr.test")
	timesheets.stranger = true

	return append([]spec{
		{
			id: "initech-hr/payroll-soap", about: "TLS 1.0 to 1.2, CBC suites without forward secrecy",
			open: payroll.serves(service{path: "/payroll", document: `{"wsdl":"/payroll?wsdl"}`}),
			expect: Expect{
				Fails: []string{
					"tls-aead-negotiated", "tls-encrypt-then-mac", "tls-floor-enforced", "tls-forward-secrecy-negotiated",
					"tls10-refused", "tls11-refused", "tls13-supported",
				},
				Outcome: "observed", Facts: map[string]any{
					"tls.accepts.tls10": true, "tls.accepts.tls11": true, "tls.accepts.tls13": false,
					"tls.forward_secrecy": false, "tls.aead": false,
				},
			},
		},
		{
			id: "initech-hr/benefits-api", about: "the certificate has expired",
			open: benefits.serves(service{path: "/benefits", document: `{"benefits":[]}`}),
			expect: Expect{
				Fails:   []string{"certificate-not-expired", "tls-floor-agreed"},
				Outcome: "observed", Facts: map[string]any{"certificate.expired": true, "certificate.days_left": int64(-11)},
			},
		},
		{
			id: "initech-hr/onboarding-api", about: "the certificate is not valid yet",
			open: onboarding.serves(service{path: "/hires", document: `{"hires":[]}`}),
			expect: Expect{
				Fails:   []string{"certificate-already-valid", "rate-limit-agreed"},
				Outcome: "observed", Facts: map[string]any{"certificate.not_yet_valid": true, "certificate.expired": false},
			},
		},
		{
			id: "initech-hr/directory-api", about: "the certificate is signed with its own key",
			open: directory.serves(service{path: "/people", document: `{"people":[]}`}),
			expect: Expect{
				Fails:   []string{"certificate-trusted"},
				Outcome: "observed", Facts: map[string]any{"certificate.self_signed": true, "certificate.trusted": false},
			},
		},
		{
			id: "initech-hr/timesheets-api", about: "the certificate is from a CA nobody agreed on",
			open: timesheets.serves(service{path: "/timesheets", document: `{"timesheets":[]}`}),
			expect: Expect{
				Fails:   []string{"certificate-trusted"},
				Outcome: "observed", Facts: map[string]any{"certificate.self_signed": false, "certificate.trusted": false},
			},
		},
		{
			id: "initech-hr/employee-export", about: "restricted data over plain HTTP, the key in the URL",
			open: bare(func(ctx context.Context) (*Server, error) { return HTTP(ctx, answer(`{"employees":[]}`)) }),
			expect: Expect{
				Fails: []string{
					"api-key-in-header", "credentials-encrypted", "errors-machine-readable", "http-nosniff", "restricted-data-token-or-mtls",
					"transport-encrypted-sensitive", "url-without-secrets",
				},
				Outcome: "observed", Facts: map[string]any{"link.reachable": true},
			},
		},
		{
			id: "initech-hr/reports-api", about: "declared as https, answers in plain HTTP",
			open: bare(func(ctx context.Context) (*Server, error) { return HTTP(ctx, answer(`{"reports":[]}`)) }),
			expect: Expect{
				Fails:   []string{"claim-encryption-kept", "link-owner-named", "tls-answered"},
				Outcome: "observed", Facts: map[string]any{"tls.plaintext": true},
			},
		},
	}, hostile()...)
}

// dripInterval is shorter than any deadline a scan may set for one step.
const dripInterval = 50 * time.Millisecond

// hostile are servers that tell little or nothing. Of what they do not tell
// no rule may claim a weakness; what the inventory itself lacks still counts.
func hostile() []spec {
	audit := named("audit.initech-hr.test")
	audit.client = tls.RequestClientCert

	return []spec{
		{
			id: "initech-hr/search-api", about: "accepts connections and says nothing",
			open:   bare(Stall),
			expect: Expect{Outcome: "inconclusive", Reason: "stalled", Facts: map[string]any{"link.reachable": true}},
		},
		{
			id: "initech-hr/photos-api", about: "resets every connection",
			open:   bare(Reset),
			expect: Expect{Outcome: "inconclusive", Reason: "reset", Facts: map[string]any{"link.reachable": true}},
		},
		{
			id: "initech-hr/archive-api", about: "answers with noise",
			open:   bare(Garbage),
			expect: Expect{Outcome: "inconclusive", Reason: "garbage", Facts: map[string]any{"link.reachable": true}},
		},
		{
			id: "initech-hr/leave-api", about: "sends a TLS record that never ends, a byte at a time",
			open:   bare(func(ctx context.Context) (*Server, error) { return Drip(ctx, dripInterval) }),
			expect: Expect{Outcome: "inconclusive", Reason: "stalled", Facts: map[string]any{"link.reachable": true}},
		},
		{
			id: "initech-hr/audit-stream", about: "good TLS, then an HTTP header without end",
			open: audit.behind(Endless),
			expect: Expect{
				Outcome: "observed", Facts: map[string]any{
					"certificate.trusted": true, "client_auth.requested": true, "client_auth.enforced_by_tls": false,
				},
				Unknown: map[string]string{"client_auth.enforced_by_application": "too_large"},
			},
		},
		{
			id: "initech-hr/calendar-api", about: "a firewall resets clients without TLS 1.3",
			open: named("calendar.initech-hr.test").servesBy(service{path: "/calendar", document: `{"events":[]}`}, Intolerant),
			expect: Expect{
				Outcome: "observed", Retries: true,
				Facts: map[string]any{"tls.version": "TLS 1.3", "tls.accepts.tls13": true},
				Unknown: map[string]string{
					"tls.accepts.tls10": "reset", "tls.accepts.tls11": "reset", "tls.accepts.tls12": "reset",
				},
			},
		},
		{
			id: "initech-hr/old-portal", about: "nobody listens",
			open: bare(Refuse),
			expect: Expect{
				Outcome: "unreachable", Reason: "refused", Facts: map[string]any{"link.reachable": false},
			},
		},
		{
			id: "initech-hr/new-hire", about: "webhook receiver behind good TLS, declared carelessly",
			open: named("hooks.our-company.test").https(receiver()),
			expect: Expect{
				Fails:   []string{"data-classified", "rate-limit-agreed", "tls-floor-agreed", "webhook-key-stated", "webhook-time-signed"},
				Outcome: "observed", Facts: map[string]any{"certificate.trusted": true},
			},
		},
	}
}
