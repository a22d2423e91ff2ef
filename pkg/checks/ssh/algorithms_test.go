package ssh

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWeak(t *testing.T) {
	t.Parallel()
	o := kexInit{
		kex: []string{
			"curve25519-sha256", "diffie-hellman-group14-sha256", "diffie-hellman-group14-sha1", "diffie-hellman-group1-sha1", "diffie-hellman-group-exchange-sha1",
			"rsa1024-sha1", "gss-group14-sha1-toWM5Slw5Ew8Mqkay+al2g==", "gss-group14-sha256-toWM5Slw5Ew8Mqkay+al2g==", "ecdh-sha2-1.3.132.0.1",
			"diffie-hellman-group15-sha512", "diffie-hellman-group14-sha256@ssh.com", "diffie-hellman-group1-sha1@acme.example", "ext-info-s", "kexguess2@matt.ucc.asn.au",
		},
		hostKeys: []string{"rsa-sha2-512", "ssh-rsa", "ssh-dss", "ssh-rsa-cert-v01@openssh.com", "rsa-sha2-256-cert-v01@openssh.com", "ssh-ed25519", "x509v3-ssh-rsa"},
		ciphers: [2][]string{
			{"aes256-gcm@openssh.com", "aes128-cbc", "3des-cbc", "arcfour", "arcfour256", "none"},
			{"aes128-ctr", "blowfish-ctr", "rijndael-cbc@lysator.liu.se", "cast128-cbc", "twofish256-cbc", "camellia256-ctr"},
		},
		macs: [2][]string{
			{"hmac-sha2-256", "hmac-sha1", "umac-64@openssh.com", "hmac-md5", "hmac-md5-96-etm@openssh.com"},
			{"hmac-sha1-96", "hmac-sha1-96-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "none", "hmac-md5"},
		},
	}
	var f Facts
	f.judge(o)
	want := Weak{
		Kex: []string{
			"diffie-hellman-group14-sha1", "diffie-hellman-group1-sha1", "diffie-hellman-group-exchange-sha1", "rsa1024-sha1",
			"gss-group14-sha1-toWM5Slw5Ew8Mqkay+al2g==", "ecdh-sha2-1.3.132.0.1", "diffie-hellman-group1-sha1@acme.example",
		},
		HostKey: []string{"ssh-rsa", "ssh-dss", "ssh-rsa-cert-v01@openssh.com", "x509v3-ssh-rsa"},
		Cipher: []string{
			"aes128-cbc", "3des-cbc", "arcfour", "arcfour256", "none", "blowfish-ctr", "rijndael-cbc@lysator.liu.se", "cast128-cbc", "twofish256-cbc",
		},
		MAC: []string{"hmac-md5", "hmac-md5-96-etm@openssh.com", "hmac-sha1-96", "hmac-sha1-96-etm@openssh.com", "none"},
	}
	if diff := cmp.Diff(f.Weak, want); diff != "" {
		t.Error(diff)
	}
	if n := len(f.KexAlgorithms); n != 12 {
		t.Errorf("%d key exchanges: %q", n, f.KexAlgorithms)
	}
}

func TestTerrapin(t *testing.T) {
	t.Parallel()
	const chacha, gcm, ctr, cbc = "chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com", "aes128-ctr", "aes128-cbc"
	const etm, mac = "hmac-sha2-256-etm@openssh.com", "hmac-sha2-256"
	for _, tt := range []struct {
		up, down, macUp, macDown string
		terrapin, authenticated  bool
	}{
		{chacha, chacha, mac, mac, true, true},
		{gcm, chacha, mac, mac, true, true},
		{gcm, gcm, mac, mac, false, true},
		{ctr, ctr, etm, etm, false, true},
		{cbc, cbc, mac, mac, false, false},
		{cbc, cbc, etm, etm, true, true},
		{cbc, ctr, mac, etm, false, false},
		{ctr, cbc, mac, etm, true, false},
		{gcm, ctr, mac, mac, false, false},
	} {
		for _, strict := range []bool{false, true} {
			k := kexInit{
				kex:     []string{"curve25519-sha256"},
				ciphers: [2][]string{{tt.up}, {tt.down}}, macs: [2][]string{{tt.macUp}, {tt.macDown}},
			}
			if strict {
				k.kex = append(k.kex, strictServer)
			}
			var f Facts
			f.judge(k)
			got := fmt.Sprint(*f.StrictKex, *f.Terrapin, *f.AuthenticatedEncryption)
			if want := fmt.Sprint(strict, tt.terrapin && !strict, tt.authenticated); got != want {
				t.Errorf("%+v, strict %t: %s, want %s", tt, strict, got, want)
			}
		}
	}
}

func TestPostQuantum(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"mlkem768x25519-sha256": true, "sntrup761x25519-sha512@openssh.com": true, "mlkem1024nistp384-sha384": true,
		"ecdh-nistp256-kyber-512r3-sha256-d00@openquantumsafe.org": true, "sntrup4591761x25519-sha512@tinyssh.org": true,
		"curve25519-sha256": false, "curve448-sha512": false, "diffie-hellman-group18-sha512": false,
	} {
		if got := isPostQuantum(name); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestIdentify(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][2]string{
		"OpenSSH_9.2p1 Debian-2+deb12u3": {"OpenSSH", "9.2p1"},
		"OpenSSH_for_Windows_8.1":        {"OpenSSH for Windows", "8.1"},
		"OpenSSH":                        {"OpenSSH", ""},
		"dropbear_2022.83":               {"Dropbear", "2022.83"},
		"dropbear":                       {"Dropbear", ""},
		"libssh_0.9.6":                   {"libssh", "0.9.6"},
		"libssh-0.6.3":                   {"libssh", "0.6.3"},
		"mod_sftp/0.9.9":                 {"ProFTPD mod_sftp", "0.9.9"},
		"mod_sftp":                       {"ProFTPD mod_sftp", ""},
		"CerberusFTPServer_13.1.0.0":     {"Cerberus FTP Server", "13.1.0.0"},
		"GoAnywhere7.1.0":                {"GoAnywhere MFT", "7.1.0"},
		"AWS_SFTP_1.1":                   {"AWS Transfer Family", "1.1"},
		"CrushFTPSSHD_5":                 {"CrushFTP", "5"},
		"Serv-U_15.1.6.25":               {"Serv-U", "15.1.6.25"},
		"APACHE-SSHD-2.9.2":              {"Apache MINA SSHD", "2.9.2"},
		"AzureSSH_1.0.0":                 {"Azure Storage SFTP", "1.0.0"},
		"8.43 FlowSsh: Bitvise SSH Server (WinSSHD) 8.43":    {"Bitvise SSH Server", "8.43"},
		"9.99 FlowSsh: Bitvise SSH Server (WinSSHD) 9.99: x": {"Bitvise SSH Server", "9.99"},
		"Go":            {"Go x/crypto/ssh", ""},
		"Gopher_2":      {"Gopher", "2"},
		"1.2.27":        {"", ""},
		"":              {"", ""},
		"SFTPGo_2.5.0":  {"SFTPGo", "2.5.0"},
		"ROSSSH":        {"MikroTik RouterOS", ""},
		"Cisco-1.25":    {"Cisco", "1.25"},
		"Unknown-x_y z": {"Unknown-x_y", ""},
	} {
		id, err := newReader(strings.NewReader("SSH-2.0-" + line + "\n")).identification()
		if err != nil {
			t.Fatal(err)
		}
		if product, version := identify(id); product != want[0] || version != want[1] {
			t.Errorf("%s: %q %q, want %q", line, product, version, want)
		}
	}
}
