package ssh

import (
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// TestOpenSSH holds the facts against OpenSSH's own server in each of its modes.
func TestOpenSSH(t *testing.T) {
	t.Parallel()
	ed25519, ed25519Fingerprint := peers.HostKey(t, "ed25519", 0)
	ecdsa, _ := peers.HostKey(t, "ecdsa", 384)
	rsa1024, _ := peers.HostKey(t, "rsa", 1024)
	rsa2048, rsa2048Fingerprint := peers.HostKey(t, "rsa", 2048)
	rsa3072, _ := peers.HostKey(t, "rsa", 3072)
	none := []string{}
	for _, tt := range []struct {
		name        string
		directives  []string
		auth        inventory.Auth
		connections int
		want        map[string]any
	}{
		{
			name: "as delivered", directives: []string{ed25519, ecdsa, rsa3072}, connections: 2,
			want: map[string]any{
				"protocol": "2.0", "ssh1": false, "product": "OpenSSH", "banner_text": false, "declared": "(not_asked)",
				"weak.kex": none, "weak.host_key": none, "weak.cipher": none, "weak.mac": none,
				"authenticated_encryption": true, "post_quantum": true,
				"host_key.type": "ssh-ed25519", "host_key.bits": 256, "host_key.fingerprint": ed25519Fingerprint, "host_key.rsa_bits": 3072,
				"host_key.weakest": "ssh-ed25519 256", "host_key.strength": 128,
				"password_auth": true, "none_accepted": false,
			},
		},
		{
			name: "what old clients need",
			directives: []string{
				ed25519, "KexAlgorithms +diffie-hellman-group1-sha1,diffie-hellman-group14-sha1", rsa1024, "RequiredRSASize 1024",
				"HostKeyAlgorithms +ssh-rsa", "Ciphers +aes128-cbc,3des-cbc", "MACs +hmac-md5,hmac-sha1-96",
			},
			connections: 2,
			want: map[string]any{
				"weak.kex": []string{"diffie-hellman-group1-sha1", "diffie-hellman-group14-sha1"}, "weak.host_key": []string{"ssh-rsa"},
				"weak.cipher": []string{"aes128-cbc", "3des-cbc"}, "weak.mac": []string{"hmac-md5", "hmac-sha1-96"},
				"host_key.type": "ssh-ed25519", "host_key.rsa_bits": 1024, "host_key.weakest": "ssh-rsa 1024", "host_key.strength": 80,
			},
		},
		{
			name: "keys alone", directives: []string{ed25519, "PasswordAuthentication no", "KbdInteractiveAuthentication no"}, connections: 1,
			want: map[string]any{
				"auth_methods": []string{"publickey"}, "password_auth": false, "keyboard_interactive": false, "none_accepted": false,
				"host_key.rsa_bits": "(not_asked)", "host_key.strength": 128,
			},
		},
		{
			name: "passwords", directives: []string{ed25519, "PubkeyAuthentication no", "KbdInteractiveAuthentication yes"}, connections: 1,
			auth: inventory.Auth{Type: inventory.AuthBasic, Username: inventory.NewSecret("acme", ""), Password: inventory.NewSecret("correct-horse", "")},
			want: map[string]any{
				"auth_methods": []string{"keyboard-interactive", "password"}, "password_auth": true, "keyboard_interactive": true, "declared": "(not_tested)",
			},
		},
		{
			name: "nobody", directives: []string{ed25519, "PubkeyAuthentication no", "PasswordAuthentication no", "KbdInteractiveAuthentication no"}, connections: 1,
			want: map[string]any{"auth_methods": none, "password_auth": false, "keyboard_interactive": false, "none_accepted": false},
		},
		{
			name: "one RSA key", directives: []string{rsa2048}, connections: 1,
			want: map[string]any{
				"host_key.type": "ssh-rsa", "host_key.bits": 2048, "host_key.rsa_bits": 2048, "host_key.fingerprint": rsa2048Fingerprint,
				"host_key.weakest": "ssh-rsa 2048", "host_key.strength": 112,
				"host_key_algorithms": []string{"rsa-sha2-512", "rsa-sha2-256"},
			},
		},
		{
			name: "nothing that speaks GCM or ETM",
			directives: []string{
				ecdsa, "KexAlgorithms ecdh-sha2-nistp256", "Ciphers aes256-ctr", "MACs hmac-sha2-256", "Banner " + banner(t),
				"VersionAddendum none", "Compression no",
			},
			connections: 1,
			want: map[string]any{
				"kex_algorithms": []string{"ecdh-sha2-nistp256"}, "ciphers": []string{"aes256-ctr"}, "macs": []string{"hmac-sha2-256"}, "compression": []string{"none"},
				"authenticated_encryption": false, "post_quantum": false, "terrapin": false, "banner_text": true,
				"host_key.type": "ecdsa-sha2-nistp384", "host_key.bits": 384, "host_key.strength": 192,
			},
		},
		{
			name: "CBC with ETM", directives: []string{ed25519, "Ciphers aes128-cbc", "MACs hmac-sha2-256-etm@openssh.com"}, connections: 1,
			want: map[string]any{"authenticated_encryption": true, "weak.cipher": []string{"aes128-cbc"}, "none_accepted": false},
		},
		{
			name: "a key exchange that chooses a group", directives: []string{ed25519, "KexAlgorithms diffie-hellman-group-exchange-sha256"}, connections: 1,
			want: map[string]any{"weak.kex": none, "host_key.type": "ssh-ed25519", "none_accepted": false},
		},
		{
			name: "no key exchange in common", directives: []string{ed25519, "KexAlgorithms sntrup761x25519-sha512@openssh.com"}, connections: 1,
			want: map[string]any{"post_quantum": true, "host_key.type": "(not_tested)", "auth_methods": "(not_tested)", "none_accepted": "(not_tested)"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := linkTo(t, peers.SSHD(t, tt.directives...))
			l.Auth = tt.auth
			facts, o := visit(t, l, 5*time.Second)
			check(t, facts, tt.want)
			if o.Connections != tt.connections {
				t.Errorf("%d connections, want %d", o.Connections, tt.connections)
			}
			// OpenSSH 9.6 has strict key exchange, and Debian gave it to 9.2.
			if facts["strict_kex"] == facts["terrapin"] && tt.want["terrapin"] == nil {
				t.Errorf("strict_kex %v, terrapin %v", facts["strict_kex"], facts["terrapin"])
			}
			if t.Failed() {
				t.Logf("%v\n%v", facts, o.Evidence)
			}
		})
	}
}

// TestDropbear holds the facts against dropbear. Version 2022.83 offers RSA
// where it has no such key, and hangs up on who asks for it.
func TestDropbear(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]map[string]any{
		"rsa":     {"host_key.type": "ssh-rsa", "host_key.rsa_bits": 2048, "host_key.strength": 112, "password_auth": true, "product": "Dropbear"},
		"ed25519": {"host_key.type": "ssh-ed25519", "protocol": "2.0", "ssh1": false, "none_accepted": false, "version_disclosed": false},
	} {
		facts, o := visit(t, linkTo(t, peers.Dropbear(t, kind)), 5*time.Second)
		check(t, facts, want)
		if o.Connections > connectionsMax {
			t.Errorf("%d connections", o.Connections)
		}
		if t.Failed() {
			t.Logf("%v\n%v", facts, o.Evidence)
		}
	}
}
