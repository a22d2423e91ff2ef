package hello

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// recorded returns the bytes of an answer in testdata, recorded on loopback
// from OpenSSL 3.0.19, GnuTLS 3.7.9 or Java 17.0 with no algorithm disabled, as
// the file's name says. They were sent the hello of the test's offer; OpenSSL
// and GnuTLS also the name localhost and the protocols h2 and http/1.1.
func recorded(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "answers", name+".hex"))
	if err != nil {
		t.Fatal(err)
	}
	return unhex(t, string(text))
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// asking returns an offer of a version and suites.
func asking(v Version, suites ...Suite) Offer {
	return Offer{Versions: []Version{v}, Suites: suites, Groups: []Group{X25519, SecP256r1}}
}

// compareAnswers leaves the bulk to other checks.
var compareAnswers = cmpopts.IgnoreFields(Answer{}, "SessionID", "Extensions", "Chain", "OCSPStaple", "DHPrime", "Request")

func TestReadRecorded(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		offer      Offer
		want       Answer
		extensions []uint16
		chain      int // certificates
		prime      int // bits
		staple     int // bytes
		names      int // of CAs in a CertificateRequest; -1 for no request
	}{
		{
			"openssl-ecdhe", asking(TLS12, 0xc02b),
			Answer{Version: TLS12, Suite: 0xc02b, Group: X25519, Signature: 0x0403, Done: true},
			[]uint16{
				ExtRenegotiationInfo, ExtPointFormats, ExtSessionTicket, ExtStatusRequest, ExtALPN, ExtExtendedMasterSecret,
			},
			2, 0, 320, 1,
		},
		{
			"openssl-dhe", asking(TLS12, 0x009e),
			Answer{Version: TLS12, Suite: 0x009e, Signature: 0x0804, Done: true},
			[]uint16{ExtRenegotiationInfo, ExtSessionTicket, ExtExtendedMasterSecret}, 1, 1024, 0, 1,
		},
		{
			"openssl-anon", asking(TLS12, 0x00a6),
			Answer{Version: TLS12, Suite: 0x00a6, Done: true},
			[]uint16{ExtRenegotiationInfo, ExtSessionTicket, ExtExtendedMasterSecret}, 0, 1024, 0, -1,
		},
		{
			"openssl-psk", asking(TLS12, 0x00a8),
			Answer{Version: TLS12, Suite: 0x00a8, Done: true},
			[]uint16{ExtRenegotiationInfo, ExtSessionTicket, ExtExtendedMasterSecret}, 0, 0, 0, -1,
		},
		{
			"openssl-dhe-psk", asking(TLS12, 0x00aa),
			Answer{Version: TLS12, Suite: 0x00aa, Done: true},
			[]uint16{ExtRenegotiationInfo, ExtSessionTicket, ExtExtendedMasterSecret}, 0, 1024, 0, -1,
		},
		{
			"openssl-ecdhe-psk", asking(TLS12, 0xc037),
			Answer{Version: TLS12, Suite: 0xc037, Group: X25519, Done: true},
			[]uint16{ExtRenegotiationInfo, ExtSessionTicket, ExtEncryptThenMAC, ExtExtendedMasterSecret}, 0, 0, 0, -1,
		},
		{
			"openssl-rsa", asking(TLS11, 0x002f),
			Answer{Version: TLS11, Suite: 0x002f, Done: true},
			[]uint16{ExtRenegotiationInfo, ExtSessionTicket, ExtEncryptThenMAC, ExtExtendedMasterSecret}, 1, 0, 0, 1,
		},
		{
			"openssl-tls10", asking(TLS10, 0xc013),
			Answer{Version: TLS10, Suite: 0xc013, Group: X25519, Done: true},
			[]uint16{
				ExtRenegotiationInfo, ExtPointFormats, ExtSessionTicket, ExtEncryptThenMAC, ExtExtendedMasterSecret,
			},
			1, 0, 0, 1,
		},
		{
			"openssl-retry", asking(TLS13, 0x1301),
			Answer{Version: TLS13, Suite: 0x1301, Retry: true, Group: X25519, Done: true},
			[]uint16{ExtSupportedVersions, ExtKeyShare}, 0, 0, 0, -1,
		},
		{
			"gnutls-ecdhe", asking(TLS12, 0xc02b),
			Answer{
				Warnings: []Alert{{Code: AlertUnrecognizedName}},
				Version:  TLS12, Suite: 0xc02b, Group: X25519, Signature: 0x0403, Done: true,
			},
			[]uint16{ExtPointFormats, ExtExtendedMasterSecret, ExtSessionTicket, ExtRenegotiationInfo}, 1, 0, 0, 1,
		},
		{
			"gnutls-retry", asking(TLS13, 0x1302),
			Answer{
				Warnings: []Alert{{Code: AlertUnrecognizedName}},
				Version:  TLS13, Suite: 0x1302, Retry: true, Group: X25519, Done: true,
			},
			[]uint16{ExtKeyShare, ExtSupportedVersions}, 0, 0, 0, -1,
		},
		{
			"java-ssl3", asking(SSL3, 0x000a), Answer{Version: SSL3, Suite: 0x000a, Done: true},
			[]uint16{ExtRenegotiationInfo}, 1, 0, 0, -1,
		},
		{
			"java-export", asking(TLS10, 0x0003), Answer{Version: TLS10, Suite: 0x0003, RSABits: 512, Done: true},
			[]uint16{ExtExtendedMasterSecret, ExtSessionTicket, ExtRenegotiationInfo}, 1, 0, 0, -1,
		},
		{
			"java-export-dhe", asking(TLS10, 0x0014), Answer{Version: TLS10, Suite: 0x0014, Done: true},
			[]uint16{ExtExtendedMasterSecret, ExtSessionTicket, ExtRenegotiationInfo}, 1, 512, 0, -1,
		},
		{
			"java-export-anon", asking(SSL3, 0x0019, 0x0017), Answer{Version: SSL3, Suite: 0x0019, Done: true},
			[]uint16{ExtRenegotiationInfo}, 0, 512, 0, -1,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := Read(bytes.NewReader(recorded(t, test.name)), test.offer)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, *got, compareAnswers); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.extensions, kinds(got.Extensions)); diff != "" {
				t.Error(diff)
			}
			names := -1
			if got.Request != nil {
				names = len(got.Request.CAs)
			}
			if len(got.Chain) != test.chain || bitLength(got.DHPrime) != test.prime || len(got.OCSPStaple) != test.staple || names != test.names {
				t.Errorf("%d certificates, prime of %d bits, staple of %d bytes, %d names", len(got.Chain), bitLength(got.DHPrime), len(got.OCSPStaple), names)
			}
		})
	}
}

// What is kept of an answer is what was sent, byte by byte, and stays so when
// the buffers that it was read with are used again.
func TestReadKeeps(t *testing.T) {
	t.Parallel()
	records := recorded(t, "openssl-ecdhe")
	offer := asking(TLS12, 0xc02b)
	got, err := Read(bytes.NewReader(records), offer)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if _, err := Read(bytes.NewReader(bytes.Repeat([]byte{22, 3, 3, 0, 1, 2}, 100)), offer); err == nil {
			t.Fatal("half a message is an answer")
		}
	}
	for name, kept := range map[string][]byte{
		"leaf": got.Chain[0], "issuer": got.Chain[1], "staple": got.OCSPStaple, "CA": got.Request.CAs[0],
		"types": got.Request.Types, "ALPN": got.Extensions[4].Data,
	} {
		if len(kept) == 0 || !bytes.Contains(records, kept) {
			t.Errorf("%s is not what was sent: %x", name, kept)
		}
	}
	const want = "c397" // of the leaf's SHA-256
	if sum := sha256.Sum256(got.Chain[0]); hex.EncodeToString(sum[:2]) != want {
		t.Errorf("the leaf's SHA-256 is %x", sum)
	}
	schemes := got.Request.SignatureSchemes
	if len(schemes) < 10 || schemes[0] != 0x0403 {
		t.Errorf("signature schemes %v", schemes)
	}
}

// The traces of RFC 8448.
func TestReadRFC8448(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		records string
		want    Answer
	}{
		{
			"section 3, a ServerHello",
			`16 03 03 00 5a 02 00 00 56 03 03 a6 af 06 a4 12 18 60 dc 5e 6e 60 24 9c d3 4c 95 93 0c 8a c5 cb
			14 34 da c1 55 77 2e d3 e2 69 28 00 13 01 00 00 2e 00 33 00 24 00 1d 00 20 c9 82 88 76 11 20 95
			fe 66 76 2b db f7 c6 72 e1 56 d6 cc 25 3b 83 3d f1 dd 69 b1 b0 4e 75 1f 0f 00 2b 00 02 03 04`,
			Answer{Version: TLS13, Suite: 0x1301, Group: X25519, Done: true},
		},
		{
			"section 5, a HelloRetryRequest",
			`16 03 03 00 b0 02 00 00 ac 03 03 cf 21 ad 74 e5 9a 61 11 be 1d 8c 02 1e 65 b8 91 c2 a2 11 16 7a
			bb 8c 5e 07 9e 09 e2 c8 a8 33 9c 00 13 01 00 00 84 00 33 00 02 00 17 00 2c 00 74 00 72 71 dc d0
			4b b8 8b c3 18 91 19 39 8a 00 00 00 00 ee fa fc 76 c1 46 b8 23 b0 96 f8 aa ca d3 65 dd 00 30 95
			3f 4e df 62 56 36 e5 f2 1b b2 e2 3f cc 65 4b 1b 5b 40 31 8d 10 d1 37 ab cb b8 75 74 e3 6e 8a 1f
			02 5f 7d fa 5d 6e 50 78 1b 5e da 4a a1 5b 0c 8b e7 78 25 7d 16 aa 30 30 e9 e7 84 1d d9 e4 c0 34
			22 67 e8 ca 0c af 57 1f b2 b7 cf f0 f9 34 b0 00 2b 00 02 03 04`,
			Answer{Version: TLS13, Suite: 0x1301, Retry: true, Group: SecP256r1, Done: true},
		},
	} {
		got, err := Read(bytes.NewReader(unhex(t, test.records)), asking(TLS13, 0x1301))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if diff := cmp.Diff(test.want, *got, compareAnswers); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}
