package clientauth

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/dername"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// byVersion gives older versions a configuration of their own.
func byVersion(newest, older *tls.Config) *tls.Config {
	config := newest.Clone()
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if slices.Contains(hello.SupportedVersions, tls.VersionTLS13) {
			return newest, nil
		}
		return older, nil
	}
	return config
}

// TestVersionsDiffer: a client chooses its version, so that the weaker counts.
func TestVersionsDiffer(t *testing.T) {
	t.Parallel()
	const none, optional, required = tls.NoClientCert, tls.RequestClientCert, tls.RequireAnyClientCert
	for _, test := range []struct {
		scheme        string
		newest, older tls.ClientAuthType
		want          verdicts
		requests      int
	}{
		{"https", none, none, noneWanted, 1},
		{"https", optional, optional, optionalWanted, 2},
		{"https", required, required, requiredWanted, 1},
		{"https", required, none, verdicts{"yes", "no", "no", "yes"}, 2},
		{"https", none, required, verdicts{"yes", "no", "no", "yes"}, 1},
		{"https", required, optional, verdicts{"yes", "no", "no", "yes"}, 2},
		{"https", none, optional, optionalWanted, 2},
		{"mqtts", none, none, noneWanted, 0},
		{"mqtts", optional, optional, optionalBroker, 0},
		{"mqtts", required, none, verdicts{"yes", "no", "no", "yes"}, 0},
		{"mqtts", none, required, verdicts{"yes", "no", "no", "yes"}, 0},
		{"mqtts", required, optional, verdicts{"yes", "no", "not_tested", "not_tested"}, 0},
		{"mqtts", none, optional, verdicts{"yes", "no", "no", "not_tested"}, 0},
	} {
		t.Run(test.scheme+" "+test.newest.String()+" "+test.older.String(), func(t *testing.T) {
			t.Parallel()
			config := byVersion(serverConfig(t, test.newest, tls.VersionTLS13), serverConfig(t, test.older, tls.VersionTLS12))
			s := testserver.HTTP(t, config, func(http.ResponseWriter, *http.Request) {})
			o := observe(t, s.Link(t, test.scheme, "/"), setting{})
			if got := verdictsOf(o); got != test.want {
				t.Errorf("got  %v\nwant %v", got, test.want)
			}
			connections := max(2, 1+test.requests)
			if got := s.Connections(t); got != connections || o.Requests != test.requests {
				t.Errorf("%d requests on %d connections, want %d on %d", o.Requests, got, test.requests, connections)
			}
		})
	}
}

// stepFor is short where a server stalls, and else ample.
func stepFor(name string) time.Duration {
	if strings.HasPrefix(name, "stall") {
		return 2 * time.Second
	}
	return 0
}

// TestOlderVersionHostile: what cannot be learned of TLS 1.2 leaves open what
// it could have changed, and nothing else.
func TestOlderVersionHostile(t *testing.T) {
	t.Parallel()
	garbage := func(c net.Conn) { _, _ = io.WriteString(c, "\x00\x00 what do you mean?") }
	for _, test := range []struct {
		name   string
		mode   tls.ClientAuthType // of TLS 1.3
		older  func(net.Conn)
		reason checks.Reason
	}{
		{"reset", tls.RequireAnyClientCert, func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }, checks.ReasonReset},
		{"close", tls.RequireAnyClientCert, func(net.Conn) {}, checks.ReasonReset},
		{"garbage", tls.RequireAnyClientCert, garbage, checks.ReasonGarbage},
		{"stall", tls.RequireAnyClientCert, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, checks.ReasonStalled},
		{"alert for another reason", tls.RequireAnyClientCert, func(c net.Conn) { _, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, 40}) }, checks.ReasonAmbiguous},
		{"reset, none", tls.NoClientCert, func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }, checks.ReasonReset},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			config := serverConfig(t, test.mode, tls.VersionTLS13)
			hostile := config.Clone()
			hostile.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				if slices.Contains(hello.SupportedVersions, tls.VersionTLS13) {
					return config, nil
				}
				test.older(hello.Conn)
				_ = hello.Conn.Close()
				return nil, errors.New("hostile")
			}
			s := testserver.HTTP(t, hostile, func(http.ResponseWriter, *http.Request) {})
			o := observe(t, s.Link(t, "https", "/"), setting{step: stepFor(test.name)})
			reason := string(test.reason)
			want := verdicts{"yes", reason, reason, reason}
			if test.mode == tls.NoClientCert {
				want = verdicts{reason, "no", "no", reason}
			}
			if got := verdictsOf(o); got != want {
				t.Errorf("got  %v\nwant %v\n%+v", got, want, o)
			}
		})
	}
}

// TestOnlyOneVersion: alert 70 is the server's word that there is no other.
func TestOnlyOneVersion(t *testing.T) {
	t.Parallel()
	for _, err := range []error{tls.AlertError(70), &checks.VersionError{Version: tls.VersionTLS13}} {
		if !isRefusedVersion(err) {
			t.Errorf("%v is not taken for a refusal of the versions", err)
		}
	}
	for _, err := range []error{tls.AlertError(40), tls.AlertError(80), io.EOF} {
		if isRefusedVersion(err) {
			t.Errorf("%v is taken for a refusal of the versions", err)
		}
	}
}

// TestAfterTheHandshake: a server that asked in TLS 1.3 and then does not
// behave is given one more try.
func TestAfterTheHandshake(t *testing.T) {
	t.Parallel()
	const requested, required = tls.RequestClientCert, tls.RequireAnyClientCert
	closing := func(c *tls.Conn) { _ = c.NetConn().Close() }
	resetting := func(c *tls.Conn) { _ = c.NetConn().(*net.TCPConn).SetLinger(0) }
	endless := func(c *tls.Conn) { // once it was spoken to
		_, _ = c.Read(make([]byte, 1024))
		for b := make([]byte, 32<<10); ; {
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	}
	greetsEndlessly := func(c *tls.Conn) {
		for b := make([]byte, 32<<10); ; {
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	}
	for _, test := range []struct {
		name       string
		scheme     string
		tickets    bool
		handles    []func(*tls.Conn) // of the first connection and of those after
		modes      []tls.ClientAuthType
		byTLS, app string
	}{
		{"closes", "mqtts", false, []func(*tls.Conn){closing}, nil, "reset", "reset"},
		{"closes after a ticket", "mqtts", true, []func(*tls.Conn){closing}, nil, "reset", "reset"},
		{"resets", "mqtts", false, []func(*tls.Conn){resetting}, nil, "reset", "reset"},
		{"closes once, then stays", "mqtts", true, []func(*tls.Conn){closing, testserver.Quiet}, nil, "no", "not_tested"},
		{"closes once, then refuses", "mqtts", false, []func(*tls.Conn){closing, closing}, []tls.ClientAuthType{requested, required}, "yes", "not_tested"},
		{"greets endlessly", "mqtts", false, []func(*tls.Conn){greetsEndlessly}, nil, "no", "not_tested"},
		{"closes", "https", false, []func(*tls.Conn){closing}, nil, "reset", "reset"},
		{"resets after a ticket", "https", true, []func(*tls.Conn){resetting}, nil, "reset", "reset"},
		{"stalls after a ticket", "https", true, []func(*tls.Conn){testserver.Quiet}, nil, "no", "stalled"},
		{"stalls", "https", false, []func(*tls.Conn){testserver.Quiet}, nil, "stalled", "stalled"},
		{"closes once, then refuses", "https", false, []func(*tls.Conn){closing, closing}, []tls.ClientAuthType{requested, required}, "yes", "not_tested"},
		{"answers endlessly", "https", false, []func(*tls.Conn){endless}, nil, "too_large", "too_large"},
		{"answers endlessly after a ticket", "https", true, []func(*tls.Conn){endless}, nil, "no", "too_large"},
	} {
		t.Run(test.scheme+" "+test.name, func(t *testing.T) {
			t.Parallel()
			connections := make(map[bool]int) // those of TLS 1.3
			s := testserver.Raw(t, func(c net.Conn, _ int) {
				config := serverConfig(t, requested, tls.VersionTLS13)
				config.SessionTicketsDisabled = !test.tickets
				nth := 0
				config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
					if slices.Contains(hello.SupportedVersions, tls.VersionTLS13) {
						nth = connections[true] // one after the other
						connections[true]++
						if nth < len(test.modes) {
							config.ClientAuth = test.modes[nth]
						} else if len(test.modes) > 0 {
							config.ClientAuth = test.modes[len(test.modes)-1]
						}
					}
					return config, nil
				}
				testserver.ServeTLS(c, config, func(c *tls.Conn) { test.handles[min(nth, len(test.handles)-1)](c) })
			})
			o := observe(t, s.Link(t, test.scheme, "/"), setting{step: stepFor(test.name), silence: 300 * time.Millisecond})
			want := verdicts{"yes", test.byTLS, test.app, "no"}
			if got := verdictsOf(o); got != want {
				t.Errorf("got  %v\nwant %v\n%+v", got, want, o)
			}
			if got := s.Connections(t); got > 4 {
				t.Errorf("%d connections, want 4 at most", got)
			}
		})
	}
}

// TestAuthorities counts and names what any version lists, and knows the roots
// of the machine among them.
func TestAuthorities(t *testing.T) {
	t.Parallel()
	public, private := testserver.Root(t, "Public"), testserver.Root(t, "Private\x1b[31m")
	newest, older := serverConfig(t, tls.RequestClientCert, tls.VersionTLS13), serverConfig(t, tls.RequestClientCert, tls.VersionTLS12)
	newest.ClientCAs = nil // as mosquitto does
	older.ClientCAs = testserver.Pool(public, private)
	s := testserver.TLS(t, byVersion(newest, older), nil)
	o := observe(t, s.Link(t, "mqtts", ""), setting{roots: func() (map[string]bool, error) {
		return map[string]bool{string(public.Cert.RawSubject): true}, nil
	}})
	got := values(o)
	want := map[string]any{
		"acceptable_ca_count": int64(2), "public_ca_count": int64(1),
		"acceptable_cas": []string{"CN=Public", `CN=Private\1B[31m`},
	}
	for name, value := range want {
		if diff := cmp.Diff(got[name], value); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
	o = observe(t, s.Link(t, "mqtts", ""), setting{roots: func() (map[string]bool, error) {
		return nil, checks.Because(checks.ReasonNotTested, "cannot be listed")
	}})
	if reasons(o)["public_ca_count"] != checks.ReasonNotTested || values(o)["acceptable_ca_count"] != int64(2) {
		t.Errorf("without the machine's roots: %v, %v", values(o), reasons(o))
	}
}

// TestManyAuthorities names twenty of them and counts all.
func TestManyAuthorities(t *testing.T) {
	t.Parallel()
	config := serverConfig(t, tls.RequestClientCert, tls.VersionTLS13)
	for range 30 {
		config.ClientCAs.AddCert(testserver.Root(t, rand.Text()).Cert)
	}
	o := observe(t, testserver.TLS(t, config, nil).Link(t, "mqtts", ""), setting{})
	got := values(o)
	if named := got["acceptable_cas"].([]string); got["acceptable_ca_count"] != int64(32) || len(named) != listedMax {
		t.Errorf("%v counted, %d named", got["acceptable_ca_count"], len(named))
	}
}

func FuzzNameText(f *testing.F) {
	f.Add(testserver.Root(f, "Clients").Cert.RawSubject)
	f.Add([]byte("\x30\x00"))
	f.Fuzz(func(t *testing.T, der []byte) {
		text := nameText(der)
		for _, r := range text {
			if !unicode.IsPrint(r) {
				t.Errorf("%q is not printable", text)
			}
		}
		if len(text) > dername.Max+16 {
			t.Errorf("%d bytes", len(text))
		}
	})
}
