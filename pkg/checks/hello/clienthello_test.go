package hello

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestReadClientHello(t *testing.T) {
	t.Parallel()
	records, want := marshal(t, modern)
	message := string(records[recordHeader:])
	var split string
	for _, b := range []byte(message) {
		split += rec(22, string([]byte{b}))
	}
	for name, text := range map[string]string{
		"in one record": string(records) + "more", "in many records": split,
	} {
		got, err := ReadClientHello(iotest.OneByteReader(strings.NewReader(text)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// An old client's hello may come in the form of SSL 2.0, with suites of TLS
// (RFC 5246 appendix E.2).
func TestReadClientHelloCompatible(t *testing.T) {
	t.Parallel()
	text := "\x80\x21\x01\x03\x01\x00\x06\x00\x02\x00\x10\x00\x00\x2f\x01\x00\x80id" + strings.Repeat("c", 16)
	got, err := ParseClientHello([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := &ClientHello{
		Version: TLS10, Suites: []Suite{0x002f, 0x010080}, SessionID: []byte("id"), Random: []byte(strings.Repeat("c", 16)),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadClientHelloRefuses(t *testing.T) {
	t.Parallel()
	body := func(extensions ...string) string {
		text := num(TLS12) + strings.Repeat("r", 32) + "\x00" + vec(2, "\x00\x2f") + vec(1, "\x00")
		return rec(22, msg(1, text+vec(2, strings.Join(extensions, ""))))
	}
	if _, err := ParseClientHello([]byte(body())); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		text string
		what string // in a SyntaxError; empty for io.ErrUnexpectedEOF
	}{
		{"HTTP", "GET / HTTP/1.1\r\n\r\n", "no record starts with 0x47"},
		{"an alert", alert(2, 40), "a record of type 21"},
		{"a ServerHello", rec(22, msg(2, helloBody(TLS12, 0x002f))), "a handshake message of type 2"},
		{"too long", rec(22, "\x01\xff\xff\xff"), "a handshake message of 16777215 bytes"},
		{"a hello cut short", rec(22, msg(1, num(TLS12))), "a malformed ClientHello"},
		{"half a suite", rec(22, msg(1, num(TLS12)+strings.Repeat("r", 32)+"\x00"+vec(2, "\x00")+vec(1, "\x00"))), "a malformed ClientHello"},
		{"half a name", body(ext(ExtServerName, vec(2, "\x00\x00\x09x"))), "a malformed extension 0"},
		{"half a group", body(ext(ExtSupportedGroups, vec(2, "\x00"))), "a malformed extension 10"},
		{"a scheme too many", body(ext(ExtSignatureAlgorithms, vec(2, "\x04\x01")+"\x04\x01")), "a malformed extension 13"},
		{"half a version", body(ext(ExtSupportedVersions, "\x03\x03\x04\x03")), "a malformed extension 43"},
		{"half a protocol", body(ext(ExtALPN, vec(2, "\x09x"))), "a malformed extension 16"},
		{"half a key share", body(ext(ExtKeyShare, vec(2, "\x00\x1d\x00\x20"))), "a malformed extension 51"},
		{"SSL 2.0: half a kind", "\x80\x0b\x01\x00\x02\x00\x02\x00\x00\x00\x00\x01\x00", "a malformed CLIENT-HELLO"},
		{"SSL 2.0: another message", "\x80\x09\x04\x00\x02\x00\x00\x00\x00\x00\x00", "a malformed CLIENT-HELLO"},
		{"half a record", "\x16\x03\x01\x00", ""},
		{"half a hello of SSL 2.0", "\x80\x20\x01", ""},
	} {
		_, err := ParseClientHello([]byte(test.text))
		if test.what == "" {
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: %v", test.name, err)
			}
		} else if _, ok := errors.AsType[*SyntaxError](err); !ok || !strings.Contains(err.Error(), test.what) {
			t.Errorf("%s: %v, want %q", test.name, err, test.what)
		}
	}
}
