package hello

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// everything offers all there is up to a version.
func everything(v Version) Offer {
	o := Offer{Versions: []Version{v}, Suites: Select(v, func(SuiteInfo) bool { return true }), Groups: AllGroups()}
	if v >= SSL3 {
		o.Suites = append(o.Suites, 0xfafa) // one that nobody knows
	}
	if v < TLS13 {
		o.Deflate = true
	}
	return o
}

// seedAnswers adds all recorded answers and some that are made by hand.
func seedAnswers(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "answers", "*.hex"))
	if err != nil || len(files) == 0 {
		f.Fatal("no recorded answers: ", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(unhex(f, string(text)))
	}
	f.Add([]byte(alert(2, 40)))
	f.Add([]byte(alert(1, 112) + rec(22, "") + alert(1, 0)))
	f.Add([]byte(flightOf(TLS10, 0x0003, signed(TLS10, vec(2, "modulus")+vec(2, "\x03")))))
	f.Add([]byte(flightOf(TLS12, 0xc018, msg(12, "\x01"+vec(1, "p")+vec(1, "a")+vec(1, "b")+vec(1, "G")+vec(1, "n")+vec(1, "h")+vec(1, "Q")))))
	f.Add([]byte("\x80\x18\x04\x00\x01\x00\x02\x00\x04\x00\x06\x00\x03leaf\x01\x00\x80\x02\x00\x80sid"))
	f.Add([]byte("\x80\x03\x00\x00\x01"))
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
}

// checkRead reads an answer and checks what must always hold.
func checkRead(t *testing.T, data []byte, offer Offer) {
	t.Helper()
	got, err := Read(bytes.NewReader(data), offer)
	if syntax, ok := errors.AsType[*SyntaxError](err); ok && !bytes.HasPrefix(data, syntax.First) {
		t.Fatalf("the first bytes are said to be %x", syntax.First)
	}
	if err == nil && got.Alert == nil && !got.Done {
		t.Fatalf("neither an alert, nor an end, nor an error: %+v", got)
	}
	slow, slowErr := Read(iotest.OneByteReader(bytes.NewReader(data)), offer)
	if diff := cmp.Diff(got, slow); diff != "" || (err == nil) != (slowErr == nil) {
		t.Fatalf("byte by byte it is another answer: %v, %v, %s", err, slowErr, diff)
	}
	if err != nil {
		return
	}
	// What was read can be written, and is the same when it is read again.
	again, err := got.Marshal()
	if err != nil {
		t.Fatalf("%v: %+v", err, got)
	}
	reread, err := Read(bytes.NewReader(again), offer)
	if err != nil {
		t.Fatalf("%v: %x", err, again)
	}
	if diff := cmp.Diff(got, reread); diff != "" {
		t.Fatal(diff)
	}
}

func FuzzRead(f *testing.F) {
	seedAnswers(f)
	offers := []Offer{everything(TLS13), everything(TLS12), everything(SSL3)}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, offer := range offers {
			checkRead(t, data, offer)
		}
	})
}

func FuzzReadSSL2(f *testing.F) {
	seedAnswers(f)
	offer := everything(SSL2)
	f.Fuzz(func(t *testing.T, data []byte) { checkRead(t, data, offer) })
}

func FuzzParseClientHello(f *testing.F) {
	for _, v := range []Version{SSL2, SSL3, TLS10, TLS12, TLS13} {
		records, _ := marshal(f, everything(v))
		f.Add(records)
	}
	records, _ := marshal(f, modern)
	f.Add(records)
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ParseClientHello(data)
		if (h == nil) != (err != nil) {
			t.Fatal(h, err)
		}
		slow, slowErr := ReadClientHello(iotest.OneByteReader(bytes.NewReader(data)))
		if diff := cmp.Diff(h, slow); diff != "" || (err == nil) != (slowErr == nil) {
			t.Fatalf("byte by byte it is another hello: %v, %v, %s", err, slowErr, diff)
		}
	})
}

// FuzzOffer checks that what an offer says is what a server reads.
func FuzzOffer(f *testing.F) {
	f.Add(uint16(0x30), []byte{0x13, 1, 0xc0, 0x2f}, []byte{0x11, 0xec, 0, 0x1d}, "example.com", "h2", byte(0))
	f.Add(uint16(0x01), []byte{1, 0, 0x80}, []byte{}, "", "", byte(0xff))
	f.Add(uint16(0x02), []byte{0, 10}, []byte{}, "192.0.2.1", "", byte(2))
	f.Fuzz(func(t *testing.T, versions uint16, suites, groups []byte, name, protocol string, flags byte) {
		o := Offer{
			ServerName: name, Deflate: flags&1 != 0, Heartbeat: flags&2 != 0, Fallback: flags&4 != 0, Small: flags&8 != 0,
		}
		for i, v := range []Version{SSL2, SSL3, TLS10, TLS11, TLS12, TLS13} {
			if versions>>i&1 != 0 {
				o.Versions = append(o.Versions, v)
			}
		}
		for c := (cursor{b: suites}); c.more(); {
			size := 2
			if slices.Contains(o.Versions, SSL2) {
				size = 3
			}
			if suite := Suite(c.number(size)); !c.failed {
				o.Suites = append(o.Suites, suite)
			}
		}
		o.Groups, _ = codes[Group](cursor{b: groups})
		if protocol != "" {
			o.ALPN = []string{protocol}
		}
		records, err := o.Marshal()
		if err != nil {
			return
		}
		h, err := ParseClientHello(records)
		if err != nil {
			t.Fatalf("%v: %+v", err, o)
		}
		checkOffer(t, o, h)
	})
}

// checkOffer compares what was offered with what was read.
func checkOffer(t *testing.T, o Offer, h *ClientHello) {
	t.Helper()
	want := ClientHello{Version: min(o.highest(), TLS12), Suites: slices.Clone(o.Suites)}
	if o.highest() >= SSL3 {
		if o.renegotiationSuite() {
			want.Suites = append(want.Suites, emptyRenegotiationInfoSCSV)
		}
		if o.Fallback {
			want.Suites = append(want.Suites, fallbackSCSV)
		}
		want.Compressions = []byte{0}
		if o.Deflate {
			want.Compressions = []byte{1, 0}
		}
	}
	if o.highest() > SSL3 {
		want.ServerName, want.Groups, want.ALPN = o.serverName(), o.Groups, o.ALPN
	}
	if o.highest() == TLS13 {
		want.Versions = slices.Clone(o.Versions)
		slices.Reverse(want.Versions)
	}
	ignored := cmpopts.IgnoreFields(ClientHello{}, "Random", "SessionID", "Extensions", "SignatureSchemes")
	if diff := cmp.Diff(want, *h, ignored, cmpopts.EquateEmpty()); diff != "" {
		t.Fatal(diff)
	}
	if o.Heartbeat && o.highest() > SSL3 && !h.Has(ExtHeartbeat) {
		t.Fatal("no heartbeat")
	}
}

// FuzzAnswer checks that what a server says is what is read of it.
func FuzzAnswer(f *testing.F) {
	f.Add(uint16(TLS12), uint32(0xc02f), uint16(X25519), 0, []byte("chain"), []byte(nil), byte(0xff))
	f.Add(uint16(TLS10), uint32(0x0003), uint16(0), 512, []byte("chain"), []byte(nil), byte(1))
	f.Add(uint16(TLS11), uint32(0x0033), uint16(0), 0, []byte("chain"), []byte("prime"), byte(3))
	f.Add(uint16(TLS13), uint32(0x1301), uint16(X25519MLKEM768), 0, []byte(nil), []byte(nil), byte(8))
	f.Add(uint16(SSL2), uint32(0x010080), uint16(0), 0, []byte("chain"), []byte(nil), byte(0))
	f.Add(uint16(SSL3), uint32(0xc01e), uint16(0xff01), 1, []byte{}, []byte{1}, byte(0x12))
	f.Fuzz(func(t *testing.T, version uint16, suite uint32, group uint16, rsaBits int, bulk, prime []byte, flags byte) {
		offer := everything(TLS13)
		offer.Deflate = false
		a := Answer{Version: Version(version), Suite: Suite(suite), Done: true}
		info, known := a.Suite.Info()
		if !known || info.First > a.Version || (info.First == TLS13) != (a.Version == TLS13) {
			return
		}
		if (info.First == SSL2) != (a.Version == SSL2) || a.Version != SSL2 && (a.Version < SSL3 || a.Version > TLS13) {
			return
		}
		if a.Version == SSL2 {
			offer = everything(SSL2)
			a.Kinds = []Suite{a.Suite, a.Suite}
		}
		if len(bulk) > 0 && a.Version < TLS13 {
			a.Chain = [][]byte{bulk}
		}
		if flags&1 != 0 {
			a.SessionID = bulk[:min(len(bulk), 32)]
		}
		if a.Version == TLS13 {
			a.Retry, a.Group = flags&8 != 0, Group(group)
		} else if a.Version != SSL2 {
			fillKeyExchange(&a, info, Group(group), rsaBits, bytes.TrimLeft(prime, "\x00"))
			if flags&2 != 0 {
				a.OCSPStaple = bulk
			}
			if flags&4 != 0 {
				a.Request = &CertificateRequest{Types: bulk[:min(len(bulk), 255)], CAs: a.Chain}
			}
			if flags&16 != 0 {
				a.Done, a.Alert = false, &Alert{Fatal: true, Code: flags}
			}
		}
		if a.Group != 0 {
			offer.Groups = append(offer.Groups, a.Group)
		}
		records, err := a.Marshal()
		if err != nil {
			return
		}
		got, err := Read(bytes.NewReader(records), offer)
		if err != nil {
			t.Fatalf("%v: %+v", err, a)
		}
		if diff := cmp.Diff(&a, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(Answer{}, "Extensions")); diff != "" {
			t.Fatal(diff)
		}
	})
}

// fillKeyExchange sets what a ServerKeyExchange of the suite tells.
func fillKeyExchange(a *Answer, info SuiteInfo, group Group, rsaBits int, prime []byte) {
	switch {
	case info.EllipticCurve():
		a.Group = group
	case info.FiniteField():
		a.DHPrime = prime
	case info.KeyExchange == "RSA" && rsaBits > 0 && rsaBits < 1<<16:
		a.RSABits = rsaBits
	default:
		return
	}
	if a.Version == TLS12 && info.signsKeyExchange() && (a.Group != 0 || len(a.DHPrime) > 0 || a.RSABits > 0) {
		a.Signature = 0x0401
	}
}
