package peers_test

import (
	"bufio"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/internal/peers"
)

// Every kind of server answers a TLS client with the certificate and in the
// version that it was given, and HTTP where it speaks it.
func TestServersAnswer(t *testing.T) {
	t.Parallel()
	cert, key := mint(t)
	both := join(t, cert, key)
	nginx := peers.Nginx(t,
		fmt.Sprintf("ssl_certificate %s; ssl_certificate_key %s; ssl_protocols TLSv1.2 TLSv1.3; return 204;", cert, key),
		fmt.Sprintf("ssl_certificate %s; ssl_certificate_key %s; ssl_protocols TLSv1.2; return 204;", cert, key))
	host := fmt.Sprintf("SSLCertificateFile %s\nSSLCertificateKeyFile %s\n", cert, key)
	apache := peers.Apache(t, host, host+"SSLProtocol TLSv1.2")
	haproxy := peers.HAProxy(t, "ssl crt "+both, "ssl crt "+both+" ssl-max-ver TLSv1.2")
	listener := fmt.Sprintf("certfile %s\nkeyfile %s\n", cert, key)
	mosquitto := peers.Mosquitto(t, listener, listener+"tls_version tlsv1.3")
	gnutls := []string{"--x509certfile=" + cert, "--x509keyfile=" + key}
	identity, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, addr string
		version    uint16
		status     int // of a GET; zero for a server without HTTP
	}{
		{"nginx", nginx[0], tls.VersionTLS13, 204},
		{"nginx, second block", nginx[1], tls.VersionTLS12, 204},
		{"openssl", peers.OpenSSL(t, "-cert", cert, "-key", key), tls.VersionTLS13, 200},
		{"openssl, one version", peers.OpenSSL(t, "-cert", cert, "-key", key, "-tls1_2"), tls.VersionTLS12, 200},
		{"apache", apache[0], tls.VersionTLS13, 200},
		{"apache, second host", apache[1], tls.VersionTLS12, 200},
		{"haproxy", haproxy[0], tls.VersionTLS13, 200},
		{"haproxy, second bind", haproxy[1], tls.VersionTLS12, 200},
		{"gnutls", peers.GnuTLS(t, gnutls...), tls.VersionTLS13, 200},
		{"gnutls, one version", peers.GnuTLS(t, append(gnutls, "--priority=NORMAL:-VERS-TLS1.3")...), tls.VersionTLS12, 200},
		{"mosquitto", mosquitto[0], tls.VersionTLS13, 0},
		{"mosquitto, second listener", mosquitto[1], tls.VersionTLS13, 0},
		{"go", peers.Go(t, &tls.Config{Certificates: []tls.Certificate{identity}}), tls.VersionTLS13, 200},
	}
	for i, addr := range peers.JSSE(t, cert, key, "EC", "none", "want protocols=TLSv1.2", "want ca="+cert) {
		version := [3]uint16{tls.VersionTLS13, tls.VersionTLS12, tls.VersionTLS13}[i]
		tests = append(tests, struct {
			name, addr string
			version    uint16
			status     int
		}{fmt.Sprintf("java, listener %d", i), addr, version, 200})
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			conn, err := tls.Dial("tcp", test.addr, &tls.Config{InsecureSkipVerify: true})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			state := conn.ConnectionState()
			if state.Version != test.version {
				t.Errorf("version = %s, want %s", tls.VersionName(state.Version), tls.VersionName(test.version))
			}
			if got := state.PeerCertificates[0].Subject.CommonName; got != "peer.test" {
				t.Errorf("subject = %q, want peer.test", got)
			}
			if test.status == 0 {
				return
			}
			fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: peer.test\r\nConnection: close\r\n\r\n")
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != test.status {
				t.Errorf("status = %d, want %d", response.StatusCode, test.status)
			}
		})
	}
}

// GnuTLS and Java still speak what other servers no longer do, Java even
// SSL 3.0 and suites of export strength.
func TestLegacy(t *testing.T) {
	t.Parallel()
	const (
		nullMD5, exportRC4, rc4MD5, nullSHA, rc4SHA    = 0x0001, 0x0003, 0x0004, 0x0002, 0x0005
		exportDES, des, tripleDES, anonRC4, exportAnon = 0x0008, 0x0009, 0x000a, 0x0018, 0x0017
	)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := mintFor(t, key)
	gnutls := peers.GnuTLS(t, "--x509certfile="+certFile, "--x509keyfile="+keyFile,
		"--priority=NONE:+VERS-TLS1.0:+RSA:+ARCFOUR-128:+3DES-CBC:+NULL:+SHA1:+MD5:+SIGN-ALL:+COMP-NULL")
	java := peers.LegacyJSSE(t, certFile, keyFile, "RSA", "none protocols=SSLv3,TLSv1 suites="+
		"SSL_RSA_WITH_NULL_MD5,SSL_RSA_WITH_NULL_SHA,SSL_RSA_EXPORT_WITH_RC4_40_MD5,SSL_RSA_WITH_RC4_128_MD5,SSL_RSA_WITH_RC4_128_SHA,"+
		"SSL_RSA_EXPORT_WITH_DES40_CBC_SHA,SSL_RSA_WITH_DES_CBC_SHA,SSL_RSA_WITH_3DES_EDE_CBC_SHA,"+
		"SSL_DH_anon_WITH_RC4_128_MD5,SSL_DH_anon_EXPORT_WITH_RC4_40_MD5")[0]
	for _, server := range []struct {
		name, addr string
		versions   []uint16
		suites     []uint16
	}{
		{"gnutls", gnutls, []uint16{tls.VersionTLS10}, []uint16{nullMD5, rc4MD5, nullSHA, rc4SHA, tripleDES}},
		{
			"java", java, []uint16{0x0300, tls.VersionTLS10},
			[]uint16{nullMD5, nullSHA, exportRC4, rc4MD5, rc4SHA, exportDES, des, tripleDES, anonRC4, exportAnon},
		},
	} {
		for _, version := range server.versions {
			for _, suite := range server.suites {
				gotVersion, gotSuite := helloOf(t, server.addr, version, suite)
				if gotVersion != version || gotSuite != suite {
					t.Errorf("%s was offered %04x with suite %04x, got %04x with %04x", server.name, version, suite, gotVersion, gotSuite)
				}
			}
		}
	}
}

// helloOf offers one suite in a hello without extensions and reads what the
// ServerHello chooses; zeros if none comes.
func helloOf(t *testing.T, addr string, version, suite uint16) (gotVersion, gotSuite uint16) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := binary.BigEndian.AppendUint16(nil, version)
	body = append(body, make([]byte, 32+1)...) // random, no session
	body = binary.BigEndian.AppendUint16(append(body, 0, 2), suite)
	body = append(body, 1, 0) // no compression
	message := append([]byte{1, 0, 0, byte(len(body))}, body...)
	record := append([]byte{22, byte(version >> 8), byte(version), 0, byte(len(message))}, message...)
	if _, err := conn.Write(record); err != nil {
		t.Fatal(err)
	}
	hello := make([]byte, 5+4+2+32+1)
	if _, err := io.ReadFull(conn, hello); err != nil || hello[0] != 22 || hello[5] != 2 {
		return 0, 0
	}
	session := make([]byte, int(hello[len(hello)-1])+2)
	if _, err := io.ReadFull(conn, session); err != nil {
		return 0, 0
	}
	return binary.BigEndian.Uint16(hello[9:]), binary.BigEndian.Uint16(session[len(session)-2:])
}

func join(t *testing.T, paths ...string) string {
	t.Helper()
	var all []byte
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	path := filepath.Join(t.TempDir(), "all.pem")
	if err := os.WriteFile(path, all, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func mint(t *testing.T) (cert, key string) {
	t.Helper()
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return mintFor(t, priv)
}

func mintFor(t *testing.T, priv crypto.Signer) (cert, key string) {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	template.Subject.CommonName = "peer.test"
	der, err := x509.CreateCertificate(rand.Reader, template, template, priv.Public(), priv)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: der},
		key:  {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
