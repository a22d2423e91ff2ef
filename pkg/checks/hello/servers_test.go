package hello

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// certificate makes a self-signed certificate for a test server.
func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf, OCSPStaple: []byte("staple")}
}

// ask sends an offer to a crypto/tls server in this process.
func ask(t *testing.T, config *tls.Config, offer Offer) *Answer {
	t.Helper()
	records, err := offer.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	client, server := net.Pipe()
	defer client.Close()
	go func() {
		defer server.Close()
		_ = tls.Server(server, config).Handshake() // fails when the client goes
	}()
	if err := client.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Write(records); err != nil {
		t.Fatal(err)
	}
	answer, err := Read(client, offer)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestServerVersions(t *testing.T) {
	t.Parallel()
	cert := certificate(t)
	for _, version := range []Version{TLS10, TLS11, TLS12, TLS13} {
		config := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: uint16(version), MaxVersion: uint16(version)}
		offer := Offer{
			Versions: []Version{version}, Suites: []Suite{0x1301, 0xc02b, 0xc009}, Groups: AllGroups(), ServerName: "localhost",
		}
		want := Answer{Version: version, Group: SecP256r1, Done: true} // the first of the client that it has
		switch version {
		case TLS13:
			want.Suite, want.Group, want.Retry = 0x1301, X25519MLKEM768, true
		case TLS12:
			want.Suite, want.Signature = 0xc02b, 0x0403
		default:
			want.Suite = 0xc009
		}
		if version < TLS13 {
			want.Chain, want.OCSPStaple = cert.Certificate, cert.OCSPStaple
		}
		for _, small := range []bool{false, true} {
			offer.Small = small
			got := ask(t, config, offer)
			got.SessionID, got.Extensions = nil, nil
			want := want
			if small {
				want.OCSPStaple = nil
			}
			if diff := cmp.Diff(&want, got); diff != "" {
				t.Errorf("%s, small %v: %s", version, small, diff)
			}
		}
		if version == TLS10 {
			continue
		}
		offer.Versions = []Version{version - 1}
		if got := ask(t, config, offer); got.Alert == nil || *got.Alert != (Alert{true, AlertProtocolVersion}) {
			t.Errorf("%s is offered to a server of %s: %+v", version-1, version, got)
		}
	}
}

// A server without TLS 1.3 answers a hello that offers both with TLS 1.2.
func TestServerOfOlderVersion(t *testing.T) {
	t.Parallel()
	config := &tls.Config{
		Certificates: []tls.Certificate{certificate(t)}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS12,
	}
	offer := Offer{Versions: []Version{TLS12, TLS13}, Suites: []Suite{0x1301, 0xc02b}, Groups: []Group{X25519}}
	if got := ask(t, config, offer); got.Version != TLS12 || got.Suite != 0xc02b || !got.Done {
		t.Errorf("%+v", got)
	}
	offer = Offer{Versions: []Version{TLS11}, Suites: []Suite{0xc009}, Groups: []Group{X25519}, Fallback: true}
	if got := ask(t, config, offer); got.Alert == nil || *got.Alert != (Alert{true, AlertInappropriateFallback}) {
		t.Errorf("%+v", got)
	}
}

// Every group of the server shows itself in a HelloRetryRequest, without a
// key of ours, and one that it does not have is refused.
func TestServerGroups(t *testing.T) {
	t.Parallel()
	config := &tls.Config{Certificates: []tls.Certificate{certificate(t)}, MinVersion: tls.VersionTLS13}
	has := map[Group]bool{
		X25519: true, SecP256r1: true, SecP384r1: true, SecP521r1: true,
		X25519MLKEM768: true, SecP256r1MLKEM768: true, SecP384r1MLKEM1024: true,
	}
	for _, group := range AllGroups() {
		got := ask(t, config, Offer{Versions: []Version{TLS13}, Suites: []Suite{0x1303}, Groups: []Group{group}})
		if has[group] && (got.Group != group || !got.Retry || got.Suite != 0x1303) {
			t.Errorf("%s: %+v", group, got)
		}
		if !has[group] && (got.Alert == nil || *got.Alert != (Alert{true, AlertHandshakeFailure})) {
			t.Errorf("%s: %+v", group, got)
		}
	}
}

// A server that wants a client certificate says so in the clear, with the
// names of its authorities.
func TestServerWantsCertificate(t *testing.T) {
	t.Parallel()
	cert := certificate(t)
	authorities := x509.NewCertPool()
	authorities.AddCert(cert.Leaf)
	config := &tls.Config{
		Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authorities,
	}
	for _, version := range []Version{TLS11, TLS12} {
		config := config.Clone()
		config.MinVersion = uint16(version)
		got := ask(t, config, Offer{Versions: []Version{version}, Suites: []Suite{0xc02b, 0xc009}, Groups: []Group{X25519}})
		if got.Request == nil || len(got.Request.Types) == 0 || (len(got.Request.SignatureSchemes) > 0) != (version == TLS12) {
			t.Fatalf("%s: %+v", version, got.Request)
		}
		if diff := cmp.Diff([][]byte{cert.Leaf.RawSubject}, got.Request.CAs); diff != "" {
			t.Errorf("%s: %s", version, diff)
		}
	}
}

// A crypto/tls client's hello is understood.
func TestReadClientHelloOfGo(t *testing.T) {
	t.Parallel()
	client, server := net.Pipe()
	defer server.Close()
	go func() {
		defer client.Close()
		config := &tls.Config{ServerName: "example.com", NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS11}
		_ = tls.Client(client, config).Handshake() // fails when the server goes
	}()
	h, err := ReadClientHello(server)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Version{TLS13, TLS12, TLS11}, h.Versions); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Group{X25519MLKEM768, X25519}, h.KeyShares); diff != "" {
		t.Error(diff)
	}
	if h.ServerName != "example.com" || len(h.ALPN) != 1 || h.ALPN[0] != "h2" || !h.Offers(0x1301) || !h.Has(ExtKeyShare) {
		t.Errorf("%+v", h)
	}
}
