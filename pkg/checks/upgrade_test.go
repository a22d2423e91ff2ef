package checks

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
)

// natsPeer greets, and then speaks TLS as a NATS server does.
func natsPeer(t *testing.T, greeting string) *peer {
	t.Helper()
	config := &tls.Config{Certificates: []tls.Certificate{certify(t, nil)}}
	return serve(t, func(c net.Conn) {
		_, _ = io.WriteString(c, greeting)
		s := tls.Server(c, config)
		if s.Handshake() == nil {
			_, _ = io.Copy(s, s)
		}
	})
}

func TestUpgradeNATS(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", natsGreetingMax)
	tests := []struct {
		name     string
		greeting string
		reason   Reason // "" when TLS is reached
	}{
		{"TLS required", `INFO {"server_id":"N","tls_required":true}` + "\r\n", ""},
		{"TLS available", `INFO {"tls_available":true} ` + "\n", ""},
		{"a long greeting", `INFO {"tls_required":true,"x":"` + long[:60_000] + `"}` + "\r\n", ""},
		{"handshake first", "", ""},
		{"no TLS", `INFO {"server_id":"N","nonce":"secret"}` + "\r\n", ReasonPlaintext},
		{"full", "-ERR 'maximum connections exceeded'\r\n", ReasonThrottled},
		{"another error", "-ERR 'Authorization Violation'\r\n", ReasonAmbiguous},
		{"another protocol", "220 mail.example ESMTP\r\n", ReasonGarbage},
		{"no JSON", "INFO {\r\n", ReasonGarbage},
		{"too long", "INFO " + long + "\r\n", ReasonTooLarge},
		{"never complete", "INFO {", ReasonStalled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := natsPeer(t, tt.greeting)
			o := shakeWith(t, patient, p.url("natss"), func(ctx context.Context, v *Visit, h *Handshake, err error) {
				if err == nil {
					echo(t, h.TakeConn())
					_, err = v.HandshakeWith(ctx, nil, tls.VersionTLS13, tls.VersionTLS13)
				}
				if _, reason := Classify(err); reason != tt.reason {
					t.Errorf("%v (%s), want %q", err, reason, tt.reason)
				}
			})
			if tt.reason == ReasonStalled {
				return // tried again with a smaller hello
			}
			if want := map[bool]int{true: 2, false: 1}[tt.reason == ""]; o.Connections != want {
				t.Errorf("%d connections, want %d", o.Connections, want)
			}
		})
	}
}

// What a server sends behind its greeting belongs to TLS.
func TestUpgradeKeepsWhatFollows(t *testing.T) {
	t.Parallel()
	p := serve(t, func(c net.Conn) {
		alert := "\x15\x03\x03\x00\x02\x02\x28"
		_, _ = io.WriteString(c, `INFO {"tls_required":true}`+"\r\n"+alert)
		stall(c)
	})
	shakeWith(t, patient, p.url("natss"), func(_ context.Context, _ *Visit, _ *Handshake, err error) {
		if alert, ok := AlertOf(err); !ok || alert != 40 {
			t.Errorf("%v, want alert 40", err)
		}
	})
}

func FuzzReadLine(f *testing.F) {
	f.Add([]byte("INFO {\"tls_required\":true}\r\n\x16\x03"))
	f.Add([]byte("\n"))
	f.Add(bytes.Repeat([]byte("a"), 300))
	f.Fuzz(func(t *testing.T, b []byte) {
		const most = 200
		line, rest, err := readLine(iotest.OneByteReader(bytes.NewReader(b)), most)
		if err == nil && len(line) > most {
			t.Errorf("a line of %d bytes", len(line))
		}
		whole, wholeRest, wholeErr := readLine(bytes.NewReader(b), most)
		if (err == nil) != (wholeErr == nil) || err == nil && !bytes.Equal(line, whole) {
			t.Errorf("byte by byte %q, %v; at once %q, %v", line, err, whole, wholeErr)
		}
		if len(rest) > 0 {
			t.Errorf("read ahead of single bytes: %q", rest)
		}
		if wholeErr == nil {
			if _, err := natsOffersTLS(whole); err != nil {
				_ = fmt.Sprint(err)
			}
			if n := len(whole) + len(wholeRest); n > len(b) {
				t.Errorf("%d bytes from %d", n, len(b))
			}
		}
		if text, ok := plaintextAnswer(b); ok && !bytes.HasPrefix(b, []byte(text)) {
			t.Errorf("plaintext answer %q from %q", text, b)
		}
	})
}
