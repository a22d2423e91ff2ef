package clientauth

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/pem"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// setting is what a scan of a test may be told beside its link.
type setting struct {
	level   checks.Level // observe when empty
	trusted *testserver.Issued
	roots   rootNames
	silence time.Duration // ample when zero
	step    time.Duration // ample when zero, for a machine that does much else
}

// observe runs the probe on a link, at testserver.Now and without pacing. A
// defect fails the test.
func observe(t *testing.T, l *inventory.Link, s setting) checks.Observation {
	t.Helper()
	pool := x509.NewCertPool()
	if s.trusted != nil {
		pool.AddCert(s.trusted.Cert)
	}
	if s.roots == nil {
		s.roots = noRoots
	}
	runner := &checks.Runner{
		Probes: []checks.Probe{newProbe(cmp.Or(s.silence, 10*time.Second), s.roots)},
		Level:  cmp.Or(s.level, checks.Observe), Roots: pool, UserAgent: "m2mscan/test",
		Now: func() time.Time { return testserver.Now },
		Limits: checks.Limits{
			StepTimeout: cmp.Or(s.step, 20*time.Second), LinkTimeout: time.Minute,
			Rate: 1e6, HostRate: 1e6, RequestRate: 1e6,
		},
		Resolver: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
		},
	}
	results, err := runner.Run(t.Context(), []*inventory.Link{l})
	if err != nil {
		t.Fatal(err)
	}
	o := results[0].Observations[0]
	for _, u := range o.Unknown {
		if u.Reason == checks.ReasonBug {
			t.Errorf("unknown by a defect: %+v", u)
		}
	}
	return o
}

// linkTo is a link to a server that listens on addr.
func linkTo(t *testing.T, addr, scheme string) *inventory.Link {
	t.Helper()
	return (&testserver.Server{Port: netip.MustParseAddrPort(addr).Port()}).Link(t, scheme, "/")
}

// values are the known facts of an observation, without the namespace.
func values(o checks.Observation) map[string]any {
	all, bare := make(map[string]any), make(map[string]any)
	if o.Facts != nil {
		checks.Flatten(o.Probe, o.Facts, all)
	}
	for name, value := range all {
		bare[name[len("client_auth."):]] = value
	}
	return bare
}

// reasons are why the other facts are not known, without the namespace.
func reasons(o checks.Observation) map[string]checks.Reason {
	bare := make(map[string]checks.Reason)
	for fact, reason := range testserver.Reasons(o) {
		bare[fact[len("client_auth."):]] = reason
	}
	return bare
}

// with names a client certificate for a link, as an inventory does: in files.
// The chain is the certificate and what is above it, roots left out.
func with(t *testing.T, l *inventory.Link, c *testserver.Issued, chain ...[]byte) *inventory.Link {
	t.Helper()
	dir := t.TempDir()
	if len(chain) == 0 {
		chain = c.Chain()
	}
	var text []byte
	for _, der := range chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.Key)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"c.pem": text, "c.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l.TLS.ClientCert = inventory.NewSecret("file:c.pem", dir)
	l.TLS.ClientKey = inventory.NewSecret("file:c.key", dir)
	return l
}
