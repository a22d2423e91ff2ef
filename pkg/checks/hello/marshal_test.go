package hello

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// marshal returns the records of an offer and what a server reads in them.
func marshal(t testing.TB, o Offer) ([]byte, *ClientHello) {
	t.Helper()
	records, err := o.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	h, err := ParseClientHello(records)
	if err != nil {
		t.Fatalf("%v in %x", err, records)
	}
	return records, h
}

// kinds are the types of the extensions, in order.
func kinds(extensions []Extension) []uint16 {
	var types []uint16
	for _, e := range extensions {
		types = append(types, e.Type)
	}
	return types
}

var modern = Offer{
	Versions:   []Version{TLS12, TLS13},
	Suites:     []Suite{0x1301, 0xc02f},
	Groups:     []Group{X25519MLKEM768, X25519},
	ServerName: "example.com.",
	ALPN:       []string{"h2", "http/1.1"},
}

func with(o Offer, change func(*Offer)) Offer {
	change(&o)
	return o
}

func TestMarshal(t *testing.T) {
	t.Parallel()
	none := []byte{0}
	for _, test := range []struct {
		name       string
		offer      Offer
		record     Version
		want       ClientHello
		extensions []uint16
	}{
		{
			"TLS 1.3 and 1.2", modern, TLS10,
			ClientHello{
				Version: TLS12, Versions: []Version{TLS13, TLS12}, Suites: modern.Suites, Compressions: none,
				ServerName: "example.com", Groups: modern.Groups, ALPN: modern.ALPN,
			},
			[]uint16{
				ExtServerName, ExtExtendedMasterSecret, ExtEncryptThenMAC, ExtSessionTicket, ExtRenegotiationInfo,
				ExtStatusRequest, ExtSCT, ExtALPN, ExtPointFormats, ExtSupportedGroups, ExtSignatureAlgorithms,
				ExtPSKModes, ExtSupportedVersions, ExtKeyShare,
			},
		},
		{
			"TLS 1.3 alone and small", Offer{Versions: []Version{TLS13}, Suites: []Suite{0x1301}, Groups: []Group{X25519}, Small: true}, TLS10,
			ClientHello{
				Version: TLS12, Versions: []Version{TLS13}, Suites: []Suite{0x1301}, Compressions: none, Groups: []Group{X25519},
			},
			[]uint16{ExtSupportedGroups, ExtSignatureAlgorithms, ExtSupportedVersions, ExtKeyShare},
		},
		{
			"TLS 1.2", Offer{Versions: []Version{TLS12}, Suites: []Suite{0x009c, 0x002f}, Heartbeat: true, Deflate: true}, TLS10,
			ClientHello{Version: TLS12, Suites: []Suite{0x009c, 0x002f}, Compressions: []byte{1, 0}},
			[]uint16{
				ExtExtendedMasterSecret, ExtEncryptThenMAC, ExtSessionTicket, ExtRenegotiationInfo, ExtStatusRequest,
				ExtSCT, ExtHeartbeat, ExtSignatureAlgorithms,
			},
		},
		{
			"TLS 1.2 and small", with(modern, func(o *Offer) { o.Versions, o.Suites, o.Small = []Version{TLS12}, []Suite{0xc02f}, true }), TLS10,
			ClientHello{
				Version: TLS12, Suites: []Suite{0xc02f, emptyRenegotiationInfoSCSV}, Compressions: none,
				ServerName: "example.com", Groups: modern.Groups, ALPN: modern.ALPN,
			},
			[]uint16{ExtServerName, ExtALPN, ExtSupportedGroups, ExtSignatureAlgorithms},
		},
		{
			"TLS 1.1 as a fallback, to an address", Offer{Versions: []Version{TLS11}, Suites: []Suite{0x002f}, Fallback: true, ServerName: "192.0.2.1"}, TLS10,
			ClientHello{Version: TLS11, Suites: []Suite{0x002f, fallbackSCSV}, Compressions: none},
			[]uint16{ExtExtendedMasterSecret, ExtEncryptThenMAC, ExtSessionTicket, ExtRenegotiationInfo, ExtStatusRequest, ExtSCT},
		},
		{
			"TLS 1.0 and as small as can be, to an address", Offer{Versions: []Version{TLS10}, Suites: []Suite{0x002f}, Small: true, ServerName: "[2001:db8::1%eth0]"}, TLS10,
			ClientHello{Version: TLS10, Suites: []Suite{0x002f, emptyRenegotiationInfoSCSV}, Compressions: none},
			nil,
		},
		{
			"SSL 3.0 has no extensions", with(modern, func(o *Offer) { o.Versions, o.Suites, o.Fallback = []Version{SSL3}, []Suite{0x000a}, true }), SSL3,
			ClientHello{Version: SSL3, Suites: []Suite{0x000a, emptyRenegotiationInfoSCSV, fallbackSCSV}, Compressions: none},
			nil,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			records, h := marshal(t, test.offer)
			if got := Version(records[1])<<8 | Version(records[2]); got != test.record {
				t.Errorf("the record is of %s, want %s", got, test.record)
			}
			ignored := cmpopts.IgnoreFields(ClientHello{}, "Random", "SessionID", "Extensions", "SignatureSchemes")
			if diff := cmp.Diff(test.want, *h, ignored); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.extensions, kinds(h.Extensions)); diff != "" {
				t.Error(diff)
			}
			wantID := 0
			if slices.Contains(test.offer.Versions, TLS13) {
				wantID = 32
			}
			if len(h.SessionID) != wantID || len(h.Random) != 32 {
				t.Errorf("session ID of %d bytes, random of %d", len(h.SessionID), len(h.Random))
			}
		})
	}
}

func TestMarshalSchemes(t *testing.T) {
	t.Parallel()
	sha1 := []SignatureScheme{0x0201}
	for _, test := range []struct {
		name  string
		offer Offer
		want  []SignatureScheme
	}{
		{"all", with(modern, func(o *Offer) { o.Versions = []Version{TLS12} }), AllSignatureSchemes()},
		{"common", with(modern, func(o *Offer) { o.Small = true }), commonSchemes},
		{"own", with(modern, func(o *Offer) { o.SignatureSchemes = sha1 }), sha1},
		{"too old", with(modern, func(o *Offer) { o.Versions, o.SignatureSchemes = []Version{TLS11}, sha1 }), nil},
	} {
		_, h := marshal(t, test.offer)
		if diff := cmp.Diff(test.want, h.SignatureSchemes); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
	// MD5, SHA-224 and DSA have no place in TLS 1.3 (RFC 8446 section 4.2.3).
	_, h := marshal(t, modern)
	for _, s := range h.SignatureSchemes {
		if hash, signature := s>>8, s&0xff; hash == 1 || hash == 3 || hash < 7 && signature == 2 {
			t.Errorf("%s is offered with TLS 1.3", s)
		}
	}
}

// No key share comes along, so that a server asks for one in the clear.
func TestMarshalKeyShare(t *testing.T) {
	t.Parallel()
	_, h := marshal(t, modern)
	data, found := find(h.Extensions, ExtKeyShare)
	if diff := cmp.Diff([]byte{0, 0}, data); !found || diff != "" {
		t.Error(found, diff)
	}
}

// A hello has no length that servers are known to hang at, and no empty
// extension at its end.
func TestMarshalLength(t *testing.T) {
	t.Parallel()
	for _, versions := range [][]Version{{TLS13, TLS12}, {TLS12}, {TLS10}} {
		for _, small := range []bool{false, true} {
			for n := 1; n < 700; n++ {
				o := Offer{Versions: versions, Suites: make([]Suite, n), Groups: []Group{X25519}, Small: small}
				records, h := marshal(t, o)
				length := len(records) - recordHeader
				if length >= 256 && length < 512 || length > 511 && (length%256 == 10 || length%256 == 14) {
					t.Errorf("%v with %d suites: %d bytes", versions, n, length)
				}
				if last := h.Extensions[len(h.Extensions)-1]; len(last.Data) == 0 {
					t.Errorf("%v with %d suites: extension %d is last and empty", versions, n, last.Type)
				}
			}
		}
	}
}

// What does not fit one record is split, and every record is full but the last.
func TestMarshalSplits(t *testing.T) {
	t.Parallel()
	suites := make([]Suite, 20000)
	for i := range suites {
		suites[i] = Suite(i)
	}
	records, h := marshal(t, Offer{Versions: []Version{TLS12}, Suites: suites})
	if diff := cmp.Diff(suites, h.Suites); diff != "" {
		t.Error(diff)
	}
	s := openStream(bytes.NewReader(records))
	defer s.release()
	var lengths []int
	for {
		_, fragment, err := s.record()
		if err != nil {
			break
		}
		lengths = append(lengths, len(fragment))
	}
	if len(lengths) != 3 || lengths[0] != maxFragment || lengths[1] != maxFragment {
		t.Errorf("records of %v bytes", lengths)
	}
}

func TestMarshalSSL2(t *testing.T) {
	t.Parallel()
	records, h := marshal(t, Offer{Versions: []Version{SSL2}, Suites: []Suite{0x010080, 0x0700c0}, ServerName: "x", Groups: []Group{X25519}})
	want := "801f" + "01" + "0002" + "0006" + "0000" + "0010" + "010080" + "0700c0"
	if got := hex.EncodeToString(records[:len(records)-16]); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if h.Version != SSL2 || len(h.Random) != 16 {
		t.Errorf("%+v", h)
	}
}

func TestMarshalRefuses(t *testing.T) {
	t.Parallel()
	ssl2 := Offer{Versions: []Version{SSL2}, Suites: []Suite{0x010080}}
	for _, test := range []struct {
		name  string
		offer Offer
		want  error
	}{
		{"nothing", Offer{}, errNoVersion},
		{"no version", with(modern, func(o *Offer) { o.Versions = nil }), errNoVersion},
		{"draft version", with(modern, func(o *Offer) { o.Versions = []Version{0x7f1c} }), errVersion},
		{"version between SSL 2.0 and 3.0", with(modern, func(o *Offer) { o.Versions = []Version{0x0200, TLS12} }), errVersion},
		{"no suites", with(modern, func(o *Offer) { o.Suites = nil }), errNoSuites},
		{"SSL 2.0 with others", with(ssl2, func(o *Offer) { o.Versions = []Version{SSL3, SSL2} }), errMixed},
		{"TLS suite in SSL 2.0", with(ssl2, func(o *Offer) { o.Suites = []Suite{0x010080, 0x002f} }), errKinds},
		{"SSL 2.0 kind in TLS", with(modern, func(o *Offer) { o.Suites = []Suite{0x1301, 0x010080} }), errKinds},
		{"suite of 25 bits", with(ssl2, func(o *Offer) { o.Suites = []Suite{0x1000000} }), errKinds},
		{"TLS 1.3 without groups", with(modern, func(o *Offer) { o.Groups = nil }), errNoGroups},
		{"TLS 1.3 compressed", with(modern, func(o *Offer) { o.Deflate = true }), errCompression},
		{"empty protocol", with(modern, func(o *Offer) { o.ALPN = []string{""} }), errALPN},
		{"long protocol", with(modern, func(o *Offer) { o.ALPN = []string{strings.Repeat("x", 256)} }), errALPN},
		{"too many suites", with(modern, func(o *Offer) { o.Suites = make([]Suite, 0x8000) }), errTooLong},
		{"too long a name", with(modern, func(o *Offer) { o.ServerName = strings.Repeat("x", 0x10000) }), errTooLong},
		{"too many groups", with(modern, func(o *Offer) { o.Groups = make([]Group, 0x8000) }), errTooLong},
		{"too many extensions", with(modern, func(o *Offer) {
			o.Groups, o.SignatureSchemes = make([]Group, 0x7000), make([]SignatureScheme, 0x7000)
		}), errTooLong},
		{"too many kinds", with(ssl2, func(o *Offer) { o.Suites = slices.Repeat(ssl2.Suites, 0x3000) }), errTooLong},
	} {
		if records, err := test.offer.Marshal(); !errors.Is(err, test.want) || records != nil {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

// The random fields are fresh each time.
func TestMarshalRandom(t *testing.T) {
	t.Parallel()
	_, first := marshal(t, modern)
	_, second := marshal(t, modern)
	if bytes.Equal(first.Random, second.Random) || bytes.Equal(first.SessionID, second.SessionID) {
		t.Error("the same random bytes twice")
	}
}
