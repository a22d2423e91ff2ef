package ratelimit

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// TestRealNginx: the ways of limit_req, at level active. What nginx holds back
// answers 200 alone, and what it rejects 503 by default.
func TestRealNginx(t *testing.T) {
	t.Parallel()
	root := testserver.Root(t, "Root")
	leaf := root.Leaf(t, nil)
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key, err := x509.MarshalPKCS8PrivateKey(leaf.Key)
	if err != nil {
		t.Fatal(err)
	}
	certFile := write("cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Cert.Raw}))
	keyFile := write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))

	// "return" would answer before limit_req is asked. The zones belong outside
	// of any server, and the template ends each block with a brace: that of a map.
	block := func(limit string) string {
		return fmt.Sprintf("ssl_certificate %s; ssl_certificate_key %s; location / { %s empty_gif; }", certFile, keyFile, limit)
	}
	zones := "}\n" + "limit_req_zone $server_port zone=five:1m rate=5r/s;\n" +
		"limit_req_zone $server_port zone=ten:1m rate=10r/s;\nmap $host $nothing { default 1;"
	addrs := peers.Nginx(t, block("")+zones,
		block("limit_req zone=five burst=20;"),
		block("limit_req zone=five burst=5 nodelay;"),
		block("limit_req zone=five burst=5 nodelay; limit_req_status 429;"),
		block("limit_req zone=five;"),
		block("limit_req zone=ten burst=40 delay=3;"),
	)
	five := per(5, time.Second)
	rejected := func(status int) Facts {
		return Facts{Enforced: new(true), InForce: new(true), Exceeded: new(false), Below: new(false), Status: new(status), RetryAfter: new(false)}
	}
	for _, test := range []struct {
		name   string
		addr   string
		agreed inventory.Rate
		level  checks.Level
		want   Facts
		rate   float64
		most   int // requests
	}{
		{"no limit", addrs[0], five, checks.Active, Facts{Enforced: new(false), InForce: new(false), Exceeded: new(true), Below: new(false)}, 0, 2 + 16},
		{"held back", addrs[1], five, checks.Active, Facts{Shaped: new(true), Enforced: new(true), InForce: new(true), Exceeded: new(false), Below: new(false)}, 5, 2 + 8},
		{"rejected with 503", addrs[2], five, checks.Active, rejected(503), 0, 2 + 8},
		{"rejected with 429", addrs[3], five, checks.Active, rejected(429), 0, 2 + 8},
		{"held back after the first few", addrs[5], per(10, time.Second), checks.Active, Facts{Shaped: new(true), Enforced: new(true), InForce: new(true), Exceeded: new(false), Below: new(false)}, 10, 2 + 12},
		{"observed alone", addrs[4], five, checks.Observe, Facts{}, 0, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := &api{Server: &testserver.Server{Port: netip.MustParseAddrPort(test.addr).Port()}, roots: root}
			o := visit(t, s.link(t, test.agreed), s, test.level)
			f := factsOf(t, o)
			got := Facts{Shaped: f.Shaped, Enforced: f.Enforced, InForce: f.InForce, Exceeded: f.Exceeded, Below: f.Below, Status: f.Status, RetryAfter: f.RetryAfter}
			if test.want.Shaped == nil && got.Shaped != nil && !*got.Shaped {
				got.Shaped = nil // on a busy machine it takes luck to be sure
			}
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("(-got +want):\n%s\n%+v\n%+v", diff, o.Unknown, o.Evidence)
			}
			if rate := f.ShapedRate; (rate != nil) != (test.rate > 0) || rate != nil && (*rate < 0.7*test.rate || *rate > 1.1*test.rate) {
				t.Errorf("shaped rate %v, want %g: %+v", rate, test.rate, o.Evidence)
			}
			if o.Requests > test.most {
				t.Errorf("%d requests", o.Requests)
			}
		})
	}
}
