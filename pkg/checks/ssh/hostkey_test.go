package ssh

import (
	"encoding/binary"
	"math/big"
	"testing"

	"golang.org/x/crypto/ssh"
)

// text is a string of RFC 4251 section 5.
func text(b []byte) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...) }

// rsaBlob is a public key with a modulus of some bits, which is no product of
// primes.
func rsaBlob(bits uint) []byte {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return ssh.Marshal(struct {
		Kind string
		E, N *big.Int
	}{"ssh-rsa", big.NewInt(65537), n.SetBit(n, 0, 1)})
}

func TestParseHostKey(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		blob     []byte
		name     string
		strength int
	}{
		{rsaBlob(512), "ssh-rsa 512", 0},
		{rsaBlob(1023), "ssh-rsa 1023", 0},
		{rsaBlob(1024), "ssh-rsa 1024", 80},
		{rsaBlob(2047), "ssh-rsa 2047", 80},
		{rsaBlob(2048), "ssh-rsa 2048", 112},
		{rsaBlob(3072), "ssh-rsa 3072", 128},
		{rsaBlob(16384), "ssh-rsa 16384", 256},
		{ssh.Marshal(struct {
			Kind string
			P    *big.Int
		}{"ssh-dss", new(big.Int).Lsh(big.NewInt(1), 1023)}), "ssh-dss 1024", 80},
		{text([]byte("ssh-ed25519")), "ssh-ed25519 256", 128},
		{text([]byte("ecdsa-sha2-nistp256")), "ecdsa-sha2-nistp256 256", 128},
		{text([]byte("ecdsa-sha2-nistp384")), "ecdsa-sha2-nistp384 384", 192},
		{text([]byte("ecdsa-sha2-nistp521")), "ecdsa-sha2-nistp521 521", 256},
		{text([]byte("ssh-ed448")), "ssh-ed448 456", 224},
	} {
		key, ok := parseHostKey(tt.blob)
		if !ok || key.name() != tt.name || key.strength() != tt.strength {
			t.Errorf("%+v %t, want %s of strength %d", key, ok, tt.name, tt.strength)
		}
	}
	for _, blob := range [][]byte{nil, {0, 0, 0, 9}, text([]byte("ssh-x")), text([]byte("ssh-rsa")), rsaBlob(1024)[:40], append(text([]byte("ssh-rsa")), make([]byte, 8)...)} {
		if key, ok := parseHostKey(blob); ok {
			t.Errorf("%q: %+v", blob, key)
		}
	}
}

func TestWeakest(t *testing.T) {
	t.Parallel()
	for want, keys := range map[string][]hostKey{
		"ssh-rsa 2048":            {{kind: "ssh-ed25519", bits: 256}, {kind: "ssh-rsa", bits: 2048}},
		"ssh-dss 1024":            append(byName([]string{"ssh-ed25519", "ssh-dss", "rsa-sha2-512"}), hostKey{kind: "ssh-rsa", bits: 1024}),
		"ssh-ed25519 256":         {{kind: "ssh-rsa", bits: 3072}, {kind: "ssh-ed25519", bits: 256}},
		"ecdsa-sha2-nistp384 384": byName([]string{"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp384-cert-v01@openssh.com"}),
	} {
		if got := weakest(keys).name(); got != want {
			t.Errorf("%v: %s, want %s", keys, got, want)
		}
	}
}

func FuzzParseHostKey(f *testing.F) {
	f.Add(rsaBlob(1024))
	f.Add(text([]byte("ssh-ed25519")))
	f.Fuzz(func(t *testing.T, blob []byte) {
		if key, ok := parseHostKey(blob); ok && (key.bits <= 0 || key.bits > 8*len(blob)+600 || len(key.fingerprint) != 50) {
			t.Errorf("%+v", key)
		}
	})
}
