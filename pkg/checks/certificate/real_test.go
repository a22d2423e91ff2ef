package certificate

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// bench mints certificates with the openssl command, which does what
// crypto/x509 refuses, and asks it what it thinks of them.
type bench struct {
	t       *testing.T
	dir     string
	now     time.Time
	root    *testserver.Issued
	sub     *testserver.Issued
	openssl string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	now := time.Now() // openssl mints from now on
	valid := testserver.Valid(now.AddDate(-1, 0, 0), now.AddDate(5, 0, 0))
	root := testserver.Root(t, "Root", valid)
	b := &bench{t: t, dir: t.TempDir(), now: now, root: root, sub: root.Authority(t, "Sub", valid), openssl: peers.Find(t, "openssl")}
	b.write("root.pem", "CERTIFICATE", root.Cert.Raw)
	b.authority("sub", b.sub)
	return b
}

// authority lets openssl sign with a CA.
func (b *bench) authority(name string, ca *testserver.Issued) {
	b.t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(ca.Key)
	if err != nil {
		b.t.Fatal(err)
	}
	b.write(name+".pem", "CERTIFICATE", ca.Cert.Raw)
	b.write(name+".key", "PRIVATE KEY", der)
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) write(name, kind string, der []byte) {
	b.t.Helper()
	if err := os.WriteFile(b.path(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) run(args ...string) {
	b.t.Helper()
	cmd := exec.CommandContext(b.t.Context(), b.openssl, args...)
	cmd.Dir = b.dir
	if said, err := cmd.CombinedOutput(); err != nil {
		b.t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, said)
	}
}

// minted is a certificate that openssl shall make.
type minted struct {
	key        string   // arguments of openssl genpkey or ecparam; empty for P-256
	public     any      // in place of key: only the public half
	extensions string   // lines of openssl's configuration; names among them
	sign       []string // further arguments of openssl x509
	ca         string   // empty is the intermediate; "self" signs with its own key
}

const san = "subjectAltName=DNS:" + testserver.Host

// mint makes a certificate, in name.pem with its key in name.key, and returns
// the chain that a server would send.
func (b *bench) mint(name string, m minted) [][]byte {
	b.t.Helper()
	key, public := name+".key", name+".pub"
	switch {
	case m.public != nil:
		der, err := x509.MarshalPKIXPublicKey(m.public)
		if err != nil {
			b.t.Fatal(err)
		}
		b.write(public, "PUBLIC KEY", der)
	case strings.HasPrefix(m.key, "DSA"):
		b.run("genpkey", "-genparam", "-algorithm", "DSA", "-pkeyopt", "dsa_paramgen_bits:"+m.key[3:], "-out", name+".param")
		b.run("genpkey", "-paramfile", name+".param", "-out", key)
	default:
		if m.key == "" {
			m.key = "ecparam -name prime256v1 -genkey -noout"
		}
		b.run(append(strings.Fields(m.key), "-out", key)...)
	}
	if m.public == nil {
		b.run("pkey", "-in", key, "-pubout", "-out", public)
	}
	if err := os.WriteFile(b.path(name+".cnf"), []byte(m.extensions+"\n"), 0o600); err != nil {
		b.t.Fatal(err)
	}
	args := []string{"x509", "-new", "-subj", "/CN=" + testserver.Host, "-days", "90", "-extfile", name + ".cnf", "-out", name + ".pem"}
	switch m.ca {
	case "self":
		args = append(args, "-key", key)
	case "":
		m.ca = "sub"
		fallthrough
	default:
		args = append(args, "-force_pubkey", public, "-CA", m.ca+".pem", "-CAkey", m.ca+".key")
	}
	b.run(append(args, m.sign...)...)
	chain := [][]byte{b.read(name + ".pem")}
	if m.ca != "self" {
		chain = append(chain, b.read(m.ca+".pem"))
	}
	return chain
}

func (b *bench) read(name string) []byte {
	b.t.Helper()
	text, err := os.ReadFile(b.path(name))
	if err != nil {
		b.t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	return block.Bytes
}

// verifies asks openssl whether a server may show the chain for a host at a
// time. Security level 1 refuses MD5, SHA-1 and keys of less than 80 bits.
func (b *bench) verifies(chain [][]byte, host string, at time.Time) (ok bool, said string) {
	b.t.Helper()
	var untrusted []byte
	for _, der := range chain[1:] {
		untrusted = append(untrusted, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	if err := os.WriteFile(b.path("untrusted.pem"), untrusted, 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.write("leaf.pem", "CERTIFICATE", chain[0])
	args := []string{
		"verify", "-CAfile", "root.pem", "-untrusted", "untrusted.pem", "-purpose", "sslserver", "-auth_level", "1",
		"-attime", strconv.FormatInt(at.Unix(), 10), "-verify_hostname", host, "leaf.pem",
	}
	if strings.Contains(host, ":") || strings.Count(host, ".") == 3 {
		args[len(args)-3] = "-verify_ip"
	}
	cmd := exec.CommandContext(b.t.Context(), b.openssl, args...)
	cmd.Dir = b.dir
	out, err := cmd.CombinedOutput()
	return err == nil, string(out)
}

// accepts is what all facts together say of a chain.
func accepts(f *Facts) bool {
	return known(f.Trusted, true) && known(f.Expired, false) && known(f.NotYetValid, false) && known(f.IntermediatesInDate, true) &&
		known(f.HostnameMatches, true) && known(f.ServerAuth, true)
}

// TestAgainstOpenSSL holds the facts against what openssl says.
func TestAgainstOpenSSL(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	valid := testserver.Valid(b.now.AddDate(-1, 0, 0), b.now.AddDate(5, 0, 0))
	b.authority("rsa", b.root.Leaf(t, testserver.RSA(t, 2048), valid, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.ExtKeyUsage = true, true, x509.KeyUsageCertSign, nil
		c.Subject.CommonName = "RSA Sub"
	}))
	b.authority("narrow", b.root.Authority(t, "Narrow", valid, func(c *x509.Certificate) {
		c.PermittedDNSDomains, c.PermittedDNSDomainsCritical = []string{"other.example"}, true
	}))
	b.authority("stranger", testserver.Root(t, "Stranger", valid))
	rsaKey := func(bits int) string { return fmt.Sprintf("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:%d", bits) }
	many := san
	for i := range 1000 {
		many += fmt.Sprintf(",DNS:host-%d.acme.example", i)
	}
	huge := new(big.Int).Lsh(big.NewInt(1), 16383)
	for _, test := range []struct {
		name string
		minted
		host    string        // empty is testserver.Host
		later   time.Duration // when it is looked at
		arrange func(chain [][]byte) [][]byte
		want    string // the key, and what the facts say beside good ones
		problem string // the start of one of the problems
		// openssl accepts what is not accepted here, or the other way round.
		differs bool
	}{
		{name: "good", want: "ECDSA 256"},
		{name: "expired", later: 91 * 24 * time.Hour, want: "ECDSA 256 expired"},
		{name: "not yet valid", later: -48 * time.Hour, want: "ECDSA 256 not yet valid"},
		{name: "wrong name", host: "other.example", want: "ECDSA 256 wrong host"},
		{name: "self-signed", minted: minted{ca: "self"}, want: "ECDSA 256 untrusted self-signed"},
		{name: "incomplete", arrange: func(c [][]byte) [][]byte { return c[:1] }, want: "ECDSA 256 untrusted incomplete"},
		{name: "misordered", arrange: func(c [][]byte) [][]byte { return [][]byte{c[0], b.root.Cert.Raw, c[1]} }, want: "ECDSA 256 misordered"},
		{name: "another root", minted: minted{ca: "stranger"}, want: "ECDSA 256 untrusted"},
		{name: "SHA-1", minted: minted{ca: "rsa", sign: []string{"-sha1"}}, want: "ECDSA 256 untrusted weak"},
		{name: "MD5", minted: minted{ca: "rsa", sign: []string{"-md5"}}, want: "ECDSA 256 untrusted weak"},
		// No client takes such keys; here they are trusted, and their size tells.
		{name: "RSA 512", minted: minted{key: rsaKey(512)}, want: "RSA 512", differs: true},
		{name: "RSA 768", minted: minted{key: rsaKey(768)}, want: "RSA 768", differs: true},
		{name: "RSA 1024", minted: minted{key: rsaKey(1024)}, want: "RSA 1024"},
		{
			name: "RSA 16384", minted: minted{public: &rsa.PublicKey{N: huge.Add(huge, big.NewInt(1)), E: 65537}}, want: "RSA 16384",
			problem: "the RSA key of 16384 bits is larger than many clients take",
		},
		{name: "RSA exponent 1", minted: minted{public: &rsa.PublicKey{N: huge, E: 1}}, want: "RSA 16384", problem: "the RSA public exponent 1 is not"},
		{name: "P-224", minted: minted{key: "ecparam -name secp224r1 -genkey -noout"}, want: "ECDSA 224"},
		{
			name: "brainpool", minted: minted{key: "ecparam -name brainpoolP256r1 -genkey -noout"}, want: "ECDSA 256",
			problem: "strict clients, such as those in Go, refuse it: unsupported elliptic curve",
		},
		{
			name: "secp256k1", minted: minted{key: "ecparam -name secp256k1 -genkey -noout"}, want: "ECDSA 256",
			problem: "the key is on the curve secp256k1, which most TLS clients do not know",
		},
		{
			// openssl takes a spelt-out curve only where nothing is verified.
			name: "explicit curve", minted: minted{key: "ecparam -name prime256v1 -genkey -noout -param_enc explicit"}, want: "ECDSA 256",
			problem: "the key spells out its curve", differs: true,
		},
		{name: "Ed25519", minted: minted{key: "genpkey -algorithm ED25519"}, want: "Ed25519 256"},
		{name: "Ed448", minted: minted{key: "genpkey -algorithm ED448"}, want: "Ed448 448"},
		{name: "DSA", minted: minted{key: "DSA1024"}, want: "DSA 1024"},
		{name: "name constraint", minted: minted{ca: "narrow"}, want: "ECDSA 256 untrusted"},
		{name: "client certificate", minted: minted{extensions: san + "\nextendedKeyUsage=clientAuth"}, want: "ECDSA 256 not for servers for clients"},
		{name: "both usages", minted: minted{extensions: san + "\nextendedKeyUsage=serverAuth,clientAuth"}, want: "ECDSA 256 for clients"},
		{name: "must-staple", minted: minted{extensions: san + "\ntlsfeature=status_request"}, want: "ECDSA 256 must staple"},
		{name: "1000 names", minted: minted{extensions: many}, want: "ECDSA 256"},
		{name: "wildcard", minted: minted{extensions: "subjectAltName=DNS:*.acme.example"}, want: "ECDSA 256"},
		{name: "wildcard too far up", minted: minted{extensions: "subjectAltName=DNS:*.example"}, want: "ECDSA 256 wrong host"},
		{name: "IP address", minted: minted{extensions: "subjectAltName=IP:127.0.0.1"}, host: "127.0.0.1", want: "ECDSA 256"},
		{name: "IPv6 address", minted: minted{extensions: "subjectAltName=IP:2001:db8::1"}, host: "2001:db8::1", want: "ECDSA 256"},
		{
			name: "IP address as a DNS name", minted: minted{extensions: "subjectAltName=DNS:127.0.0.1"}, host: "127.0.0.1",
			want: "ECDSA 256 wrong host", problem: `the DNS name "127.0.0.1" is an IP address`,
		},
		{name: "IDN", minted: minted{extensions: "subjectAltName=DNS:xn--bcher-kva.example"}, host: "xn--bcher-kva.example", want: "ECDSA 256"},
		{
			// openssl falls back to the common name; clients do not (RFC 9525).
			name: "no names", minted: minted{extensions: "keyUsage=digitalSignature"}, want: "ECDSA 256 wrong host", differs: true,
		},
		{name: "negative serial", minted: minted{sign: []string{"-set_serial", "-5"}}, want: "ECDSA 256", problem: "the serial number is negative"},
		{name: "serial zero", minted: minted{sign: []string{"-set_serial", "0"}}, want: "ECDSA 256", problem: "the serial number is zero"},
		{
			name: "serial of 21 bytes", minted: minted{sign: []string{"-set_serial", "0x7f" + strings.Repeat("00", 20)}}, want: "ECDSA 256",
			problem: "the serial number has 21 bytes",
		},
		{
			name: "malformed names", minted: minted{extensions: "2.5.29.17=DER:30:82:01:00:82"}, want: "ECDSA 256 host unknown",
			problem: "the subject alternative name is malformed",
		},
		{
			name: "unknown critical extension", minted: minted{extensions: san + "\n1.2.3.4=critical,DER:05:00"}, want: "ECDSA 256 untrusted",
			problem: "the extension 1.2.3.4 is critical",
		},
		{
			name: "precertificate", minted: minted{extensions: san + "\n1.3.6.1.4.1.11129.2.4.3=critical,DER:05:00"}, want: "ECDSA 256 untrusted",
			problem: "it is a precertificate",
		},
	} {
		if test.extensions == "" {
			test.extensions = san
		}
		chain := b.mint("leaf-"+strings.ReplaceAll(test.name, " ", "-"), test.minted)
		if test.arrange != nil {
			chain = test.arrange(chain)
		}
		if test.host == "" {
			test.host = testserver.Host
		}
		at := b.now.Add(test.later + time.Minute)
		f, reasons := judge(t, pki{root: b.root}, chain, func(p *presented) { p.host, p.now = test.host, at })
		if got := summary(f); got != test.want {
			t.Errorf("%s: %s, want %s; unknown: %v, chain: %q", test.name, got, test.want, reasons, f.ChainErrors)
		}
		if !strings.Contains("\n"+strings.Join(f.Problems, "\n"), "\n"+test.problem) || (test.problem == "" && len(f.Problems) > 0) {
			t.Errorf("%s: problems %q, want %q", test.name, f.Problems, test.problem)
		}
		if ok, said := b.verifies(chain, test.host, at); (ok == accepts(f)) == test.differs {
			t.Errorf("%s: accepted: %v by the facts (%s), %v by openssl; differing as foreseen: %v\n%s", test.name, accepts(f), summary(f), ok, test.differs, said)
		}
	}
}

// summary says in what a certificate is not a good one.
func summary(f *Facts) string {
	if f.KeyType == nil || f.KeyBits == nil {
		return "no key"
	}
	text := *f.KeyType + " " + strconv.Itoa(*f.KeyBits)
	for _, bad := range []struct {
		is   bool
		what string
	}{
		{known(f.Trusted, false), " untrusted"},
		{f.Trusted == nil, " trust unknown"},
		{known(f.SelfSigned, true), " self-signed"},
		{known(f.ChainComplete, false), " incomplete"},
		{known(f.ChainOrdered, false), " misordered"},
		{known(f.Expired, true), " expired"},
		{known(f.NotYetValid, true), " not yet valid"},
		{known(f.HostnameMatches, false), " wrong host"},
		{f.HostnameMatches == nil, " host unknown"},
		{known(f.WeakSignature, true), " weak"},
		{known(f.ServerAuth, false), " not for servers"},
		{known(f.ClientAuth, true), " for clients"},
		{known(f.MustStaple, true), " must staple"},
	} {
		if bad.is {
			text += bad.what
		}
	}
	return text
}

// TestRefusedOverTheWire: what crypto/tls refuses is reported all the same.
func TestRefusedOverTheWire(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, test := range []struct {
		name string
		minted
		args []string
		want string
	}{
		{"RSA 512", minted{key: "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:512"}, []string{"-tls1_2"}, "RSA 512"},
		{"RSA 512 with TLS 1.3", minted{key: "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:512"}, nil, "RSA 512"},
		{"RSA 768", minted{key: "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:768"}, nil, "RSA 768"},
		{"negative serial", minted{sign: []string{"-set_serial", "-5"}}, nil, "ECDSA 256"},
		{"negative serial, TLS 1.2", minted{sign: []string{"-set_serial", "-5"}}, []string{"-tls1_2"}, "ECDSA 256"},
		{"malformed names", minted{extensions: "2.5.29.17=DER:30:82:01:00:82"}, nil, "ECDSA 256 host unknown"},
		{"brainpool, TLS 1.2", minted{key: "ecparam -name brainpoolP256r1 -genkey -noout"}, []string{"-tls1_2"}, "ECDSA 256"},
		{"secp256k1", minted{key: "ecparam -name secp256k1 -genkey -noout"}, []string{"-tls1_2"}, "ECDSA 256"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.extensions == "" {
				test.extensions = san
			}
			name := strings.ReplaceAll(test.name, " ", "-")
			b.mint(name, test.minted)
			address := peers.OpenSSL(t, append([]string{
				"-cert", b.path(name + ".pem"), "-key", b.path(name + ".key"), "-cert_chain", b.path("sub.pem"), "-cipher", "DEFAULT@SECLEVEL=0",
			}, test.args...)...)
			_, port, _ := strings.Cut(address, ":")
			number, err := strconv.ParseUint(port, 10, 16)
			if err != nil {
				t.Fatal(err)
			}
			s := &testserver.Server{Port: uint16(number)}
			o := testserver.ObserveAt(t, time.Now(), s.Link(t, "mqtts", ""), testserver.Pool(b.root), probeFor(newPKI(t)))[0]
			f, ok := o.Facts.(*Facts)
			if !ok {
				t.Fatalf("%s: %s", o.Outcome, o.Detail)
			}
			if got := summary(f); got != test.want {
				t.Errorf("%s, want %s; %v", got, test.want, o.Unknown)
			}
			// s_server serves one connection at a time.
			if reason := testserver.Reasons(o)["certificate.without_sni"]; f.WithoutSNI == nil && reason != checks.ReasonGarbage {
				t.Errorf("without a name: %s", reason)
			} else if f.WithoutSNI != nil && *f.WithoutSNI != withoutSNISame {
				t.Errorf("without a name: %s", *f.WithoutSNI)
			}
		})
	}
}
