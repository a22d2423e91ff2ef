package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
)

// globexIoT is the vendor with brokers, whose certificates nobody looks after.
func globexIoT() []spec {
	device := named("devices.globex-iot.test")
	// Half a day away from where the count of days changes, so that two scans
	// of one lab tell the same.
	device.start, device.end = -85*day, 5*day+day/2

	firmware := named("old-name.globex-iot.test")

	fleet := named("fleet.globex-iot.test")
	fleet.end = 5*365*day + day/2

	gateway := named("gateway.globex-iot.test")
	gateway.rsaBits = 1024

	metering := named("metering.globex-iot.test")
	metering.leaf.Signature = x509.ECDSAWithSHA1

	commands := named("commands.globex-iot.test")
	commands.client = tls.RequireAndVerifyClientCert

	return []spec{
		{
			id: "globex-iot/device-api", about: "the certificate expires in 5 days",
			open: device.serves(service{path: "/devices", document: `{"devices":[]}`}),
			expect: Expect{
				Fails:   []string{"certificate-renewal-not-overdue"},
				Outcome: "observed", Facts: map[string]any{"certificate.expired": false, "certificate.days_left": int64(5)},
			},
		},
		{
			id: "globex-iot/firmware-images", about: "the certificate is for another host",
			open: firmware.serves(service{path: "/firmware", document: `{"images":[]}`}),
			expect: Expect{
				Fails:   []string{"certificate-name-matches", "scopes-without-wildcard"},
				Outcome: "observed", Facts: map[string]any{"certificate.hostname_matches": false, "certificate.trusted": true},
			},
		},
		{
			id: "globex-iot/fleet-api", about: "the certificate lives five years",
			open: fleet.serves(service{path: "/fleet", document: `{"vehicles":[]}`}),
			expect: Expect{
				Fails:   []string{"certificate-lifetime-private", "permissions-without-wildcard"},
				Outcome: "observed", Facts: map[string]any{"certificate.public_ca": false, "certificate.lifetime_days": int64(5*365 + 1)},
			},
		},
		{
			id: "globex-iot/gateway-api", about: "RSA key of 1024 bits",
			open: gateway.serves(service{path: "/gateways", document: `{"gateways":[]}`}),
			expect: Expect{
				Fails:   []string{"certificate-key-strength"},
				Outcome: "observed", Facts: map[string]any{"certificate.key_type": "RSA", "certificate.key_bits": int64(1024)},
			},
		},
		{
			id: "globex-iot/metering-api", about: "certificate signed with SHA-1",
			open: metering.serves(service{path: "/meters", document: `{"meters":[]}`}),
			expect: Expect{
				Fails:   []string{"certificate-signature-strong", "certificate-trusted"}, // nobody verifies SHA-1 any more
				Outcome: "observed", Facts: map[string]any{"certificate.weak_signature": true},
			},
		},
		{
			id: "globex-iot/telemetry", about: "MQTT over TLS, with a login",
			open: named("mqtt.globex-iot.test").behind(func(ctx context.Context, config *tls.Config) (*Server, error) {
				return MQTT(ctx, config, "fleet", "unused")
			}),
			expect: Expect{Outcome: "observed", Facts: map[string]any{
				"broker.protocol": "MQTT 5", "broker.anonymous": "refused", "tls.version": "TLS 1.3", "certificate.trusted": true, "client_auth.requested": false,
			}},
		},
		{
			id: "globex-iot/telemetry-legacy", about: "MQTT in plain text, open to anybody",
			open: bare(func(ctx context.Context) (*Server, error) { return MQTT(ctx, nil, "", "") }),
			expect: Expect{
				Fails: []string{
					"broker-login-encrypted", "broker-message-size-limited", "broker-refuses-anonymous", "internal-data-authenticated",
					"transport-encrypted-sensitive",
				},
				Outcome: "observed", Facts: map[string]any{
					"link.reachable": true, "link.network": "loopback", "broker.anonymous": "accepted", "broker.plaintext": true,
				},
				Unknown: map[string]string{"broker.rights.publish": "not_tested"},
			},
		},
		{
			id: "globex-iot/commands", about: "NATS that enforces a client certificate",
			open: commands.behind(func(ctx context.Context, config *tls.Config) (*Server, error) {
				return NATS(ctx, config, "", "")
			}),
			expect: Expect{Outcome: "observed", Facts: map[string]any{
				"broker.without_certificate": "refused", "broker.declared": "accepted",
				"client_auth.requested": true, "client_auth.enforced_by_tls": true,
			}},
		},
		{
			id: "globex-iot/device-alerts", about: "webhook receiver in plain text, calls not signed",
			open: bare(func(ctx context.Context) (*Server, error) { return HTTP(ctx, receiver()) }),
			expect: Expect{
				Fails: []string{
					"credentials-encrypted", "rate-limit-agreed", "secrets-by-reference",
					"transport-encrypted-sensitive", "webhook-signed",
				},
				Outcome: "observed", Facts: map[string]any{"link.reachable": true},
			},
		},
	}
}
