package ssh

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// recorded is what a real server said up to its SSH_MSG_KEXINIT.
func recorded(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".bin"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// packet is a packet before there are keys.
func packet(payload []byte) []byte {
	padding := 16 - (5+len(payload))%8
	out := binary.BigEndian.AppendUint32(nil, uint32(1+len(payload)+padding))
	out = append(append(out, byte(padding)), payload...)
	return append(out, make([]byte, padding)...)
}

// offer is SSH_MSG_KEXINIT.
type offer struct {
	Cookie        [16]byte `sshtype:"20"`
	Kex, HostKeys []string
	CiphersUp     []string
	CiphersDown   []string
	MACsUp        []string
	MACsDown      []string
	CompressUp    []string
	CompressDown  []string
	LanguagesUp   []string
	LanguagesDown []string
	Follows       bool
	Reserved      uint32
}

// modern is what a server of today offers, of what is spoken here.
func modern() offer {
	return offer{
		Kex: []string{"curve25519-sha256", strictServer}, HostKeys: []string{"ssh-ed25519"},
		CiphersUp: []string{"aes128-ctr"}, CiphersDown: []string{"aes128-ctr"},
		MACsUp: []string{"hmac-sha2-256"}, MACsDown: []string{"hmac-sha2-256"},
		CompressUp: []string{"none"}, CompressDown: []string{"none"},
	}
}

func (o offer) packet() []byte { return packet(ssh.Marshal(o)) }

func TestIdentification(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]identification{
		"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n": {protocol: "2.0", software: "OpenSSH_9.2p1", comments: "Debian-2+deb12u3"},
		"SSH-2.0-Go\n":                 {protocol: "2.0", software: "Go"},
		"SSH-1.99-Cisco-1.25\n":        {protocol: "1.99", software: "Cisco-1.25"},
		"SSH-1.5-1.2.27\n":             {protocol: "1.5", software: "1.2.27"},
		"SSH-2.0-\r\n":                 {protocol: "2.0"},
		"Welcome\r\n\r\nSSH-2.0-x y z": {}, // not ended
		"Welcome\r\n\r\nSSH-2.0-x y z\r\nmore": {
			protocol: "2.0", software: "x", comments: "y z", before: []string{"Welcome", ""}, at: 11,
		},
	} {
		got, err := newReader(strings.NewReader(in)).identification()
		if (err != nil) != (want.protocol == "") {
			t.Errorf("%q: %v", in, err)
		}
		if diff := cmp.Diff(got, want, cmp.AllowUnexported(identification{})); err == nil && diff != "" {
			t.Errorf("%q: %s", in, diff)
		}
	}
}

func TestIdentificationRefuses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]checks.Reason{
		"":                                           checks.ReasonReset,
		"SSH-2.0-Open":                               checks.ReasonGarbage,
		"HTTP/1.1 400 Bad Request\r\n\r\n":           checks.ReasonGarbage,
		"\x15\x03\x01\x00\x02\x02\x46":               checks.ReasonGarbage,
		"SSH-2.0\r\n":                                checks.ReasonGarbage,
		"SSH-3.0-x\r\n":                              checks.ReasonGarbage,
		"SSH-2.-x\r\n":                               checks.ReasonGarbage,
		"SSH-1.999-x\r\n":                            checks.ReasonGarbage,
		"Exceeded MaxStartups\r\n":                   checks.ReasonThrottled,
		"Not allowed at this time\r\n":               checks.ReasonThrottled,
		strings.Repeat("x", 2000):                    checks.ReasonTooLarge,
		strings.Repeat("x\n", 100):                   checks.ReasonTooLarge,
		"SSH-2.0-" + strings.Repeat("x", 300):        checks.ReasonGarbage,
		"SSH-2.0-" + strings.Repeat("x", 300) + "\n": checks.ReasonTooLarge,
	} {
		_, err := newReader(strings.NewReader(in)).identification()
		if _, reason := checks.Classify(err); reason != want {
			t.Errorf("%.30q: %v, want %s", in, err, want)
		}
	}
}

func TestKexInit(t *testing.T) {
	t.Parallel()
	idle := append(packet([]byte{msgIgnore, 0, 0, 0, 0}), packet([]byte{msgDebug, 0, 0, 0, 0, 0})...)
	o := modern()
	o.CiphersDown, o.MACsUp, o.CompressDown = []string{"a", "", "b", "a"}, nil, []string{"zlib"}
	got, err := newReader(bytes.NewReader(append(idle, o.packet()...))).kexInit()
	if err != nil {
		t.Fatal(err)
	}
	want := kexInit{
		kex: o.Kex, hostKeys: o.HostKeys, ciphers: [2][]string{o.CiphersUp, {"a", "b"}},
		macs: [2][]string{{}, o.MACsDown}, compression: [2][]string{{"none"}, {"zlib"}},
	}
	if diff := cmp.Diff(got, want, cmp.AllowUnexported(kexInit{})); diff != "" {
		t.Error(diff)
	}
}

func TestKexInitRefuses(t *testing.T) {
	t.Parallel()
	many := modern()
	for i := range 300 {
		many.Kex = append(many.Kex, strings.Repeat("x", i%100)+string(rune('a'+i/100)))
	}
	long, strange, empty := modern(), modern(), modern()
	long.HostKeys = []string{strings.Repeat("x", 200)}
	strange.MACsDown = []string{"hmac\x1b[31m"}
	empty.Kex = nil
	whole := modern().packet()
	huge := slices.Clone(whole)
	binary.BigEndian.PutUint32(huge, 0xffffffff)
	beyond := slices.Clone(whole)
	binary.BigEndian.PutUint32(beyond[5+17:], 0x7fffffff) // the length of the first list
	padded := slices.Clone(whole)
	padded[4] = 0xff
	for name, tt := range map[string]struct {
		in   []byte
		want checks.Reason
	}{
		"nothing":            {nil, checks.ReasonReset},
		"cut short":          {whole[:50], checks.ReasonReset},
		"a huge packet":      {huge, checks.ReasonTooLarge},
		"a list beyond":      {beyond, checks.ReasonGarbage},
		"more padding":       {padded, checks.ReasonGarbage},
		"an empty packet":    {[]byte{0, 0, 0, 0, 0}, checks.ReasonGarbage},
		"padding alone":      {[]byte{0, 0, 0, 5, 4, 0, 0, 0, 0}, checks.ReasonGarbage},
		"half a message":     {packet(ssh.Marshal(modern())[:60]), checks.ReasonGarbage},
		"absurdly many":      {many.packet(), checks.ReasonTooLarge},
		"an absurd name":     {long.packet(), checks.ReasonGarbage},
		"a name with escape": {strange.packet(), checks.ReasonGarbage},
		"no key exchange":    {empty.packet(), checks.ReasonGarbage},
		"another message":    {packet([]byte{50, 0, 0, 0, 0}), checks.ReasonGarbage},
		"idle for ever":      {bytes.Repeat(packet([]byte{msgDebug}), 10), checks.ReasonGarbage},
		"a farewell":         {packet([]byte("\x01\x00\x00\x00\x02\x00\x00\x00\x03bye\x00\x00\x00\x00")), checks.ReasonAmbiguous},
		"too many":           {packet([]byte("\x01\x00\x00\x00\x0c\x00\x00\x00\x04full\x00\x00\x00\x00")), checks.ReasonThrottled},
		"half a farewell":    {packet([]byte("\x01\x00\x00\x00\x02\x00\x00\x00\xffbye")), checks.ReasonGarbage},
	} {
		_, err := newReader(bytes.NewReader(tt.in)).kexInit()
		if _, reason := checks.Classify(err); reason != tt.want {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
}

// TestRecorded reads what real servers said.
func TestRecorded(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		software                     string
		kex, hostKeys, ciphers, macs int
	}{
		"openssh-9.2p1":    {"OpenSSH_9.2p1", 12, 3, 6, 10},
		"dropbear-2022.83": {"dropbear_2022.83", 9, 2, 3, 2},
	} {
		in := newReader(bytes.NewReader(recorded(t, name)))
		id, err := in.identification()
		if err != nil || id.software != want.software {
			t.Errorf("%s: %+v %v", name, id, err)
		}
		k, err := in.kexInit()
		if err != nil || len(k.kex) != want.kex || len(k.hostKeys) != want.hostKeys || len(k.ciphers[0]) != want.ciphers || len(k.macs[1]) != want.macs {
			t.Errorf("%s: %+v %v", name, k, err)
		}
	}
}

func FuzzHello(f *testing.F) {
	f.Add(recorded(f, "openssh-9.2p1"))
	f.Add(recorded(f, "dropbear-2022.83"))
	f.Add([]byte("hello\nSSH-1.99-x y\r\n\x00\x00\x00\x0c\x0a\x02\x00"))
	f.Add(append([]byte("SSH-2.0-x\n"), packet([]byte("\x01\x00\x00\x00\x0c\x00\x00\x00\x04full\x00\x00\x00\x00"))...))
	f.Add(append([]byte("SSH-2.0-x\n"), append(modern().packet(), packet(append([]byte{msgKexReply}, text(rsaBlob(768))...))...)...))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := newReader(bytes.NewReader(in))
		id, err := r.identification()
		if err != nil {
			return
		}
		if len(id.protocol)+len(id.software)+len(id.comments) > identMax || len(id.before) > linesMax || id.at > len(in) || !bytes.HasPrefix(in[id.at:], []byte("SSH-")) {
			t.Fatalf("%+v", id)
		}
		identify(id)
		k, err := r.kexInit()
		if err != nil {
			return
		}
		var facts Facts
		facts.judge(k)
		for _, list := range [][]string{facts.KexAlgorithms, facts.HostKeyAlgorithms, facts.Ciphers, facts.MACs, facts.Compression, facts.Weak.Kex} {
			if list == nil || len(list) > 2*namesMax || slices.Contains(list, "") {
				t.Fatalf("%q", list)
			}
		}
		preferred(k.hostKeys)
		if key, ok := claimedKey(in); ok && (key.bits <= 0 || key.strength() > 256) {
			t.Fatalf("%+v", key)
		}
	})
}
