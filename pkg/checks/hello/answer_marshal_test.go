package hello

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// What a scripted server is told to say is what is read of it.
func TestAnswerMarshal(t *testing.T) {
	t.Parallel()
	refused := &Alert{Fatal: true, Code: AlertHandshakeFailure}
	large := [][]byte{bytes.Repeat([]byte("c"), 40<<10), []byte("issuer")}
	for name, want := range map[string]Answer{
		"an alert":              {Alert: refused},
		"a warning and a hello": {Warnings: []Alert{{Code: AlertUnrecognizedName}}, Version: TLS12, Suite: 0x002f, Done: true},
		"a hello and an alert":  {Version: TLS11, Suite: 0x002f, Alert: refused},
		"a large chain":         {Version: TLS12, Suite: 0xc02f, Chain: large, Group: X25519, Signature: 0x0804, Done: true},
		"a TLS 1.3 hello":       {Version: TLS13, Suite: 0x1301, Group: X25519MLKEM768, Done: true},
		"a retry":               {Version: TLS13, Suite: 0x1301, Group: SecP521r1, Retry: true, Done: true},
		"compression":           {Version: SSL3, Suite: 0x0005, Compression: 1, Done: true},
		"EXPORT":                {Version: SSL3, Suite: 0x0003, RSABits: 509, Done: true},
		"a spelt-out curve":     {Version: TLS12, Suite: 0xc014, Group: ExplicitChar2Curve, Signature: 0x0201, Done: true},
		"SRP":                   {Version: TLS12, Suite: 0xc021, Signature: 0x0201, Done: true},
		"ECDHE_PSK":             {Version: TLS12, Suite: 0xc037, Group: X448, Done: true},
		"DHE_PSK":               {Version: TLS10, Suite: 0x0090, DHPrime: []byte("prime"), Done: true},
		"SSL 2.0":               {Version: SSL2, Suite: 0x010080, Kinds: []Suite{0x010080, 0x0700c0}, Chain: [][]byte{[]byte("leaf")}, SessionID: []byte("id"), Done: true},
	} {
		offer := everything(max(want.Version, SSL3))
		if want.Version == SSL2 {
			offer = everything(SSL2)
		}
		offer.Groups = append(offer.Groups, want.Group)
		records, err := want.Marshal()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := Read(bytes.NewReader(records), offer)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(&want, got, cmpopts.IgnoreFields(Answer{}, "Extensions")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestAnswerMarshalRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		answer Answer
		want   error
	}{
		{"nothing", Answer{}, errNoAnswer},
		{"a curve with RSA_PSK", Answer{Version: TLS12, Suite: 0x0094, Group: X25519}, errKeyExchange},
		{"a curve with a suite that nobody knows", Answer{Version: TLS12, Suite: 0xfafa, Group: X25519}, errKeyExchange},
		{"a huge temporary key", Answer{Version: TLS10, Suite: 0x0003, RSABits: 1 << 20}, errRSALength},
		{"a long session ID", Answer{Version: TLS12, Suite: 0x002f, SessionID: make([]byte, 256)}, errTooLong},
		{"a long chain in SSL 2.0", Answer{Version: SSL2, Chain: [][]byte{make([]byte, 0x8000)}}, errTooLong},
	} {
		if _, err := test.answer.Marshal(); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}
