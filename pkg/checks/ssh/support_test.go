package ssh

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// link is a link to an SSH server at a port of loopback.
func link(port any) *inventory.Link {
	return &inventory.Link{
		Vendor: &inventory.Vendor{ID: "acme"}, ID: "files", Kind: inventory.KindEndpoint,
		URL: &url.URL{Scheme: "sftp", Host: fmt.Sprintf("%s:%v", testserver.Host, port)},
	}
}

// linkTo is a link to an SSH server at an address of loopback.
func linkTo(t testing.TB, addr string) *inventory.Link {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return link(port)
}

// visit runs the probe on a link and returns its facts by name, with the reason
// in brackets of those that are unknown: "(not_asked)". A fact that was left
// out without a reason fails the test.
func visit(t testing.TB, l *inventory.Link, step time.Duration) (map[string]any, checks.Observation) {
	t.Helper()
	runner := &checks.Runner{
		Probes: []checks.Probe{Probe()}, Level: checks.Observe, UserAgent: "m2mscan/0.1-test (+security@acme.example)",
		Now:    func() time.Time { return testserver.Now },
		Limits: checks.Limits{StepTimeout: step, LinkTimeout: 20 * time.Second, Rate: 1e6, HostRate: 1e6, RequestRate: 1e6},
		Resolver: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
		},
	}
	results, err := runner.Run(t.Context(), []*inventory.Link{l})
	if err != nil {
		t.Fatal(err)
	}
	o := results[0].Observations[0]
	known := make(map[string]any)
	if f, ok := checks.FactsOf[Facts](results[0].Observations); ok {
		checks.Flatten("ssh", f, known)
	}
	facts := make(map[string]any)
	for name, value := range known {
		facts[strings.TrimPrefix(name, "ssh.")] = value
	}
	for _, u := range o.Unknown {
		if u.Reason == checks.ReasonBug {
			t.Errorf("unknown by a defect: %+v", u)
		}
		facts[strings.TrimPrefix(u.Fact, "ssh.")] = "(" + string(u.Reason) + ")"
	}
	return facts, o
}

// check compares the facts named in want.
func check(t testing.TB, facts map[string]any, want map[string]any) {
	t.Helper()
	for name, w := range want {
		if got := facts[name]; fmt.Sprint(got) != fmt.Sprint(w) {
			t.Errorf("%s: %v, want %v", name, got, w)
		}
	}
}

// serve starts an SSH server in this process.
func serve(t testing.TB, config *ssh.ServerConfig) *testserver.Server {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	config.AddHostKey(signer)
	return testserver.Raw(t, func(c net.Conn, _ int) {
		s, channels, requests, err := ssh.NewServerConn(c, config)
		if err != nil {
			return
		}
		go ssh.DiscardRequests(requests)
		for opened := range channels {
			t.Errorf("a channel %q is opened", opened.ChannelType())
		}
		_ = s.Wait()
	})
}

// banner is a file with a text for everybody.
func banner(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "banner")
	if err := os.WriteFile(path, []byte("Property of Acme.\nGo away.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
