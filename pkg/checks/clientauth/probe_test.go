package clientauth

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// observed runs the probe and gives its facts, the reasons for the unknown
// ones that take no certificate of ours, and the whole observation.
func observed(t *testing.T, s *testserver.Server, scheme string, silence time.Duration) (*Facts, map[string]checks.Reason, checks.Observation) {
	t.Helper()
	o := observe(t, s.Link(t, scheme, "/v1"), setting{silence: silence})
	f, ok := o.Facts.(*Facts)
	if !ok {
		t.Fatalf("no facts: %+v", o)
	}
	why := reasons(o)
	maps.DeleteFunc(why, func(name string, _ checks.Reason) bool { return !slices.Contains(withoutCertificate, name) })
	return f, why, o
}

// withoutCertificate are the facts that take no certificate of ours.
var withoutCertificate = []string{
	"requested", byTLS, application, "differs_by_version", "acceptable_ca_count", "acceptable_cas", "public_ca_count",
}

func noRoots() (map[string]bool, error) { return nil, nil }

func serverConfig(t *testing.T, mode tls.ClientAuthType, version uint16) *tls.Config {
	t.Helper()
	return &tls.Config{
		Certificates: []tls.Certificate{testserver.SelfSigned(t, nil).TLS()},
		ClientAuth:   mode, MinVersion: version, MaxVersion: version,
		ClientCAs: testserver.Pool(testserver.Root(t, "Clients 1"), testserver.Root(t, "Clients 2")),
	}
}

const (
	application = "enforced_by_application"
	byTLS       = "enforced_by_tls"
)

var modes = []struct {
	name                string
	mode                tls.ClientAuthType
	requested, enforced bool
}{
	{"none", tls.NoClientCert, false, false},
	{"requested", tls.RequestClientCert, true, false},
	{"verified if given", tls.VerifyClientCertIfGiven, true, false},
	{"any required", tls.RequireAnyClientCert, true, true},
	{"required and verified", tls.RequireAndVerifyClientCert, true, true},
}

// TestModes holds every mode of a Go server, in TLS 1.2 and 1.3, against every
// way to go on after the handshake.
func TestModes(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, protocol := range []string{"", "http/1.1", "h2"} { // none: a broker
			for _, m := range modes {
				t.Run(tls.VersionName(version)+" "+protocol+" "+m.name, func(t *testing.T) {
					t.Parallel()
					config := serverConfig(t, m.mode, version)
					scheme, start := "mqtts", func() *testserver.Server { return testserver.TLS(t, config, nil) }
					if protocol != "" {
						config.NextProtos = []string{protocol}
						scheme, start = "https", func() *testserver.Server {
							return testserver.HTTP(t, config, func(http.ResponseWriter, *http.Request) {})
						}
					}
					s := start()
					want := &Facts{
						Requested: &m.requested, EnforcedByTLS: &m.enforced, DiffersByVersion: new(false),
						AcceptableCACount: new(0), AcceptableCAs: []string{}, PublicCACount: new(0),
					}
					wantReasons := map[string]checks.Reason{}
					if m.requested {
						want.AcceptableCACount, want.AcceptableCAs = new(2), []string{"CN=Clients 1", "CN=Clients 2"}
					}
					if m.enforced || (protocol == "" && m.requested) {
						wantReasons[application] = checks.ReasonNotTested
					} else {
						want.EnforcedByApplication = new(false)
					}
					// Who waits where something has decided already, waits for longer than a link may take.
					f, reasons, o := observed(t, s, scheme, time.Hour)
					if diff := cmp.Diff(f, want); diff != "" {
						t.Errorf("facts (-got +want):\n%s", diff)
					}
					if diff := cmp.Diff(reasons, wantReasons); diff != "" {
						t.Errorf("reasons (-got +want):\n%s", diff)
					}
					connections := 1
					if version == tls.VersionTLS13 {
						connections = 2 // to find out that nothing older is spoken
					}
					if got := s.Connections(t); got != connections {
						t.Errorf("%d connections, want %d", got, connections)
					}
					if o.Outcome != checks.Observed {
						t.Errorf("%+v", o)
					}
				})
			}
		}
	}
}

// TestWithoutTickets: in TLS 1.3 only an alert, data or a response decides then.
func TestWithoutTickets(t *testing.T) {
	t.Parallel()
	greet := func(c *tls.Conn) {
		_, _ = io.WriteString(c, "hello")
		testserver.Quiet(c)
	}
	for _, test := range []struct {
		name   string
		mode   tls.ClientAuthType
		handle func(*tls.Conn)
		want   *bool
		reason checks.Reason
	}{
		{"required", tls.RequireAnyClientCert, nil, new(true), ""},
		{"optional and silent", tls.RequestClientCert, nil, nil, checks.ReasonAmbiguous},
		{"optional and speaks", tls.RequestClientCert, greet, new(false), ""},
		{"optional, speaks and closes", tls.RequestClientCert, func(c *tls.Conn) {
			_, _ = io.WriteString(c, "hello")
			_ = c.Close()
		}, new(false), ""},
		{"closes", tls.RequestClientCert, func(c *tls.Conn) { _ = c.Close() }, nil, checks.ReasonReset},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			config := serverConfig(t, test.mode, tls.VersionTLS13)
			config.SessionTicketsDisabled = true
			f, reasons, _ := observed(t, testserver.TLS(t, config, test.handle), "mqtts", 200*time.Millisecond)
			if diff := cmp.Diff(f.EnforcedByTLS, test.want); diff != "" || reasons[byTLS] != test.reason {
				t.Errorf("enforced by TLS (-got +want):\n%s, reason %q, want %q", diff, reasons[byTLS], test.reason)
			}
		})
	}
	config := serverConfig(t, tls.RequestClientCert, tls.VersionTLS13)
	config.SessionTicketsDisabled = true
	f, _, _ := observed(t, testserver.HTTP(t, config, func(http.ResponseWriter, *http.Request) {}), "https", time.Second)
	if f.EnforcedByTLS == nil || *f.EnforcedByTLS || *f.EnforcedByApplication {
		t.Errorf("HTTP without tickets: %+v", f)
	}
}

// TestAlertAfterTicket: some servers send tickets before they have read the
// client's certificate, so a ticket must not end the wait at once.
func TestAlertAfterTicket(t *testing.T) {
	t.Parallel()
	config := serverConfig(t, tls.RequireAnyClientCert, tls.VersionTLS13)
	s := testserver.TLS(t, config, nil)
	address := net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(s.Port)}
	c, err := tls.Dial("tcp", address.String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	heard := hear(t.Context(), c, func() bool { return true }, 5*time.Second, 5*time.Second)
	if text, err := refusal(heard.err); err != nil || !heard.ticket || text != "alert 116, certificate_required," {
		t.Errorf("%q, %v after %+v", text, err, heard)
	}
}

const nginx400 = `<html>
<head><title>400 No required SSL certificate was sent</title></head>
<body><center><h1>400 Bad Request</h1></center>
<center>No required SSL certificate was sent</center></body></html>`

func TestApplication(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		mode   tls.ClientAuthType
		status int
		body   string
		want   *bool
		reason checks.Reason
	}{
		{"nginx", tls.RequestClientCert, 400, nginx400, new(true), ""},
		{"gateway", tls.RequestClientCert, 403, `{"error":"Client certificate required"}`, new(true), ""},
		{"496", tls.RequestClientCert, 496, "", new(true), ""},
		{"late demand that says so", tls.NoClientCert, 403, "403.7: a client certificate is needed", nil, checks.ReasonAmbiguous},
		{"one of several credentials", tls.NoClientCert, 401, "send a bearer token or a client certificate", nil, checks.ReasonAmbiguous},
		{"answered", tls.RequestClientCert, 200, "ask for a client certificate elsewhere", new(false), ""},
		{"not found", tls.RequestClientCert, 404, "", new(false), ""},
		{"redirected", tls.RequestClientCert, 302, "", new(false), ""},
		{"token wanted", tls.NoClientCert, 401, "", new(false), ""},
		{"bad request", tls.NoClientCert, 400, "", new(false), ""},
		{"token or certificate wanted", tls.RequestClientCert, 401, "", nil, checks.ReasonAmbiguous},
		{"forbidden", tls.RequestClientCert, 403, "", nil, checks.ReasonAmbiguous},
		{"forbidden, nothing asked", tls.NoClientCert, 403, "", nil, checks.ReasonAmbiguous},
		{"server error", tls.RequestClientCert, 500, "", nil, checks.ReasonAmbiguous},
		{"throttled", tls.RequestClientCert, 429, "", nil, checks.ReasonThrottled},
		{"overloaded", tls.NoClientCert, 503, "", nil, checks.ReasonThrottled},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := testserver.HTTP(t, serverConfig(t, test.mode, tls.VersionTLS13), func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			})
			f, reasons, o := observed(t, s, "https", time.Second)
			if *f.EnforcedByTLS {
				t.Error("enforced by TLS, though a response came")
			}
			if diff := cmp.Diff(f.EnforcedByApplication, test.want); diff != "" || reasons[application] != test.reason {
				t.Errorf("enforced by application (-got +want):\n%s, reason %q, want %q", diff, reasons[application], test.reason)
			}
			if got := s.Connections(t); o.Requests != 1 || got != 2 {
				t.Errorf("%d requests on %d connections, want one on two", o.Requests, got)
			}
		})
	}
}

// TestNoResponse: a connection that ends without an alert proves nothing about
// the application; a session ticket before it proves something about TLS.
func TestNoResponse(t *testing.T) {
	t.Parallel()
	closing := func(c *tls.Conn) {
		_, _ = bufio.NewReader(c).ReadString('\n')
		_ = c.NetConn().(*net.TCPConn).SetLinger(0)
	}
	for _, test := range []struct {
		name    string
		mode    tls.ClientAuthType
		version uint16
		tickets bool
		byTLS   *bool
	}{
		{"TLS 1.3 with tickets", tls.RequestClientCert, tls.VersionTLS13, true, new(false)},
		{"TLS 1.3 without", tls.RequestClientCert, tls.VersionTLS13, false, nil},
		{"TLS 1.2", tls.RequestClientCert, tls.VersionTLS12, false, new(false)},
		{"not requested", tls.NoClientCert, tls.VersionTLS13, false, new(false)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			config := serverConfig(t, test.mode, test.version)
			config.SessionTicketsDisabled = !test.tickets
			s := testserver.TLS(t, config, closing)
			f, reasons, _ := observed(t, s, "https", time.Second)
			if f.EnforcedByApplication != nil || reasons[application] != checks.ReasonReset {
				t.Errorf("application %v, reason %q", f.EnforcedByApplication, reasons[application])
			}
			if diff := cmp.Diff(f.EnforcedByTLS, test.byTLS); diff != "" {
				t.Errorf("enforced by TLS (-got +want):\n%s", diff)
			}
		})
	}
}

func TestInconclusive(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		handle func(net.Conn, int)
		reason checks.Reason
	}{
		{testserver.Stall, checks.ReasonStalled},
		{testserver.Reset, checks.ReasonReset},
		{testserver.Endless, checks.ReasonGarbage},
		{testserver.Alert(40), checks.ReasonAmbiguous},
		{testserver.Say("HTTP/1.1 400 Bad Request\r\n\r\n"), checks.ReasonPlaintext},
	} {
		s := testserver.Raw(t, test.handle)
		o := testserver.Observe(t, s.Link(t, "https", "/"), nil, Probe())[0]
		if o.Outcome != checks.Inconclusive || o.Reason != test.reason || o.Facts != nil {
			t.Errorf("%s, %s; want inconclusive, %s", o.Outcome, o.Reason, test.reason)
		}
	}
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err    error
		want   string
		reason checks.Reason
	}{
		{tls.AlertError(116), "alert 116, certificate_required,", ""},
		{tls.AlertError(40), "alert 40, handshake_failure,", ""},
		{tls.AlertError(42), "alert 42, bad_certificate,", ""},
		{tls.AlertError(50), "alert 50, decode_error,", ""},
		{tls.AlertError(80), "", checks.ReasonAmbiguous},
		{tls.AlertError(20), "", checks.ReasonAmbiguous},
		{io.EOF, "", checks.ReasonReset},
		{errors.New("tls: odd"), "", checks.ReasonGarbage},
	} {
		text, err := refusal(test.err)
		_, reason := checks.Classify(err)
		if text != test.want || reason != test.reason {
			t.Errorf("%v: %q, %q; want %q, %q", test.err, text, reason, test.want, test.reason)
		}
	}
}

func FuzzClassify(f *testing.F) {
	f.Add(400, []byte(nginx400), true)
	f.Add(200, []byte("client certificate"), false)
	f.Fuzz(func(t *testing.T, status int, body []byte, requested bool) {
		if says := classify(status, body, requested); says == verdictRefused && status < 400 {
			t.Errorf("%d refuses", status)
		}
	})
}
