package hello

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// rec puts a record around a fragment.
func rec(kind byte, fragment string) string {
	return string(appendRecord(nil, kind, TLS12, []byte(fragment)))
}

// msg puts the header of a handshake message in front of a body.
func msg(kind byte, body string) string {
	w := &builder{}
	w.byte(kind)
	start := w.open(3)
	w.b = append(w.b, body...)
	w.close(start, 3)
	return string(w.b)
}

// vec puts a length of the given size in front of a value.
func vec(size int, value string) string {
	w := &builder{}
	w.vector(size, []byte(value))
	return string(w.b)
}

// num is a big-endian number of 16 bits.
func num[T ~uint16 | ~uint32](n T) string { return string([]byte{byte(n >> 8), byte(n)}) }

func alert(level, code byte) string { return rec(recordAlert, string([]byte{level, code})) }

// helloBody is the body of a ServerHello without compression and session ID.
func helloBody(v Version, s Suite, extensions ...string) string {
	body := num(v) + strings.Repeat("r", 32) + "\x00" + num(s) + "\x00"
	if len(extensions) > 0 {
		body += vec(2, strings.Join(extensions, ""))
	}
	return body
}

func ext(kind uint16, data string) string { return num(kind) + vec(2, data) }

// flightOf is a whole flight up to TLS 1.2: a ServerHello, more messages, and
// a ServerHelloDone, in one record.
func flightOf(v Version, s Suite, messages ...string) string {
	return rec(22, msg(typeServerHello, helloBody(v, s))+strings.Join(messages, "")+msg(typeServerHelloDone, ""))
}

func signed(v Version, parameters string) string {
	if v == TLS12 {
		parameters += "\x04\x01"
	}
	return msg(typeServerKeyExchange, parameters+vec(2, "signature"))
}

func TestReadHandMade(t *testing.T) {
	t.Parallel()
	all := func(v Version) Offer { return asking(v, Select(v, func(SuiteInfo) bool { return true })...) }
	deflate := asking(TLS12, 0x002f)
	deflate.Deflate = true
	prime := "\x00\x00\xf1" + strings.Repeat("p", 63)
	five := strings.Repeat(vec(1, "x"), 5)
	for _, test := range []struct {
		name  string
		offer Offer
		bytes string
		want  Answer
	}{
		{"a refusal", all(TLS12), alert(2, 40), Answer{Alert: &Alert{true, 40}}},
		{"a refusal in SSL 3.0", all(SSL3), "\x15\x03\x00\x00\x02\x02\x28", Answer{Alert: &Alert{true, 40}}},
		{"a refusal in an unheard-of version", all(TLS12), "\x15\x03\x63\x00\x02\x02\x46", Answer{Alert: &Alert{true, 70}}},
		{"a refusal in two records", all(TLS12), rec(21, "\x02") + rec(21, "\x46"), Answer{Alert: &Alert{true, 70}}},
		{"warnings and a refusal in one record", all(TLS12), rec(21, "\x01\x70\x01\x64\x02\x46more"), Answer{Alert: &Alert{true, 70}, Warnings: []Alert{{false, 112}, {false, 100}}}},
		{"a fatal alert called a warning", all(TLS12), alert(1, 40), Answer{Alert: &Alert{false, 40}}},
		{"a warning called fatal", all(TLS12), alert(2, 112), Answer{Alert: &Alert{true, 112}}},
		{"a fatal close_notify", all(TLS12), alert(2, 0), Answer{Alert: &Alert{true, 0}}},
		{"an unknown fatal alert", all(TLS12), alert(2, 200), Answer{Alert: &Alert{true, 200}}},
		{
			"a refusal after the ServerHello", all(TLS12),
			rec(22, msg(2, helloBody(TLS12, 0x002f))) + alert(2, 80),
			Answer{Version: TLS12, Suite: 0x002f, Alert: &Alert{true, 80}},
		},
		{"RSA", all(TLS12), flightOf(TLS12, 0x002f), Answer{Version: TLS12, Suite: 0x002f, Done: true}},
		{"an older version", all(TLS12), flightOf(SSL3, 0x002f), Answer{Version: SSL3, Suite: 0x002f, Done: true}},
		{
			"a version below those listed, by a server that knows no list", asking(TLS13, 0x1301, 0xc02f),
			flightOf(TLS12, 0xc02f), Answer{Version: TLS12, Suite: 0xc02f, Done: true},
		},
		{"a suite that nobody knows", asking(TLS12, 0xfafa), flightOf(TLS12, 0xfafa, msg(12, "?")), Answer{Version: TLS12, Suite: 0xfafa, Done: true}},
		{
			"compression", deflate,
			rec(22, msg(2, num(TLS12)+strings.Repeat("r", 32)+"\x01i"+num(Suite(0x002f))+"\x01\x00\x00")+msg(14, "")),
			Answer{Version: TLS12, Suite: 0x002f, Compression: 1, Done: true},
		},
		{
			"HelloRequests mean nothing", all(TLS12),
			rec(22, msg(0, "")) + flightOf(TLS12, 0x002f, msg(0, "")), Answer{Version: TLS12, Suite: 0x002f, Done: true},
		},
		{
			"an empty chain", all(TLS12), flightOf(TLS12, 0x002f, msg(11, vec(3, ""))),
			Answer{Version: TLS12, Suite: 0x002f, Done: true, Chain: [][]byte{}},
		},
		{
			"a chain and a staple", all(TLS12),
			flightOf(TLS12, 0x002f, msg(11, vec(3, vec(3, "leaf")+vec(3, "issuer"))), msg(22, "\x01"+vec(3, "staple"))),
			Answer{Version: TLS12, Suite: 0x002f, Done: true, Chain: [][]byte{[]byte("leaf"), []byte("issuer")}, OCSPStaple: []byte("staple")},
		},
		{
			"EXPORT with a temporary RSA key", all(TLS10),
			flightOf(TLS10, 0x0003, signed(TLS10, vec(2, "\x00\xc0"+strings.Repeat("n", 63))+vec(2, "\x01\x00\x01"))),
			Answer{Version: TLS10, Suite: 0x0003, RSABits: 512, Done: true},
		},
		{
			"EXPORT without one", all(SSL3), flightOf(SSL3, 0x0062), Answer{Version: SSL3, Suite: 0x0062, Done: true},
		},
		{
			"EXPORT with DHE", all(SSL3), flightOf(SSL3, 0x0014, signed(SSL3, vec(2, prime)+vec(2, "\x02")+vec(2, "y"))),
			Answer{Version: SSL3, Suite: 0x0014, DHPrime: []byte(prime[2:]), Done: true},
		},
		{
			"DHE", all(TLS12), flightOf(TLS12, 0x0033, signed(TLS12, vec(2, prime)+vec(2, "\x02")+vec(2, "y"))),
			Answer{Version: TLS12, Suite: 0x0033, DHPrime: []byte(prime[2:]), Signature: 0x0401, Done: true},
		},
		{
			"anonymous DH", all(TLS12), flightOf(TLS12, 0x0034, msg(12, vec(2, prime)+vec(2, "\x02")+vec(2, "y"))),
			Answer{Version: TLS12, Suite: 0x0034, DHPrime: []byte(prime[2:]), Done: true},
		},
		{
			"anonymous ECDH", all(TLS12), flightOf(TLS12, 0xc018, msg(12, "\x03\x00\x17"+vec(1, "point"))),
			Answer{Version: TLS12, Suite: 0xc018, Group: SecP256r1, Done: true},
		},
		{
			"a curve spelt out over a prime field", all(TLS11),
			flightOf(TLS11, 0xc013, signed(TLS11, "\x01"+vec(1, "prime")+five+vec(1, "point"))),
			Answer{Version: TLS11, Suite: 0xc013, Group: ExplicitPrimeCurve, Done: true},
		},
		{
			"a curve spelt out, with a trinomial", all(TLS12),
			flightOf(TLS12, 0xc013, signed(TLS12, "\x02\x00\xa3\x01"+vec(1, "k")+five+vec(1, "point"))),
			Answer{Version: TLS12, Suite: 0xc013, Group: ExplicitChar2Curve, Signature: 0x0401, Done: true},
		},
		{
			"a curve spelt out, with a pentanomial", all(TLS12),
			flightOf(TLS12, 0xc013, signed(TLS12, "\x02\x00\xa3\x02"+vec(1, "1")+vec(1, "2")+vec(1, "3")+five+vec(1, "point"))),
			Answer{Version: TLS12, Suite: 0xc013, Group: ExplicitChar2Curve, Signature: 0x0401, Done: true},
		},
		{"PSK", all(TLS12), flightOf(TLS12, 0x008c, msg(12, vec(2, "hint"))), Answer{Version: TLS12, Suite: 0x008c, Done: true}},
		{"RSA_PSK", all(TLS12), flightOf(TLS12, 0x0094, msg(12, vec(2, ""))), Answer{Version: TLS12, Suite: 0x0094, Done: true}},
		{
			"SRP", all(TLS12), flightOf(TLS12, 0xc01d, msg(12, vec(2, "N")+vec(2, "g")+vec(1, "salt")+vec(2, "B"))),
			Answer{Version: TLS12, Suite: 0xc01d, Done: true},
		},
		{
			"SRP with a certificate", all(TLS12), flightOf(TLS12, 0xc01e, signed(TLS12, vec(2, "N")+vec(2, "g")+vec(1, "salt")+vec(2, "B"))),
			Answer{Version: TLS12, Suite: 0xc01e, Signature: 0x0401, Done: true},
		},
		{"CECPQ1", all(TLS12), flightOf(TLS12, 0x16b7, msg(12, "anything")), Answer{Version: TLS12, Suite: 0x16b7, Done: true}},
		{
			"a client certificate wanted", all(TLS12),
			flightOf(TLS12, 0x002f, msg(13, vec(1, "\x01\x40")+vec(2, "\x04\x01\x05\x01")+vec(2, vec(2, "one")+vec(2, "two")))),
			Answer{Version: TLS12, Suite: 0x002f, Done: true, Request: &CertificateRequest{
				Types: []byte{1, 0x40}, SignatureSchemes: []SignatureScheme{0x0401, 0x0501}, CAs: [][]byte{[]byte("one"), []byte("two")},
			}},
		},
		{
			"a client certificate wanted by an old server", all(TLS11),
			flightOf(TLS11, 0x002f, msg(13, vec(1, "\x01")+vec(2, vec(2, "one")))),
			Answer{Version: TLS11, Suite: 0x002f, Done: true, Request: &CertificateRequest{Types: []byte{1}, CAs: [][]byte{[]byte("one")}}},
		},
		{
			"any client certificate wanted", all(TLS12), flightOf(TLS12, 0x002f, msg(13, vec(1, "")+vec(2, "")+vec(2, ""))),
			Answer{Version: TLS12, Suite: 0x002f, Done: true, Request: &CertificateRequest{}},
		},
		{
			"a retry for the sake of a cookie", asking(TLS13, 0x1301),
			rec(22, msg(2, strings.Replace(helloBody(TLS12, 0x1301, ext(ExtSupportedVersions, "\x03\x04"), ext(ExtCookie, vec(2, "c"))), strings.Repeat("r", 32), retryRandom, 1))),
			Answer{Version: TLS13, Suite: 0x1301, Retry: true, Done: true},
		},
		{
			"SSL 2.0", all(SSL2), "\x80\x18\x04\x00\x01\x00\x02\x00\x04\x00\x06\x00\x03leaf\x01\x00\x80\x02\x00\x80sid",
			Answer{Version: SSL2, Suite: 0x010080, Kinds: []Suite{0x010080, 0x020080}, Chain: [][]byte{[]byte("leaf")}, Done: true},
		},
		{
			"SSL 2.0 without a kind in common", all(SSL2), "\x80\x0f\x04\x00\x01\x00\x02\x00\x04\x00\x00\x00\x00leaf",
			Answer{Version: SSL2, Kinds: []Suite{}, Chain: [][]byte{[]byte("leaf")}, Done: true},
		},
		{"SSL 2.0: no cipher", all(SSL2), "\x80\x03\x00\x00\x01", Answer{Alert: &Alert{true, AlertHandshakeFailure}}},
		{"SSL 2.0: no certificate", all(SSL2), "\x80\x03\x00\x00\x02", Answer{Alert: &Alert{true, AlertNoCertificate}}},
		{"SSL 2.0: bad certificate", all(SSL2), "\x80\x03\x00\x00\x04", Answer{Alert: &Alert{true, AlertBadCertificate}}},
		{"SSL 2.0: unknown certificate", all(SSL2), "\x80\x03\x00\x00\x06", Answer{Alert: &Alert{true, AlertUnsupportedCertificate}}},
		{"SSL 2.0, refused by a TLS server", all(SSL2), alert(2, 70), Answer{Alert: &Alert{true, 70}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, split := range []func(io.Reader) io.Reader{
				func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.DataErrReader,
			} {
				got, err := Read(split(strings.NewReader(test.bytes)), test.offer)
				if err != nil {
					t.Fatal(err)
				}
				got.SessionID, got.Extensions = nil, nil
				if diff := cmp.Diff(&test.want, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// However the records cut the messages, the answer is the same.
func TestReadFragmented(t *testing.T) {
	t.Parallel()
	hello := msg(2, helloBody(TLS12, 0x0033))
	messages := hello + msg(11, vec(3, vec(3, strings.Repeat("leaf", 50)))) +
		signed(TLS12, vec(2, strings.Repeat("p", 64))+vec(2, "\x02")+vec(2, "y")) + msg(14, "")
	want, err := Read(strings.NewReader(rec(22, messages)), asking(TLS12, 0x0033))
	if err != nil {
		t.Fatal(err)
	}
	for size := 1; size < len(messages); size++ {
		var records string
		for at := 0; at < len(messages); at += size {
			records += rec(22, messages[at:min(at+size, len(messages))])
			if at == 3*size {
				records += alert(1, 112) + rec(22, "")
			}
		}
		got, err := Read(strings.NewReader(records), asking(TLS12, 0x0033))
		if err != nil {
			t.Fatalf("in records of %d bytes: %v", size, err)
		}
		got.Warnings = nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in records of %d bytes: %s", size, diff)
		}
	}
}

// What the protocol does not allow is an error, and what came before is kept.
func TestReadRefuses(t *testing.T) {
	t.Parallel()
	begun := Answer{Version: TLS12, Suite: 0x002f}
	hello := msg(2, helloBody(TLS12, 0x002f))
	dhe := msg(2, helloBody(TLS12, 0x0033))
	sent := asking(TLS12, 0x002f, 0x0033, 0xc013, 0x0030, 0x0003)
	retry := func(extensions ...string) string {
		return rec(22, msg(2, helloBody(TLS12, 0x1301, extensions...)))
	}
	chosen13 := ext(ExtSupportedVersions, "\x03\x04")
	for _, test := range []struct {
		name  string
		offer Offer
		bytes string
		what  string  // part of the error
		want  *Answer // what is kept
	}{
		{"HTTP", sent, "HTTP/1.1 400 Bad Request\r\n", "no record starts with 0x48", nil},
		{"two bytes of something else", sent, "OK", "no record starts with 0x4f", nil},
		{"a record of version 2", sent, "\x16\x02\x00\x00\x01x", "a record of version 0x0200", nil},
		{"too long a record", sent, "\x16\x03\x01\xff\xff", "a record of 65535 bytes", nil},
		{"application data", sent, rec(23, "data"), "a record of type 23", nil},
		{"a ChangeCipherSpec", sent, rec(22, hello) + rec(20, "\x01"), "a record of type 20", &begun},
		{"an alert of no level", sent, alert(0, 40), "an alert of level 0", nil},
		{"a flood of warnings", sent, strings.Repeat(alert(1, 112), 17), "more than 16 warnings", &Answer{Warnings: sixteen}},
		{"a flood of empty records", sent, strings.Repeat(rec(22, ""), 17), "empty records", nil},
		{"a Certificate first", sent, rec(22, msg(11, vec(3, ""))), "before the ServerHello", nil},
		{"a ClientHello", sent, rec(22, msg(1, helloBody(TLS12, 0x002f))), "a handshake message of type 1", nil},
		{"a HelloRequest with something in it", sent, rec(22, msg(0, "x")), "a handshake message of type 0", nil},
		{"a NewSessionTicket", sent, rec(22, hello+msg(4, "ticket")), "a handshake message of type 4", &begun},
		{"two ServerHellos", sent, rec(22, hello+hello), "out of order", &begun},
		{"a chain after the request", sent, rec(22, hello+msg(13, vec(1, "")+vec(2, "")+vec(2, ""))+msg(11, vec(3, ""))), "out of order", &Answer{Version: TLS12, Suite: 0x002f, Request: &CertificateRequest{}}},
		{"too long a message", sent, rec(22, "\x02\x02\x00\x01"), "a handshake message of 131073 bytes", nil},
		{"an empty ServerHello", sent, rec(22, msg(2, "")), "a malformed ServerHello", nil},
		{"a ServerHello cut short", sent, rec(22, msg(2, hello[4:40])), "a malformed ServerHello", nil},
		{"a ServerHello with more behind it", sent, rec(22, msg(2, helloBody(TLS12, 0x002f)+"\x00\x00\x00")), "a malformed ServerHello", nil},
		{"a ServerHello of version 2", sent, rec(22, msg(2, helloBody(0x0200, 0x002f))), "a malformed ServerHello", nil},
		{"a session ID of 33 bytes", sent, rec(22, msg(2, num(TLS12)+strings.Repeat("r", 32)+vec(1, strings.Repeat("i", 33))+num(Suite(0x002f))+"\x00")), "a malformed ServerHello", nil},
		{"an extension twice", sent, rec(22, msg(2, helloBody(TLS12, 0x002f, ext(22, ""), ext(22, "")))), "a malformed ServerHello", nil},
		{"half an extension", sent, rec(22, msg(2, helloBody(TLS12, 0x002f, "\x00\x16\x00\x01"))), "a malformed ServerHello", nil},
		{"a flood of extensions", sent, rec(22, msg(2, helloBody(TLS12, 0x002f, strings.Repeat(ext(1, ""), 101)))), "a malformed ServerHello", nil},
		{"a version above those offered", asking(TLS11, 0x002f), rec(22, hello), "a ServerHello of TLS 1.2, where TLS 1.1 is the highest", nil},
		{"TLS in SSL 2.0", asking(SSL2, 0x010080), rec(22, hello), "a ServerHello of TLS 1.2, where SSL 2.0 is the highest", nil},
		{"TLS 1.3 without its extension", asking(TLS13, 0x1301), rec(22, msg(2, helloBody(TLS13, 0x1301))), "a ServerHello of TLS 1.3", nil},
		{"supported_versions for TLS 1.2", asking(TLS13, 0x1301), retry(ext(ExtSupportedVersions, "\x03\x03")), "selects TLS 1.2", nil},
		{"a draft of TLS 1.3", asking(TLS13, 0x1301), retry(ext(ExtSupportedVersions, "\x7f\x1c")), "selects 0x7F1C", nil},
		{"supported_versions that was not offered", asking(TLS12, 0x1301), retry(chosen13), "selects TLS 1.3", nil},
		{"supported_versions with two", asking(TLS13, 0x1301), retry(ext(ExtSupportedVersions, "\x03\x04\x03\x03")), "selects TLS 1.3", nil},
		{"a suite that was not offered", asking(TLS12, 0x0035), rec(22, hello), "chooses TLS_RSA_WITH_AES_128_CBC_SHA, which", nil},
		{"an old suite for TLS 1.3", asking(TLS13, 0x002f), rec(22, msg(2, helloBody(TLS12, 0x002f, chosen13))), "chooses TLS_RSA_WITH_AES_128_CBC_SHA for TLS 1.3", nil},
		{"a new suite for TLS 1.2", asking(TLS13, 0x1301), retry(), "chooses TLS_AES_128_GCM_SHA256 for TLS 1.2", nil},
		{"compression that was not offered", sent, rec(22, msg(2, strings.TrimSuffix(helloBody(TLS12, 0x002f), "\x00")+"\x01")), "chooses compression 1", nil},
		{"a key share without a key", asking(TLS13, 0x1301), retry(chosen13, ext(ExtKeyShare, "\x00\x1d")), "malformed key_share", nil},
		{"a group that was not offered", asking(TLS13, 0x1301), retry(chosen13, ext(ExtKeyShare, "\x00\x1e"+vec(2, "key"))), "the group X448, which", nil},
		{"a curve that was not offered", sent, flightOf(TLS12, 0xc013, signed(TLS12, "\x03\x00\x19"+vec(1, "point"))), "the group secp521r1, which", &Answer{Version: TLS12, Suite: 0xc013}},
		{"a curve of no type", sent, flightOf(TLS12, 0xc013, signed(TLS12, "\x04\x00\x19"+vec(1, "point"))), "malformed ServerKeyExchange", &Answer{Version: TLS12, Suite: 0xc013}},
		{"a curve on no basis", sent, flightOf(TLS12, 0xc013, signed(TLS12, "\x02\x00\xa3\x03")), "malformed ServerKeyExchange", &Answer{Version: TLS12, Suite: 0xc013}},
		{"a key exchange cut short", sent, rec(22, dhe+msg(12, vec(2, "prime")+"\x00\xff")), "malformed ServerKeyExchange", &Answer{Version: TLS12, Suite: 0x0033}},
		{"a key exchange with more behind it", sent, rec(22, dhe+msg(12, vec(2, "prime")+vec(2, "g")+vec(2, "y")+"\x04\x01"+vec(2, "s")+"more")), "malformed ServerKeyExchange", &Answer{Version: TLS12, Suite: 0x0033}},
		{"a key exchange that the suite does not have", sent, flightOf(TLS12, 0x0030, msg(12, "x")), "ServerKeyExchange message with TLS_DH_DSS", &Answer{Version: TLS12, Suite: 0x0030}},
		{"an empty certificate", sent, rec(22, hello+msg(11, vec(3, vec(3, "leaf")+vec(3, "")))), "malformed Certificate message", &begun},
		{"half a certificate", sent, rec(22, hello+msg(11, vec(3, "\x00\x00\x09leaf"))), "malformed Certificate message", &begun},
		{"a Certificate message with more behind it", sent, rec(22, hello+msg(11, vec(3, "")+"x")), "malformed Certificate message", &begun},
		{"a chain without end", sent, rec(22, hello+msg(11, vec(3, strings.Repeat(vec(3, "c"), 101)))), "a chain of 101 certificates", &begun},
		{"a status of another type", sent, rec(22, hello+msg(22, "\x02"+vec(3, "x"))), "malformed CertificateStatus", &begun},
		{"a request cut short", sent, rec(22, hello+msg(13, vec(1, "\x01")+vec(2, "\x04"))), "malformed CertificateRequest", &begun},
		{"a request with half a name", sent, rec(22, hello+msg(13, vec(1, "\x01")+vec(2, "")+vec(2, "\x00\x09x"))), "malformed CertificateRequest", &begun},
		{"a ServerHelloDone with something in it", sent, rec(22, hello+msg(14, "x")), "ServerHelloDone", &begun},
		{"SSL 2.0: an empty record", asking(SSL2, 0x010080), "\x80\x00\x04", "neither", nil},
		{"SSL 2.0: another message", asking(SSL2, 0x010080), "\x80\x01\x02", "neither", nil},
		{"Telnet", asking(SSL2, 0x010080), "\xff\xfd\x18\xff\xfd\x20", "neither", nil},
		{"SSL 2.0: an unknown error", asking(SSL2, 0x010080), "\x80\x03\x00\x00\x63", "an ERROR 99", nil},
		{"SSL 2.0: half an error", asking(SSL2, 0x010080), "\x80\x02\x00\x00", "a malformed ERROR", nil},
		{"SSL 2.0: lengths that lie", asking(SSL2, 0x010080), "\x80\x0b\x04\x00\x01\x00\x02\xff\xff\x00\x03\x00\x00", "a malformed SERVER-HELLO", nil},
		{"SSL 2.0: two thirds of a kind", asking(SSL2, 0x010080), "\x80\x0d\x04\x00\x01\x00\x02\x00\x00\x00\x02\x00\x00\x01\x00", "a malformed SERVER-HELLO", nil},
		{"SSL 2.0 of version 3", asking(SSL2, 0x010080), "\x80\x0b\x04\x00\x01\x00\x03\x00\x00\x00\x00\x00\x00", "a malformed SERVER-HELLO", nil},
		{"an answer in SSL 2.0 to a TLS hello", sent, "\x80\x03\x00\x00\x01", "no record starts with 0x80", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := Read(strings.NewReader(test.bytes), test.offer)
			syntax, ok := errors.AsType[*SyntaxError](err)
			if !ok || !strings.Contains(err.Error(), test.what) {
				t.Fatalf("error %v, want one with %q", err, test.what)
			}
			if want := test.bytes[:min(len(test.bytes), 64)]; string(syntax.First) != want {
				t.Errorf("the first bytes are %q, want %q", syntax.First, want)
			}
			if got != nil {
				got.Extensions = nil
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

var sixteen = func() []Alert {
	var all []Alert
	for range 16 {
		all = append(all, Alert{Code: 112})
	}
	return all
}()
