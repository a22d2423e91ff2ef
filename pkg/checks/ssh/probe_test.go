package ssh

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// say sends bytes at once and reads until the client closes.
func say(parts ...[]byte) func(net.Conn, int) {
	return func(c net.Conn, _ int) {
		for _, part := range parts {
			_, _ = c.Write(part)
		}
		_, _ = io.Copy(io.Discard, c)
	}
}

// claim is the answer to a key exchange with a host key that nothing proves.
func claim(blob []byte) []byte {
	point, signature := make([]byte, 32), append(text([]byte("rsa-sha2-256")), text(make([]byte, 96))...)
	point[0] = 9
	payload := append([]byte{msgKexReply}, text(blob)...)
	return packet(append(append(payload, text(point)...), text(signature)...))
}

// TestLetIn is a server that lets in everybody: no channel is opened there.
func TestLetIn(t *testing.T) {
	t.Parallel()
	s := serve(t, &ssh.ServerConfig{NoClientAuth: true, ServerVersion: "SSH-2.0-Acme_1.0"})
	facts, o := visit(t, link(s.Port), time.Second)
	check(t, facts, map[string]any{
		"none_accepted": true, "auth_methods": "(not_asked)", "password_auth": "(not_asked)", "keyboard_interactive": "(not_asked)",
		"banner_text": false, "product": "Acme", "version": "1.0", "version_disclosed": false, "host_key.type": "ssh-ed25519",
	})
	if n := s.Connections(t); n != 1 || o.Connections != 1 {
		t.Errorf("%d connections, and %d counted", n, o.Connections)
	}
}

// TestLogin is a server that asks for a login. Nothing but the login without a
// credential is tried, whatever the inventory states, for a user of ours.
func TestLogin(t *testing.T) {
	t.Parallel()
	var tried, versions []string
	s := serve(t, &ssh.ServerConfig{
		PasswordCallback: func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) { return nil, errors.New("no") },
		KeyboardInteractiveCallback: func(ssh.ConnMetadata, ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			return nil, errors.New("no")
		},
		AuthLogCallback: func(m ssh.ConnMetadata, method string, _ error) {
			tried = append(tried, m.User()+" "+method)
			versions = append(versions, string(m.ClientVersion()))
		},
		BannerCallback: func(ssh.ConnMetadata) string { return "Property of Acme" },
	})
	l := link(s.Port)
	l.Auth = inventory.Auth{Type: inventory.AuthBasic, Username: inventory.NewSecret("acme", ""), Password: inventory.NewSecret("correct-horse", "")}
	facts, _ := visit(t, l, time.Second)
	check(t, facts, map[string]any{
		"none_accepted": false, "auth_methods": []string{"keyboard-interactive", "password"}, "password_auth": true, "keyboard_interactive": true,
		"banner_text": true, "declared": "(not_tested)",
	})
	s.Connections(t)
	if len(tried) != 1 || tried[0] != "anonymous none" {
		t.Errorf("tried %q", tried)
	}
	if want := "SSH-2.0-m2mscan_0.1.test (+security@acme.example)"; len(versions) != 1 || versions[0] != want {
		t.Errorf("introduced as %q, want %q", versions, want)
	}
}

// TestKeysAgain is a server that changes keys before it answers the login.
func TestKeysAgain(t *testing.T) {
	t.Parallel()
	var pre ssh.ServerPreAuthConn
	s := serve(t, &ssh.ServerConfig{
		Config:           ssh.Config{RekeyThreshold: 256},
		PasswordCallback: func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) { return nil, errors.New("no") },
		NoClientAuth:     true,
		NoClientAuthCallback: func(ssh.ConnMetadata) (*ssh.Permissions, error) {
			for range 300 {
				if err := pre.SendAuthBanner(strings.Repeat("Property of Acme. ", 50)); err != nil {
					return nil, err
				}
			}
			return nil, errors.New("no")
		},
		PreAuthConnCallback: func(c ssh.ServerPreAuthConn) { pre = c },
	})
	facts, o := visit(t, link(s.Port), time.Second)
	check(t, facts, map[string]any{"auth_methods": []string{"password"}, "banner_text": true, "host_key.type": "ssh-ed25519", "host_key.strength": 128})
	if t.Failed() {
		t.Log(facts, o)
	}
}

// TestTooMuch is a server that never stops to talk after it has offered.
func TestTooMuch(t *testing.T) {
	t.Parallel()
	idle := packet(append([]byte{msgIgnore}, text(make([]byte, 30000))...))
	o := modern()
	o.Kex = o.Kex[:1] // with strict key exchange, the first is one too many
	s := testserver.Raw(t, func(c net.Conn, _ int) {
		_, _ = c.Write(append([]byte("SSH-2.0-x_1\r\n"), o.packet()...))
		endlessly(string(idle))(c, 0)
	})
	facts, seen := visit(t, link(s.Port), 2*time.Second)
	check(t, facts, map[string]any{"strict_kex": false, "host_key.type": "(too_large)", "none_accepted": "(too_large)"})
	if seen.Bytes > 2*answerMax {
		t.Errorf("%d bytes", seen.Bytes)
	}
}

// TestLinesBefore is a server with more to say first than the library reads.
func TestLinesBefore(t *testing.T) {
	t.Parallel()
	inner := serve(t, &ssh.ServerConfig{NoClientAuth: true})
	s := testserver.Raw(t, func(c net.Conn, _ int) {
		_, _ = io.WriteString(c, strings.Repeat("Welcome! ", 80)+"\r\n\r\n")
		to, err := net.Dial("tcp", linkAddress(inner))
		if err != nil {
			t.Error(err)
			return
		}
		defer to.Close()
		go func() {
			_, _ = io.Copy(to, c)
			_ = to.Close()
		}()
		_, _ = io.Copy(c, to)
	})
	facts, o := visit(t, link(s.Port), time.Second)
	check(t, facts, map[string]any{"banner_text": true, "none_accepted": true, "host_key.type": "ssh-ed25519"})
	if t.Failed() {
		t.Log(facts, o)
	}
}

func linkAddress(s *testserver.Server) string { return fmt.Sprintf("127.0.0.1:%d", s.Port) }

// TestScripted holds the facts against servers that say one thing and hang up
// or fall silent.
func TestScripted(t *testing.T) {
	t.Parallel()
	old := offer{
		Kex: []string{"diffie-hellman-group1-sha1"}, HostKeys: []string{"ssh-rsa", "ssh-dss"},
		CiphersUp: []string{"aes128-cbc", "3des-cbc"}, CiphersDown: []string{"aes128-cbc", "3des-cbc"},
		MACsUp: []string{"hmac-md5", "hmac-sha1-96"}, MACsDown: []string{"hmac-md5", "hmac-sha1-96"},
		CompressUp: []string{"none", "zlib"}, CompressDown: []string{"none"},
	}
	rsa := modern()
	rsa.HostKeys = []string{"rsa-sha2-256"}
	terrapin := modern()
	terrapin.Kex, terrapin.CiphersDown = []string{"curve25519-sha256"}, []string{"chacha20-poly1305@openssh.com"}
	odd := modern()
	odd.HostKeys = []string{"x509v3-rsa2048-sha256"}
	full := packet([]byte("\x01\x00\x00\x00\x0c\x00\x00\x00\x04full\x00\x00\x00\x00"))
	hello := []byte("SSH-2.0-x_1\r\n")
	for name, tt := range map[string]struct {
		handle func(net.Conn, int)
		want   map[string]any
	}{
		"a router with SSH-1": {say([]byte("SSH-1.99-Cisco-1.25\n"), old.packet()), map[string]any{
			"protocol": "1.99", "ssh1": true, "product": "Cisco", "version": "1.25", "compression": []string{"none", "zlib"},
			"weak.kex": old.Kex, "weak.host_key": old.HostKeys, "weak.cipher": old.CiphersUp, "weak.mac": old.MACsUp,
			"host_key.type": "(stalled)", "none_accepted": "(stalled)", "terrapin": false, "authenticated_encryption": false,
		}},
		"SSH-1 alone": {say([]byte("SSH-1.5-1.2.27\n")), map[string]any{
			"protocol": "1.5", "ssh1": true, "product": "(not_asked)", "software": "1.2.27", "kex_algorithms": "(not_asked)", "terrapin": "(not_asked)", "password_auth": "(not_asked)",
		}},
		"an RSA key too weak to be proven": {say(hello, rsa.packet(), claim(rsaBlob(768))), map[string]any{
			"host_key.type": "ssh-rsa", "host_key.rsa_bits": 768, "host_key.strength": 0, "host_key.weakest": "ssh-rsa 768", "none_accepted": "(garbage)",
		}},
		"an RSA key that is claimed": {say(hello, rsa.packet(), claim(rsaBlob(1024))), map[string]any{
			"host_key.type": "(garbage)", "host_key.strength": "(garbage)", "none_accepted": "(garbage)", "strict_kex": true,
		}},
		"terrapin": {say(hello, terrapin.packet()), map[string]any{"strict_kex": false, "terrapin": true, "authenticated_encryption": false}},
		"host keys that are not known": {say(hello, odd.packet()), map[string]any{
			"host_key_algorithms": odd.HostKeys, "host_key.type": "(not_tested)", "none_accepted": "(not_tested)", "banner_text": "(not_tested)",
		}},
		"silence after the identification": {say(hello), map[string]any{"protocol": "2.0", "product": "x", "kex_algorithms": "(stalled)", "terrapin": "(stalled)", "weak.kex": "(stalled)"}},
		"silence after the offers":         {say(hello, modern().packet()), map[string]any{"strict_kex": true, "host_key.type": "(stalled)", "none_accepted": "(stalled)", "banner_text": "(stalled)"}},
		"a farewell before the offers":     {say(hello, full), map[string]any{"product": "x", "kex_algorithms": "(throttled)", "none_accepted": "(throttled)"}},
		"a farewell after the offers":      {say(hello, modern().packet(), full), map[string]any{"strict_kex": true, "host_key.type": "(throttled)", "none_accepted": "(throttled)"}},
		"a huge packet":                    {say(hello, []byte{0xff, 0xff, 0xff, 0xff, 10}), map[string]any{"product": "x", "kex_algorithms": "(too_large)"}},
		"a huge packet after the offers":   {say(hello, modern().packet(), []byte{0xff, 0xff, 0xff, 0xff, 10}), map[string]any{"strict_kex": true, "host_key.type": "(garbage)"}},
		"garbage after the identification": {say(hello, []byte(strings.Repeat("garbage ", 20))), map[string]any{"product": "x", "kex_algorithms": "(too_large)"}},
		"closed after the offers": {func(c net.Conn, _ int) {
			_, _ = c.Write(append(hello, modern().packet()...))
			_, _ = io.ReadAtLeast(c, make([]byte, 4096), 500)
		}, map[string]any{"strict_kex": true, "host_key.type": "(reset)", "none_accepted": "(reset)"}},
		"reset after the offers": {func(c net.Conn, _ int) {
			_, _ = c.Write(append(hello, modern().packet()...))
			_, _ = io.ReadAtLeast(c, make([]byte, 4096), 500)
			_ = c.(*net.TCPConn).SetLinger(0)
		}, map[string]any{"strict_kex": true, "host_key.type": "(reset)", "none_accepted": "(reset)"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testserver.Raw(t, tt.handle)
			facts, o := visit(t, link(s.Port), 500*time.Millisecond)
			check(t, facts, tt.want)
			if n := s.Connections(t); n != 1 {
				t.Errorf("%d connections", n)
			}
			if t.Failed() {
				t.Log(facts, o)
			}
		})
	}
}

// TestHostileServers learns nothing, in time, from servers that are none.
func TestHostileServers(t *testing.T) {
	t.Parallel()
	drip := func(text string) func(net.Conn, int) {
		return func(c net.Conn, _ int) {
			for tick := time.NewTicker(20 * time.Millisecond); ; {
				for i := range text {
					if _, err := c.Write([]byte{text[i]}); err != nil {
						tick.Stop()
						return
					}
					<-tick.C
				}
			}
		}
	}
	for name, tt := range map[string]struct {
		handle func(net.Conn, int)
		reason checks.Reason
	}{
		"refuses":           {nil, checks.ReasonRefused},
		"resets":            {testserver.Reset, checks.ReasonReset},
		"closes":            {func(net.Conn, int) {}, checks.ReasonReset},
		"stalls":            {testserver.Stall, checks.ReasonStalled},
		"endless zeroes":    {testserver.Endless, checks.ReasonTooLarge},
		"endless lines":     {endlessly("Welcome to Acme.\r\n"), checks.ReasonTooLarge},
		"endless dripping":  {drip("x"), checks.ReasonGarbage},
		"is a web server":   {testserver.Say("HTTP/1.1 400 Bad Request\r\n\r\n"), checks.ReasonGarbage},
		"is an FTP server":  {say([]byte("220 ProFTPD Server ready.\r\n")), checks.ReasonGarbage},
		"wants TLS":         {testserver.Alert(70), checks.ReasonGarbage},
		"is full":           {func(c net.Conn, _ int) { _, _ = io.WriteString(c, "Exceeded MaxStartups\r\n"); drain(c) }, checks.ReasonThrottled},
		"speaks SSH 3":      {say([]byte("SSH-3.0-x\r\n")), checks.ReasonGarbage},
		"an absurd version": {say([]byte("SSH-2.0-" + strings.Repeat("x", 400) + "\r\n")), checks.ReasonTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testserver.Refused(t)
			if tt.handle != nil {
				s = testserver.Raw(t, tt.handle)
			}
			start := time.Now()
			facts, o := visit(t, link(s.Port), 500*time.Millisecond)
			if o.Reason != tt.reason {
				t.Errorf("reason %s (%s), want %s", o.Reason, o.Detail, tt.reason)
			}
			if o.Facts != nil {
				t.Errorf("claims %v", facts)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func endlessly(text string) func(net.Conn, int) {
	return func(c net.Conn, _ int) {
		for {
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
		}
	}
}

// drain lets the client read what was said: closed with something unread, a
// connection is reset.
func drain(c net.Conn) {
	_ = c.(*net.TCPConn).CloseWrite()
	_, _ = io.Copy(io.Discard, c)
}

func TestIntroduction(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		"m2mscan/0.4.0 (+https://acme.example)": "SSH-2.0-m2mscan_0.4.0 (+https://acme.example)",
		"m2mscan/dev-1":                         "SSH-2.0-m2mscan_dev.1",
		"m2mscan/1\r\nSSH-2.0-x":                "SSH-2.0-m2mscan_1SSH.2.0.x",
		"":                                      "SSH-2.0-m2mscan",
		"m2mscan/1 " + strings.Repeat("x", 400): ("SSH-2.0-m2mscan_1 " + strings.Repeat("x", 400))[:253],
	} {
		if got := introduction(agent); got != want {
			t.Errorf("%q: %q, want %q", agent, got, want)
		}
	}
}

func TestApplies(t *testing.T) {
	t.Parallel()
	for scheme, want := range map[string]bool{"sftp": true, "ssh": true, "https": false, "mqtt": false} {
		l := link(22)
		l.URL.Scheme = scheme
		if got := Probe().Applies(l); got != want {
			t.Errorf("%s: %t", scheme, got)
		}
	}
}
