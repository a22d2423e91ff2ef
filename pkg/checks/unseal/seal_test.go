package unseal

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sealer writes what a server sends, for what no server would.
type sealer struct {
	tb   testing.TB
	keys *keys
	out  []byte
}

// The secrets of the sealer's connections, and its suites by hash.
var (
	sealedHandshake   = strings.Repeat("\x01", 48)
	sealedApplication = strings.Repeat("\x02", 48)
)

func secretsOf(s *suite) Secrets {
	return Secrets{func() [2][]byte {
		return [2][]byte{[]byte(sealedHandshake[:s.hashLen]), []byte(sealedApplication[:s.hashLen])}
	}}
}

// after starts with a ServerHello that chooses the suite.
func after(tb testing.TB, code uint16) *sealer {
	tb.Helper()
	s := &sealer{tb: tb}
	s.clear(recordHandshake, serverHello(code, "\x00"))
	s.rekey(suiteOf(code), sealedHandshake)
	return s
}

func (s *sealer) rekey(to *suite, secret string) {
	var err error
	if s.keys, err = newKeys(to, []byte(secret[:to.hashLen])); err != nil {
		s.tb.Fatal(err)
	}
}

// finished ends the server's half of the handshake.
func (s *sealer) finished() *sealer {
	s.sealed(recordHandshake, message(messageFinished, strings.Repeat("f", s.keys.suite.hashLen)))
	s.rekey(s.keys.suite, sealedApplication)
	return s
}

func (s *sealer) clear(kind byte, content string) *sealer {
	s.out = append(s.out, kind, 3, 3)
	s.out = binary.BigEndian.AppendUint16(s.out, uint16(len(content)))
	s.out = append(s.out, content...)
	return s
}

// sealed writes one record, whose content is padded with two zeros.
func (s *sealer) sealed(kind byte, content string) *sealer {
	inner := content + string(kind) + "\x00\x00"
	header := []byte{recordApplicationData, 3, 3}
	header = binary.BigEndian.AppendUint16(header, uint16(len(inner)+s.keys.aead.Overhead()))
	nonce := s.keys.iv
	for i := range 8 {
		nonce[4+i] ^= byte(s.keys.sequence >> (8 * (7 - i)))
	}
	s.keys.sequence++
	s.out = append(s.out, s.keys.aead.Seal(header, nonce[:], []byte(inner), header)...)
	return s
}

func serverHello(code uint16, random string) string {
	return message(messageServerHello, "\x03\x03"+(random + strings.Repeat("r", 32))[:32]+"\x00"+
		string([]byte{byte(code >> 8), byte(code)})+"\x00"+
		"\x00\x06\x00\x2b\x00\x02\x03\x04")
}

func message(kind byte, body string) string {
	return string([]byte{kind, byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}) + body
}

const ticket = "\x00\x00\x00\x3c" + "\x00\x00\x00\x00" + "\x01n" + "\x00\x01t"

// What a server may send, however it cuts it into records.
func TestLayouts(t *testing.T) {
	t.Parallel()
	certificate := message(messageCertificate, "\x00"+"\x00\x00\x0c"+"\x00\x00\x01A\x00\x00"+"\x00\x00\x01B\x00\x00")
	for _, code := range []uint16{0x1301, 0x1302, 0x1303} {
		s := after(t, code)
		s.clear(recordChangeCipherSpec, "\x01")
		for _, b := range certificate { // a byte in each record
			s.sealed(recordHandshake, string(b))
		}
		s.sealed(recordAlert, "\x01\x5a") // user_canceled
		s.finished().sealed(recordApplicationData, "")
		s.sealed(recordHandshake, message(messageNewSessionTicket, ticket+"\x00\x00")+
			message(messageNewSessionTicket, ticket+"\x00\x08\x00\x2a\x00\x04\xff\xff\xff\xff"))
		s.sealed(recordHandshake, message(messageKeyUpdate, "\x00"))
		var err error
		if s.keys, err = s.keys.next(); err != nil {
			t.Fatal(err)
		}
		s.sealed(recordHandshake, message(messageNewSessionTicket, ticket+"\x00\x00"))
		s.sealed(recordAlert, "\x02\x50").clear(99, "after the alert nothing is read")

		got, err := Open(s.out, secretsOf(suiteOf(code)))
		want := Flight{
			Chain: [][]byte{[]byte("A"), []byte("B")}, Finished: true, Alert: new(uint8(80)),
			Tickets: []Ticket{{Lifetime: 60}, {Lifetime: 60, EarlyData: true, MaxEarlyData: 1<<32 - 1}, {Lifetime: 60}},
		}
		if diff := cmp.Diff(*got, want); diff != "" || err != nil {
			t.Errorf("0x%04X: error %v (-got +want):\n%s", code, err, diff)
		}
		tickets, err := Tickets(s.out, secretsOf(suiteOf(code)))
		if diff := cmp.Diff(tickets, want.Tickets); diff != "" || err != nil {
			t.Errorf("0x%04X: Tickets: error %v (-got +want):\n%s", code, err, diff)
		}
	}
}

// What a server must not send is an error that says so, and no panic.
func TestNotTLS13(t *testing.T) {
	t.Parallel()
	const aes = 0x1301
	hello := func() *sealer { return after(t, aes) }
	in := func(body string, kind byte) *sealer { return hello().sealed(recordHandshake, message(kind, body)) }
	extension := func(kind byte, data string) string {
		return string([]byte{0, byte(4 + len(data)), 0, kind, 0, byte(len(data))}) + data
	}
	for _, test := range []struct {
		name string
		sent *sealer
		want error
	}{
		{"nothing", &sealer{}, io.ErrUnexpectedEOF},
		{"text", &sealer{out: []byte("HTTP/1.1 400 Bad Request\r\n")}, ErrSyntax},
		{"record too long", &sealer{out: []byte{22, 3, 3, 0xff, 0xff}}, ErrSyntax},
		{"older version", (&sealer{}).clear(recordHandshake, message(messageServerHello, "\x03\x03"+strings.Repeat("r", 32)+"\x00\x13\x01\x00\x00\x00")), ErrSyntax},
		{"unknown suite", (&sealer{}).clear(recordHandshake, serverHello(0x1304, "")), ErrSyntax},
		{"short ServerHello", (&sealer{}).clear(recordHandshake, message(messageServerHello, "\x03\x03")), ErrSyntax},
		{"certificate in the clear", (&sealer{}).clear(recordHandshake, message(messageCertificate, "")), ErrSyntax},
		{"data in the clear", (&sealer{}).clear(recordApplicationData, "data"), ErrSyntax},
		{"only a retry", (&sealer{}).clear(recordHandshake, serverHello(aes, string(retryRandom[:]))), io.ErrUnexpectedEOF},
		{"alert in the clear", hello().clear(recordAlert, "\x02\x28"), ErrSyntax},
		{"message behind the ServerHello", (&sealer{}).clear(recordHandshake, serverHello(aes, "")+message(messageCertificate, "")), ErrSyntax},
		{"second ServerHello", hello().sealed(recordHandshake, serverHello(aes, "")), ErrSyntax},
		{"message of 16 MB", hello().sealed(recordHandshake, "\x0b\xff\xff\xff"), ErrSyntax},
		{"data in the handshake", hello().sealed(recordApplicationData, "data"), ErrSyntax},
		{"ticket in the handshake", in(ticket+"\x00\x00", messageNewSessionTicket), ErrSyntax},
		{"only padding", hello().sealed(0, ""), ErrSyntax},
		{"alert of one byte", hello().sealed(recordAlert, "\x02"), ErrSyntax},
		{"alert inside a message", hello().sealed(recordHandshake, "\x0b").sealed(recordAlert, "\x02\x28"), ErrSyntax},
		{"message behind the Finished", hello().sealed(recordHandshake, message(messageFinished, "f")+message(messageNewSessionTicket, "")), ErrSyntax},
		{"certificate after the Finished", hello().finished().sealed(recordHandshake, message(messageCertificate, "")), ErrSyntax},
		{"cut message", hello().sealed(recordHandshake, "\x0b\x00"), io.ErrUnexpectedEOF},
		{"empty Certificate", in("", messageCertificate), ErrSyntax},
		{"Certificate with a tail", in("\x00\x00\x00\x00!", messageCertificate), ErrSyntax},
		{"certificate beyond the list", in("\x00\x00\x00\x04\x00\x00\x09A", messageCertificate), ErrSyntax},
		{"certificate without extensions", in("\x00\x00\x00\x04\x00\x00\x01A", messageCertificate), ErrSyntax},
		{"broken staple", in("\x00\x00\x00\x0b\x00\x00\x01A"+extension(extensionStatusRequest, "\x01"), messageCertificate), ErrSyntax},
		{"broken SCTs", in("\x00\x00\x00\x0b\x00\x00\x01A"+extension(extensionSCT, "\x09"), messageCertificate), ErrSyntax},
		{"too many certificates", in("\x00\x00\x50\x05"+strings.Repeat("\x00\x00\x00\x00\x00", listMax+1), messageCertificate), ErrSyntax},
		{"empty CertificateRequest", in("", messageCertificateRequest), ErrSyntax},
		{"odd signature schemes", in("\x00"+extension(extensionSignatureAlgorithms, "\x00\x01\x04"), messageCertificateRequest), ErrSyntax},
		{"broken names", in("\x00"+extension(extensionCAs, "\x00\x02\x00\x09"), messageCertificateRequest), ErrSyntax},
		{"empty ticket", hello().finished().sealed(recordHandshake, message(messageNewSessionTicket, "")), ErrSyntax},
		{"ticket with short early data", hello().finished().sealed(recordHandshake, message(messageNewSessionTicket, ticket+extension(extensionEarlyData, "\x00"))), ErrSyntax},
		{"record changed on the way", changed(hello().sealed(recordAlert, "\x02\x28")), ErrSecret},
		{"records without end", endless(hello()), ErrSyntax},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := Open(test.sent.out, secretsOf(suiteOf(aes)))
			if !errors.Is(err, test.want) || got == nil {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
}

func changed(s *sealer) *sealer {
	s.out[len(s.out)-1] ^= 1
	return s
}

func endless(s *sealer) *sealer {
	for range recordsMax {
		s.clear(recordChangeCipherSpec, "\x01")
	}
	return s
}

// FuzzMessages feeds the readers behind the keys: what is fuzzed is sealed
// with the right ones, in records of the length given.
func FuzzMessages(f *testing.F) {
	f.Add(message(messageCertificate, "\x00\x00\x00\x06\x00\x00\x01A\x00\x00")+message(messageFinished, "f"), message(messageNewSessionTicket, ticket+"\x00\x00"), uint16(7))
	f.Add(message(messageCertificateRequest, "\x00\x00\x08\x00\x0d\x00\x04\x00\x02\x04\x03"), "", uint16(1))
	f.Fuzz(func(t *testing.T, handshake, application string, length uint16) {
		s := after(t, 0x1301)
		s.fragments(handshake, length).finished().fragments(application, length)
		flight, err := Open(s.out, secretsOf(s.keys.suite))
		if flight == nil {
			t.Fatal("no Flight")
		}
		if len(flight.Chain)+len(flight.Tickets)+len(flight.CAs)+len(flight.SCTs) > 4*listMax {
			t.Errorf("%d certificates, %d tickets, %d names", len(flight.Chain), len(flight.Tickets), len(flight.CAs))
		}
		if err == nil && !flight.Finished && flight.Alert == nil {
			t.Error("no error, though there was no Finished")
		}
		_, _ = Tickets(s.out, secretsOf(s.keys.suite))
	})
}

func (s *sealer) fragments(content string, length uint16) *sealer {
	for n := int(length)%(1<<14) + 1; content != ""; {
		n = min(n, len(content))
		s.sealed(recordHandshake, content[:n])
		content = content[n:]
	}
	return s
}
