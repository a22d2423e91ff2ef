package transport

import (
	"crypto/tls"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/fakeserver"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// TestAlertsToVersions holds the table in versions.go.
func TestAlertsToVersions(t *testing.T) {
	t.Parallel()
	both := acceptsOf(hello.TLS12, hello.TLS13)
	open := func(versions ...hello.Version) Accepts {
		a := both
		for _, version := range versions {
			switch version {
			case hello.SSL3:
				a.SSL3 = nil
			case hello.TLS10:
				a.TLS10 = nil
			default:
				a.TLS11 = nil
			}
		}
		return a
	}
	for _, test := range []struct {
		name        string
		change      func(*fakeserver.Config)
		want        Accepts
		connections int
	}{
		{"protocol_version", func(*fakeserver.Config) {}, both, 7},
		{
			"handshake_failure", func(c *fakeserver.Config) { c.RefuseVersion = hello.AlertHandshakeFailure },
			both, 10, // TLS 1.0, and both 1.1 and 1.0 with other suites
		},
		{
			"insufficient_security", func(c *fakeserver.Config) { c.RefuseVersion = hello.AlertInsufficientSecurity },
			both, 10,
		},
		{"decode_error", func(c *fakeserver.Config) { c.RefuseVersion = hello.AlertDecodeError }, open(hello.SSL3, hello.TLS10, hello.TLS11), 8},
		{"internal_error to all", func(c *fakeserver.Config) { c.RefuseVersion = hello.AlertInternalError }, both, 9},
		{"internal_error to TLS 1.1 alone", func(c *fakeserver.Config) {
			c.Alerts = map[hello.Version]uint8{hello.TLS11: hello.AlertInternalError}
		}, both, 10}, // TLS 1.0, TLS 1.1 again and a control
		{"internal_error to SSL 3.0 alone", func(c *fakeserver.Config) {
			c.Alerts = map[hello.Version]uint8{hello.SSL3: hello.AlertInternalError}
		}, both, 9},
		{"a hole: TLS 1.0 without 1.1", func(c *fakeserver.Config) {
			c.Versions = append(c.Versions, hello.TLS10)
			c.Suites = append(c.Suites, 0xc013)
		}, acceptsOf(hello.TLS10, hello.TLS12, hello.TLS13), 9},
		{"SSL 3.0 beside the new", func(c *fakeserver.Config) {
			c.Versions = append(c.Versions, hello.SSL3)
			c.Suites = append(c.Suites, 0x0005)
		}, acceptsOf(hello.SSL3, hello.TLS12, hello.TLS13), 9},
		{"an old version for which no suite is left", func(c *fakeserver.Config) {
			c.Versions = append(c.Versions, hello.TLS11)
		}, both, 9},
		{"SSL 2.0 beside the new", func(c *fakeserver.Config) {
			c.Versions = append(c.Versions, hello.SSL2)
			c.SuitesOf = map[hello.Version][]hello.Suite{hello.SSL2: {0x010080}}
		}, acceptsOf(hello.SSL2, hello.TLS12, hello.TLS13), 7},
		{"warnings in front", func(c *fakeserver.Config) { c.Warning = hello.AlertUnrecognizedName }, both, 7},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			config := hardened(t)
			config.Versions = slices.Clone(config.Versions)
			config.Suites = slices.Clone(config.Suites)
			test.change(&config)
			s := fakeserver.Start(t, config)
			f, o := observed(t, s.Server, "mqtts")
			if diff := cmp.Diff(f.Accepts, test.want); diff != "" {
				t.Errorf("accepts (-got +want):\n%s\n%v", diff, unexpected(o))
			}
			if got := s.Connections(t); got != test.connections {
				t.Errorf("%d connections, want %d", got, test.connections)
			}
		})
	}
}

// TestRefusesModernClients: what a modern client is refused may be open to
// others.
func TestRefusesModernClients(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		config fakeserver.Config
		want   Accepts
	}{
		{"DHE alone", fakeserver.Config{Versions: []hello.Version{hello.TLS12}, Suites: []hello.Suite{0x009e}}, acceptsOf(hello.TLS12)},
		{"SSL 3.0 alone", fakeserver.Config{Versions: []hello.Version{hello.SSL3}, Suites: []hello.Suite{0x0005}}, acceptsOf(hello.SSL3)},
		{"a PSK alone", fakeserver.Config{Versions: []hello.Version{hello.TLS12}, Suites: []hello.Suite{0x00a8}}, acceptsOf(hello.TLS12)},
		{
			"a curve of its own", fakeserver.Config{
				Versions: []hello.Version{hello.TLS12, hello.TLS13}, Suites: aeadSuites, Groups: []hello.Group{0x001a}, // brainpoolP256r1
			}, acceptsOf(hello.TLS12, hello.TLS13),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f, o := observed(t, fakeserver.Start(t, test.config).Server, "mqtts")
			if f == nil {
				t.Fatalf("observation %+v", o)
			}
			if diff := cmp.Diff(f.Accepts, test.want); diff != "" {
				t.Errorf("accepts (-got +want):\n%s", diff)
			}
			if reason := testserver.Reasons(o)["tls.suite"]; f.Suite != nil || reason != checks.ReasonAmbiguous {
				t.Errorf("suite %v, %s", flat(f)["suite"], reason)
			}
		})
	}
}

// TestLongHellos: servers that choke on a long hello are asked by short ones.
func TestLongHellos(t *testing.T) {
	t.Parallel()
	tooMany := func(h *hello.ClientHello, _ int) bool { return len(h.Suites) > manySuites }
	for _, test := range []struct {
		name   string
		change func(*fakeserver.Config)
		want   Accepts
	}{
		{"no answer to many suites", func(c *fakeserver.Config) { c.Drop = tooMany }, acceptsOf(hello.TLS10, hello.TLS12)},
		{"no answer to a long message", func(c *fakeserver.Config) {
			c.Drop = func(_ *hello.ClientHello, size int) bool { return size > 400 }
		}, acceptsOf(hello.TLS10, hello.TLS12)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			config := fakeserver.Config{
				Versions: []hello.Version{hello.TLS10, hello.TLS12}, Suites: []hello.Suite{0xc02f, 0xc013, 0x000a}, Groups: fewGroups,
				Extensions: fewExtensions, Modern: modern(t, tls.VersionTLS10, tls.VersionTLS12),
			}
			test.change(&config)
			f, o := observed(t, fakeserver.Start(t, config).Server, "mqtts")
			if f == nil {
				t.Fatalf("observation %+v", o)
			}
			if diff := cmp.Diff(f.Accepts, test.want); diff != "" {
				t.Errorf("accepts (-got +want):\n%s\n%v", diff, unexpected(o))
			}
			if f.HelloIntolerance == nil || !*f.HelloIntolerance {
				t.Errorf("hello_intolerance is %v", flat(f)["hello_intolerance"])
			}
			for name, want := range map[string]any{
				"weak.triple_des": true, "weak.rc4": false, "weak.null": false, "cbc": true, "secure_renegotiation": true,
			} {
				if got := flat(f)[name]; got != want {
					t.Errorf("%s is %v, want %v; %v", name, got, want, testserver.Reasons(o)["tls."+name])
				}
			}
		})
	}
}
