package webhook

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// verdicts of the calls in a few letters, each of those that is accepted.
func accepted(f *Facts) string {
	var names []string
	known := told(f)
	for _, name := range []string{"unsigned", "forged", "late", "early", "tampered", "valid", "again"} {
		switch yes, is := known[name]; {
		case !is:
			names = append(names, name+"?")
		case yes:
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// Receivers on the schemes' own libraries for Node.js are told apart by what
// they check, and so is one whose secret is another.
func TestRealNode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		scheme inventory.SignatureScheme
		check  string
		secret string
		want   string
	}{
		{inventory.SignatureStandardWebhooks, "all", secret, "valid again"},
		{inventory.SignatureStandardWebhooks, "once", secret, "valid"},
		{inventory.SignatureStandardWebhooks, "signature", secret, "late early valid again"},
		{inventory.SignatureStandardWebhooks, "nothing", secret, "unsigned forged late early tampered valid again"},
		{inventory.SignatureStandardWebhooks, "all", "whsec_bm90IHRoZSByaWdodCBzZWNyZXQ=", "unsigned? forged? late? early? tampered? again?"},
		// Stripe's library refuses what is too old, and takes what is of tomorrow.
		{inventory.SignatureStripe, "all", secret, "early valid again"},
		{inventory.SignatureStripe, "once", secret, "early valid"},
		{inventory.SignatureStripe, "signature", secret, "late early valid again"},
		{inventory.SignatureStripe, "nothing", secret, "unsigned forged late early tampered valid again"},
		{inventory.SignatureStripe, "all", "whsec_another", "unsigned? forged? late? early? tampered? again?"},
		{inventory.SignatureGitHub, "all", secret, "late? early? valid again"},
		{inventory.SignatureGitHub, "once", secret, "late? early? valid"},
		{inventory.SignatureGitHub, "nothing", secret, "unsigned forged late? early? tampered valid again"},
		{inventory.SignatureGitHub, "all", "another", "unsigned? forged? late? early? tampered? again?"},
	}
	servers := make([]string, len(tests))
	for i, test := range tests {
		servers[i] = fmt.Sprintf(`{"scheme": %q, "secret": %q, "check": %q}`, test.scheme, test.secret, test.check)
	}
	addresses := peers.Node(t, "receivers.mjs", servers...)
	root := testserver.Root(t, "Root")
	config := &tls.Config{Certificates: []tls.Certificate{root.Leaf(t, nil).TLS()}}
	for i, test := range tests {
		front := peers.NewFront(t, config, addresses[i])
		_, port, err := net.SplitHostPort(front.Addr)
		if err != nil {
			t.Fatal(err)
		}
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		f, o := visit(t, world{level: checks.Consented, secure: uint16(number), root: root}, hook(inventory.Signature{Scheme: test.scheme}))
		if got := accepted(f); got != test.want {
			t.Errorf("%s, %s: %q, want %q\n%+v", test.scheme, servers[i], got, test.want, o.Evidence)
		}
		want := []string{"GET /hook", "POST /hook", "POST /hook", "POST /hook", "POST /hook", "POST /hook"}
		if test.scheme != inventory.SignatureGitHub {
			want = append(want, "POST /hook", "POST /hook")
		}
		if diff := cmp.Diff(front.Requests(), want); diff != "" {
			t.Errorf("%s: requests (-got +want):\n%s", servers[i], diff)
		}
	}
}

// Receivers on the Go library of Standard Webhooks.
func TestRealGo(t *testing.T) {
	t.Parallel()
	library, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		verify func([]byte, http.Header) error
		want   string
	}{
		{"verifying", library.Verify, "valid again"},
		{"without a timestamp check", library.VerifyIgnoringTimestamp, "late early valid again"},
		{"not verifying", func([]byte, http.Header) error { return nil }, "unsigned forged late early tampered valid again"},
	} {
		r := receive(t, func(c call, _ int) int {
			if test.verify(c.body, c.header) != nil {
				return http.StatusBadRequest
			}
			return http.StatusOK
		})
		f, o := visit(t, world{level: checks.Consented, secure: r.Port, root: r.root}, hook(inventory.Signature{Scheme: inventory.SignatureStandardWebhooks}))
		if got := accepted(f); got != test.want {
			t.Errorf("%s: %q, want %q\n%+v", test.name, got, test.want, o.Evidence)
		}
	}
}
