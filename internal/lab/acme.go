package lab

import (
	"context"
	"crypto/tls"
)

// acmePay is the vendor that does nearly everything well: what a good link
// looks like, and the subtle ways of not being one.
func acmePay() []spec {
	charges := named("charges.acme-pay.test")
	charges.client = tls.RequireAndVerifyClientCert

	payouts := named("payouts.acme-pay.test")
	payouts.minimum = tls.VersionTLS13

	settlement := named("files.acme-pay.test")
	settlement.maximum = tls.VersionTLS12

	refunds := named("refunds.acme-pay.test")
	refunds.client = tls.VerifyClientCertIfGiven

	ledger := named("ledger.acme-pay.test")
	ledger.client = tls.RequestClientCert

	disputes := named("disputes.acme-pay.test")
	disputes.leafOnly = true

	return []spec{
		{
			id: "acme-pay/charges-api", about: "TLS 1.2 and 1.3, HTTP/2, client certificate enforced",
			open: charges.serves(service{path: "/v1/charges", document: `{"charges":[]}`}),
			expect: Expect{Outcome: "observed", Facts: map[string]any{
				"tls.version": "TLS 1.3", "tls.accepts.tls10": false, "tls.accepts.tls12": true,
				"certificate.trusted": true, "certificate.hostname_matches": true,
				"client_auth.requested": true, "client_auth.enforced_by_tls": true,
				"client_auth.acceptable_ca_count": int64(1),
			}},
		},
		{
			id: "acme-pay/payouts-api", about: "TLS 1.3 alone, bearer token",
			open: payouts.serves(service{path: "/v1/payouts", document: `{"payouts":[]}`}),
			expect: Expect{Outcome: "observed", Facts: map[string]any{
				"access.without_token": "refused", "access.with_garbage_token": "refused", "access.credential": "accepted",
				"rate_limit.advertised": true, "rate_limit.remaining_falls": true, "errors.stack_trace": false,
				"tls.accepts.tls12": false, "tls.accepts.tls13": true, "tls.post_quantum": true,
				"tls.alpn": "h2", "client_auth.requested": false,
			}},
		},
		{
			id: "acme-pay/settlement-files", about: "TLS 1.2 and no newer",
			open: settlement.serves(service{path: "/files", document: `{"files":[]}`}),
			expect: Expect{
				Fails:   []string{"tls13-supported"},
				Outcome: "observed", Facts: map[string]any{
					"tls.version": "TLS 1.2", "tls.accepts.tls13": false, "tls.aead": true, "tls.forward_secrecy": true,
				},
			},
		},
		{
			id: "acme-pay/refunds-api", about: "client certificate agreed, asked for, and not needed",
			open: refunds.serves(service{path: "/v1/refunds", document: `{"refunds":[]}`, everybody: true}),
			expect: Expect{
				Fails:   []string{"access-credential-demanded", "mtls-enforced-as-agreed"},
				Outcome: "observed", Facts: map[string]any{
					"access.without_token": "accepted", "access.basis": "same_as_authenticated", "client_auth.requested": true, "client_auth.enforced_by_tls": false, "client_auth.enforced_by_application": false,
				},
			},
		},
		{
			id: "acme-pay/ledger-api", about: "client certificate enforced by the application, as nginx does",
			open: ledger.https(certificateWanted(service{path: "/ledger", document: `{"entries":[]}`, everybody: true}.handler(""))),
			expect: Expect{Fails: []string{"errors-machine-readable"}, Outcome: "observed", Facts: map[string]any{
				"client_auth.requested": true, "client_auth.enforced_by_tls": false, "client_auth.enforced_by_application": true,
			}},
		},
		{
			id: "acme-pay/disputes-api", about: "the intermediate certificate is missing",
			open: disputes.serves(service{path: "/v1/disputes", document: `{"disputes":[]}`}),
			expect: Expect{
				Fails:   []string{"certificate-chain-complete", "certificate-trusted"},
				Outcome: "observed", Facts: map[string]any{
					"certificate.chain_complete": false, "certificate.chain_length": int64(1), "certificate.hostname_matches": true,
				},
			},
		},
		{
			id: "acme-pay/payment-events", about: "NATS that upgrades to TLS in band, with a login",
			open: named("events.acme-pay.test").behind(func(ctx context.Context, config *tls.Config) (*Server, error) {
				return NATS(ctx, config, "billing", "unused")
			}),
			expect: Expect{Fails: []string{"broker-version-kept-from-strangers"}, Outcome: "observed", Facts: map[string]any{
				"broker.protocol": "NATS", "broker.anonymous": "refused", "broker.tls_downgrade": false,
				"tls.version": "TLS 1.3", "certificate.trusted": true, "client_auth.requested": false,
			}},
		},
		{
			id: "acme-pay/charge-events", about: "webhook receiver with TLS and signed calls",
			open: named("hooks.our-company.test").https(receiver()),
			expect: Expect{Outcome: "observed", Facts: map[string]any{
				"tls.version": "TLS 1.3", "certificate.trusted": true,
			}},
		},
	}
}
