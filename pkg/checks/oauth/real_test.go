package oauth

import (
	"crypto/tls"
	"net/netip"
	"testing"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// TestRealOpenIDProvider reads the metadata and keys of node-oidc-provider, as
// it comes and with client authentication by key alone.
func TestRealOpenIDProvider(t *testing.T) {
	t.Parallel()
	upstreams := peers.Node(t, "oidc.mjs", "{}", `{"strong": true}`)
	for i, want := range []map[string]any{
		{
			"token_endpoint_auth":   []string{"client_secret_basic", "client_secret_post", "none"},
			"strongest_client_auth": "secret", "weakest_client_auth": "none", "certificate_bound_tokens": false, "dpop": false,
		},
		{
			"token_endpoint_auth":   []string{"private_key_jwt", "tls_client_auth"},
			"strongest_client_auth": "private_key", "weakest_client_auth": "private_key", "certificate_bound_tokens": true, "dpop": true,
		},
	} {
		config := &tls.Config{Certificates: []tls.Certificate{testserver.SelfSigned(t, nil).TLS()}}
		front := peers.NewFront(t, config, upstreams[i])
		s := &testserver.Server{Port: netip.MustParseAddrPort(front.Addr).Port()}
		l := s.Link(t, "https", "/me")
		l.Auth.Type = inventory.AuthOAuth2
		o := testserver.Observe(t, l, nil, Probe())[0]
		for fact, value := range map[string]any{
			"advertised": true, "issuer_matches": true, "endpoints_tls": true, "client_credentials": true, "password_grant": false,
			"implicit":  false, // the grant is listed, but for ID tokens alone
			"pkce_s256": true, "none_algorithm": false, "resource_matches": "?not_asked", "foreign_servers": []string{},
			"jwks.private_material": false, "jwks.symmetric_keys": 0, "jwks.weakest_rsa_bits": 2048,
		} {
			want[fact] = value
		}
		check(t, o, want)
		cost := Probe().Plan(checks.Scope{Link: l, Level: checks.Observe, Addresses: 1})
		if sent := len(front.Requests()); sent != len(cost.Asks)+1 { // the keys
			t.Errorf("%d requests arrived: %q; planned: %q", sent, front.Requests(), cost.Asks)
		}
	}
}
