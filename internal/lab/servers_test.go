package lab_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestEveryCertificateVerifiesOrFailsAsItSays(t *testing.T) {
	t.Parallel()
	r := start(t)
	good := func(err error) bool { return err == nil }
	invalid := func(reason x509.InvalidReason) func(error) bool {
		return func(err error) bool {
			e, ok := errors.AsType[x509.CertificateInvalidError](err)
			return ok && e.Reason == reason
		}
	}
	unknownCA := func(err error) bool { _, ok := errors.AsType[x509.UnknownAuthorityError](err); return ok }
	otherHost := func(err error) bool { _, ok := errors.AsType[x509.HostnameError](err); return ok }
	for id, test := range map[string]struct {
		name string
		want func(error) bool
	}{
		"acme-pay/charges-api":       {"charges.acme-pay.test", good},
		"acme-pay/payouts-api":       {"payouts.acme-pay.test", good},
		"acme-pay/settlement-files":  {"files.acme-pay.test", good},
		"acme-pay/refunds-api":       {"refunds.acme-pay.test", good},
		"acme-pay/ledger-api":        {"ledger.acme-pay.test", good},
		"acme-pay/disputes-api":      {"disputes.acme-pay.test", unknownCA},
		"acme-pay/charge-events":     {"hooks.our-company.test", good},
		"globex-iot/device-api":      {"devices.globex-iot.test", good},
		"globex-iot/firmware-images": {"firmware.globex-iot.test", otherHost},
		"globex-iot/fleet-api":       {"fleet.globex-iot.test", good},
		"globex-iot/gateway-api":     {"gateway.globex-iot.test", good},
		"globex-iot/metering-api": {"metering.globex-iot.test", func(err error) bool {
			return err != nil && strings.Contains(err.Error(), "SHA1")
		}},
		"globex-iot/telemetry":      {"mqtt.globex-iot.test", good},
		"initech-hr/benefits-api":   {"benefits.initech-hr.test", invalid(x509.Expired)},
		"initech-hr/onboarding-api": {"onboarding.initech-hr.test", invalid(x509.Expired)}, // x509 has one reason for both
		"initech-hr/directory-api":  {"directory.initech-hr.test", unknownCA},
		"initech-hr/timesheets-api": {"timesheets.initech-hr.test", unknownCA},
		"initech-hr/audit-stream":   {"audit.initech-hr.test", good},
		"initech-hr/calendar-api":   {"calendar.initech-hr.test", good},
		"initech-hr/new-hire":       {"hooks.our-company.test", good},
	} {
		if _, err := r.handshake(t, id, test.name); !test.want(err) {
			t.Errorf("%s: handshake: %v", id, err)
		}
	}
}

func TestCertificateDates(t *testing.T) {
	t.Parallel()
	r := start(t)
	const day = 24 * time.Hour
	for id, want := range map[string]struct{ left, lifetime time.Duration }{
		"acme-pay/payouts-api":      {89 * day, 90 * day},
		"globex-iot/device-api":     {5 * day, 90 * day},
		"globex-iot/fleet-api":      {5 * 365 * day, 5 * 365 * day},
		"initech-hr/benefits-api":   {-11 * day, 89 * day},
		"initech-hr/onboarding-api": {100 * day, 90 * day},
	} {
		conn, err := r.handshake(t, id, "", unverified)
		if err != nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		leaf := conn.ConnectionState().PeerCertificates[0]
		left := time.Until(leaf.NotAfter)
		if left < want.left || left > want.left+day {
			t.Errorf("%s: %v left, want %v", id, left, want.left)
		}
		lifetime := leaf.NotAfter.Sub(leaf.NotBefore) + time.Second // both ends count
		if lifetime < want.lifetime || lifetime > want.lifetime+day {
			t.Errorf("%s: lifetime %v, want %v", id, lifetime, want.lifetime)
		}
	}
}

func TestWeakKeyAndSignature(t *testing.T) {
	t.Parallel()
	r := start(t)
	conn, err := r.handshake(t, "globex-iot/gateway-api", "", unverified)
	if err != nil {
		t.Fatal(err)
	}
	leaf := conn.ConnectionState().PeerCertificates[0]
	key, ok := leaf.PublicKey.(interface{ Size() int })
	if !ok || key.Size() != 1024/8 {
		t.Errorf("key %T of the gateway, want RSA with 1024 bits", leaf.PublicKey)
	}
	conn, err = r.handshake(t, "globex-iot/metering-api", "", unverified)
	if err != nil {
		t.Fatal(err)
	}
	if got := conn.ConnectionState().PeerCertificates[0].SignatureAlgorithm; got != x509.ECDSAWithSHA1 {
		t.Errorf("signature of the meters' certificate %v, want ECDSA-SHA1", got)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	r := start(t)
	all := []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13}
	for id, want := range map[string][]uint16{
		"acme-pay/refunds-api":      {tls.VersionTLS12, tls.VersionTLS13},
		"acme-pay/payouts-api":      {tls.VersionTLS13},
		"acme-pay/settlement-files": {tls.VersionTLS12},
		"initech-hr/payroll-soap":   {tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12},
		"initech-hr/calendar-api":   {tls.VersionTLS13},
	} {
		var got []uint16
		for _, version := range all {
			_, err := r.handshake(t, id, "", unverified, only(version), func(c *tls.Config) {
				for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
					c.CipherSuites = append(c.CipherSuites, suite.ID)
				}
			})
			if err == nil {
				got = append(got, version)
				continue
			}
			_, alert := errors.AsType[tls.AlertError](err)
			alert = alert || strings.Contains(err.Error(), "remote error")
			if reset := errors.Is(err, syscall.ECONNRESET); reset != strings.HasSuffix(id, "calendar-api") || alert == reset {
				t.Errorf("%s, %s: %v", id, tls.VersionName(version), err)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s accepts %x, want %x", id, got, want)
		}
	}
	if conn, err := r.handshake(t, "acme-pay/payouts-api", "payouts.acme-pay.test", func(c *tls.Config) {
		c.NextProtos = []string{"h2", "http/1.1"}
	}); err != nil || conn.ConnectionState().NegotiatedProtocol != "h2" {
		t.Errorf("payouts-api: no HTTP/2: %v", err)
	}
}

func TestClientCertificates(t *testing.T) {
	t.Parallel()
	r := start(t)
	const enforced, page = "acme-pay/charges-api", "No required SSL certificate was sent"

	conn, err := r.handshake(t, enforced, "charges.acme-pay.test", only(tls.VersionTLS13))
	if err != nil {
		t.Fatalf("TLS 1.3 must tell only after the handshake: %v", err)
	}
	if _, err = conn.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("TLS 1.3 without a certificate: %v", err)
	}
	if _, err = r.handshake(t, enforced, "charges.acme-pay.test", only(tls.VersionTLS12)); err == nil {
		t.Error("TLS 1.2 without a certificate: the handshake succeeded")
	}
	for id, want := range map[string]struct {
		name     string
		without  int // status without a client certificate; 0 for none
		excerpt  string
		certfied int
		path     string
	}{
		enforced:               {"charges.acme-pay.test", 0, "", 401, "/v1/charges"}, // the token is missing
		"acme-pay/refunds-api": {"refunds.acme-pay.test", 200, "refunds", 200, "/v1/refunds"},
		"acme-pay/ledger-api":  {"ledger.acme-pay.test", 400, page, 200, "/ledger"},
	} {
		for _, present := range []bool{false, true} {
			asked := false
			conn, err := r.handshake(t, id, want.name, only(tls.VersionTLS13), func(c *tls.Config) {
				c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					asked = true
					if present {
						return &r.client, nil
					}
					return &tls.Certificate{}, nil
				}
			})
			if err != nil {
				t.Errorf("%s: %v", id, err)
				continue
			}
			if !asked {
				t.Errorf("%s does not ask for a certificate", id)
			}
			status, body, _ := get(t, conn, want.path)
			wanted := want.without
			if present {
				wanted = want.certfied
			}
			if status != wanted || !present && !strings.Contains(body, want.excerpt) {
				t.Errorf("%s, certificate %v: status %d, body %q", id, present, status, body)
			}
		}
	}
}

func TestHTTPAnswers(t *testing.T) {
	t.Parallel()
	r := start(t)
	for id, want := range map[string]struct {
		path   string
		status int
	}{
		"acme-pay/payouts-api": {"/v1/payouts", 401}, "globex-iot/device-api": {"/devices", 401}, "globex-iot/fleet-api": {"/nothing", 404},
		"acme-pay/charge-events": {"/acme", 405},
	} {
		conn, err := r.handshake(t, id, "", unverified)
		if err != nil {
			t.Fatal(err)
		}
		if status, _, err := get(t, conn, want.path); status != want.status {
			t.Errorf("%s: status %d (%v), want %d", id, status, err, want.status)
		}
	}
	for id, want := range map[string]int{
		"initech-hr/employee-export": 200, "initech-hr/reports-api": 200, "globex-iot/device-alerts": 405,
	} {
		if status, _, err := get(t, r.dial(t, id), "/"); status != want {
			t.Errorf("%s: status %d (%v), want %d", id, status, err, want)
		}
	}
	// A ClientHello to plain HTTP draws an answer in HTTP.
	_, err := r.handshake(t, "initech-hr/reports-api", "", unverified)
	if e, ok := errors.AsType[tls.RecordHeaderError](err); !ok || !bytes.HasPrefix(e.RecordHeader[:], []byte("HTTP/")) {
		t.Errorf("TLS to plain HTTP: %v", err)
	}
}

func TestMQTTBrokers(t *testing.T) {
	t.Parallel()
	r := start(t)
	// CONNECT of MQTT 3.1.1, clean session, client id "x" (section 3.1).
	connect := []byte{0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60, 0, 1, 'x'}
	secure, err := r.handshake(t, "globex-iot/telemetry", "mqtt.globex-iot.test")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		conn net.Conn
		code byte // of CONNACK (section 3.2.2.3)
	}{
		{"plain text, open", r.dial(t, "globex-iot/telemetry-legacy"), 0},
		{"TLS, login wanted", secure, 5}, // not authorised
	} {
		if _, err := test.conn.Write(connect); err != nil {
			t.Fatal(err)
		}
		var connack [4]byte
		if _, err := io.ReadFull(test.conn, connack[:]); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if connack[0] != 0x20 || connack[3] != test.code {
			t.Errorf("%s: CONNACK % x, want code %d", test.name, connack, test.code)
		}
	}
}

func TestNATSServers(t *testing.T) {
	t.Parallel()
	r := start(t)
	for id, test := range map[string]struct {
		name    string
		present bool
		want    string // what the server says to CONNECT and PING, or the error of reading it
	}{
		"acme-pay/payment-events": {"events.acme-pay.test", false, "-ERR 'Authorization Violation'"},
		"globex-iot/commands":     {"commands.globex-iot.test", false, "certificate required"},
	} {
		conn := r.dial(t, id)
		info, err := bufio.NewReaderSize(conn, 64<<10).ReadString('\n')
		if err != nil || !strings.HasPrefix(info, "INFO {") || !strings.Contains(info, `"tls_required":true`) {
			t.Fatalf("%s greets with %q: %v", id, info, err)
		}
		secure := tls.Client(conn, &tls.Config{RootCAs: r.roots, ServerName: test.name})
		if err := secure.HandshakeContext(t.Context()); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		if _, err := io.WriteString(secure, "CONNECT {}\r\nPING\r\n"); err != nil {
			t.Fatal(err)
		}
		said, err := io.ReadAll(secure)
		if !strings.Contains(string(said), test.want) && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s says %q, %v; want %q", id, said, err, test.want)
		}
	}
}

func TestHostileServers(t *testing.T) {
	t.Parallel()
	r := start(t)

	stalled := r.dial(t, "initech-hr/search-api")
	if _, err := stalled.Write([]byte("hello?")); err != nil {
		t.Fatal(err)
	}
	_ = stalled.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := stalled.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("stall: read %d bytes, %v", n, err)
	}

	reset := r.dial(t, "initech-hr/photos-api")
	if _, err := reset.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := reset.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reset: %v", err)
	}

	var noise [2][512]byte
	for i := range noise {
		conn := r.dial(t, "initech-hr/archive-api")
		if _, err := conn.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, noise[i][:]); err != nil {
			t.Fatal(err)
		}
	}
	if noise[0] != noise[1] || noise[0][0] != 0xff {
		t.Error("garbage: not the same noise twice")
	}

	drip := r.dial(t, "initech-hr/leave-api")
	if _, err := io.ReadFull(drip, make([]byte, 14)); err != nil {
		t.Errorf("drip: no byte after the record's header: %v", err)
	}

	endless, err := r.handshake(t, "initech-hr/audit-stream", "audit.initech-hr.test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(endless, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	const much = 2 << 20
	if n, err := io.CopyN(io.Discard, endless, much); n != much {
		t.Errorf("endless: ended after %d bytes: %v", n, err)
	}

	for _, link := range r.Links() {
		if link.ID != "initech-hr/old-portal" {
			continue
		}
		if conn, err := net.Dial("tcp", link.Address()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("refuse: %v, %v", conn, err)
		}
	}
}
