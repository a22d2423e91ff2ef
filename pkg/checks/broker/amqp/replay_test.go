package amqp

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel/channeltest"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// replay answers each message of a client with the next of its texts, and then
// reads until the client closes.
func replay(c net.Conn, answers ...string) {
	for _, answer := range answers {
		if _, err := c.Read(make([]byte, 4096)); err != nil {
			return
		}
		if _, err := io.WriteString(c, answer); err != nil {
			return
		}
	}
	_, _ = io.Copy(io.Discard, c)
}

// greeting is a greeting of RabbitMQ with other mechanisms.
func greeting(mechanisms string) string {
	properties := append(short("product"), 'S')
	properties = append(append(properties, long([]byte("RabbitMQ"))...), short("version")...)
	properties = append(append(properties, 'S'), long([]byte("4.0.9"))...)
	return string(connectionStart.encode(0, []byte{0, 9}, long(properties), long([]byte(mechanisms)), long([]byte("en_US"))))
}

func offering(names ...string) string {
	array := []byte{byte(len(names)), 0xA3}
	for _, name := range names {
		array = append(array, short(name)...)
	}
	return headerSASL + string(encodeFrame(typeSASL, described(saslMechanisms, append([]byte{0xE0, byte(len(array))}, array...))))
}

func outcome(code byte) string {
	return string(encodeFrame(typeSASL, described(saslOutcome, []byte{0x50, code})))
}

// opening is an open frame of a broker with properties, and limits.
func opening(product, version string) string {
	var properties []byte
	for _, word := range []string{"product", product, "version", version} {
		properties = append(properties, text(word)...)
	}
	properties = append([]byte{0xC1, byte(len(properties) + 1), 4}, properties...)
	return string(encodeFrame(typeAMQP, described(open, text("broker"), null(), uint32of(131072), []byte{0x60, 0xFF, 0xFF}, uint32of(30000),
		null(), null(), null(), null(), properties)))
}

var (
	begun   = string(encodeBegin())
	closed  = string(encodeClose())
	denied  = string(encodeFrame(typeAMQP, described(closeIt, described(0x1d, symbol("amqp:unauthorized-access"), text("no")))))
	limited = string(encodeFrame(typeAMQP, described(closeIt, described(0x1d, symbol("amqp:resource-limit-exceeded"), text("no more")))))
)

func closingWith(code uint16, text string) string {
	return string(connectionClose.encode(0, number(code), short(text), number(0), number(0)))
}

// TestReplays plays brokers that are not installed, by the bytes they send.
func TestReplays(t *testing.T) {
	t.Parallel()
	consented := []inventory.Consent{inventory.ConsentDefaultCredentials}
	for name, tt := range map[string]struct {
		handle      func(net.Conn, int)
		connections int
		consent     []inventory.Consent
		want        map[string]any
	}{
		"RabbitMQ 4 lets anonymous clients in": {
			handle: func(c net.Conn, _ int) {
				replay(c, greeting("ANONYMOUS AMQPLAIN PLAIN"), recordedTune, recordedOpenOK, recordedCloseOK)
			},
			connections: 1,
			want: map[string]any{
				"protocol": "AMQP 0-9-1", "product": "RabbitMQ", "version": "4.0.9", "anonymous": "accepted", "anonymous_offered": true, "plain_only": true,
				"mechanisms": []string{"AMQPLAIN", "ANONYMOUS", "PLAIN"}, "rights.publish": "(not_asked)", "heartbeat": 60, "default_credentials": "(not_asked)",
			},
		},
		"RabbitMQ 4 lets anybody in, and hangs up": {
			handle: func(c net.Conn, _ int) {
				for _, answer := range []string{greeting("ANONYMOUS PLAIN"), recordedTune, recordedOpenOK} {
					_, _ = c.Read(make([]byte, 4096))
					_, _ = io.WriteString(c, answer)
				}
				_, _ = c.Read(make([]byte, 4096))
			},
			connections: 1, consent: consented,
			want: map[string]any{"anonymous": "accepted", "rights.publish": "(reset)", "default_credentials": "(not_asked)", "random_credential": "(not_asked)"},
		},
		"RabbitMQ 4, mechanisms in another order": {
			handle: func(c net.Conn, n int) {
				if n == 1 {
					replay(c, greeting("PLAIN AMQPLAIN ANONYMOUS"), closingWith(403, "ACCESS_REFUSED - user 'guest' can only connect via localhost"))
				}
				replay(c, offering("PLAIN", "ANONYMOUS"), outcome(1))
			},
			connections: 2,
			want: map[string]any{
				"mechanisms": []string{"AMQPLAIN", "ANONYMOUS", "PLAIN"}, "anonymous": "refused", "anonymous_offered": true, "verbose_errors": true,
			},
		},
		"RabbitMQ 4, AMQP 1.0 does not say": {
			handle: func(c net.Conn, n int) {
				if n == 1 {
					replay(c, greeting("ANONYMOUS PLAIN"), closingWith(403, "ACCESS_REFUSED"))
				}
			},
			connections: 2,
			want:        map[string]any{"anonymous": "(reset)", "rights.publish": "(reset)", "protocol": "AMQP 0-9-1"},
		},
		"let in, but there is no such virtual host": {
			handle: func(c net.Conn, n int) {
				if n == 1 {
					replay(c, greeting("ANONYMOUS PLAIN"), recordedTune, recordedNoHost)
				}
				replay(c, header091)
			},
			connections: 2,
			want:        map[string]any{"anonymous": "(ambiguous)", "heartbeat": 60},
		},
		"let in, but the virtual host is not for anonymous clients": {
			handle: func(c net.Conn, n int) {
				if n == 1 {
					replay(c, greeting("ANONYMOUS PLAIN"), recordedTune, closingWith(530, "NOT_ALLOWED - access to vhost '/' refused for user 'guest'"))
				}
				replay(c, header091)
			},
			connections: 2,
			want:        map[string]any{"anonymous": "refused", "verbose_errors": true},
		},
		"the broker is full": {
			handle: func(c net.Conn, n int) {
				if n == 1 {
					replay(c, greeting("ANONYMOUS PLAIN"), closingWith(530, "NOT_ALLOWED - connection limit (100) is reached"))
				}
				replay(c, header091)
			},
			connections: 2,
			want:        map[string]any{"anonymous": "(throttled)", "product": "RabbitMQ"},
		},
		"a made-up login will do": {
			handle: func(c net.Conn, n int) {
				if n == 2 {
					replay(c, header091)
				}
				replay(c, greeting("PLAIN"), recordedTune, recordedOpenOK, recordedCloseOK)
			},
			connections: 3, consent: consented,
			want: map[string]any{"anonymous": "refused", "random_credential": "accepted", "default_credentials": "(not_asked)"},
		},
		"the login it is delivered with is refused": {
			handle: func(c net.Conn, n int) {
				if n == 2 {
					replay(c, header091)
				}
				replay(c, greeting("PLAIN"), recordedRefused)
			},
			connections: 4, consent: consented,
			want: map[string]any{"random_credential": "refused", "default_credentials": false, "verbose_errors": false},
		},
		"Azure Service Bus": {
			handle: func(c net.Conn, n int) {
				if n == 1 {
					replay(c, headerSASL)
				}
				replay(c, offering("MSSBCBS", "PLAIN", "ANONYMOUS", "EXTERNAL"), outcome(0), header10, opening("", ""), begun, closed)
			},
			connections: 2,
			want: map[string]any{
				"protocol": "AMQP 1.0", "mechanisms": []string{"ANONYMOUS", "EXTERNAL", "MSSBCBS", "PLAIN"}, "anonymous": "(ambiguous)", "anonymous_offered": true,
				"rights.publish": "(not_tested)", "plain_only": false, "heartbeat": 30, "product": "(not_asked)",
			},
		},
		"ActiveMQ Artemis, open": {
			handle: func(c net.Conn, n int) {
				if n == 1 {
					replay(c, headerSASL)
				}
				replay(c, offering("PLAIN", "ANONYMOUS"), outcome(0), header10, opening("apache-activemq-artemis", "2.31.2"), begun, closed)
			},
			connections: 2,
			want: map[string]any{
				"protocol": "AMQP 1.0", "product": "apache-activemq-artemis", "version": "2.31.2", "anonymous": "accepted", "plaintext": true, "plaintext_login": true,
				"rights.publish": "(not_tested)", "limits": []string{"channel_max=65535", "frame_max=131072"}, "heartbeat": 30, "plain_only": true,
			},
		},
		"ActiveMQ Artemis, closed": {
			handle: func(c net.Conn, n int) {
				if n == 1 {
					replay(c, header10)
				}
				replay(c, offering("PLAIN", "ANONYMOUS"), outcome(1))
			},
			connections: 2,
			want:        map[string]any{"anonymous": "refused", "rights.publish": "(not_asked)", "limits": "(not_asked)", "product": "(not_asked)"},
		},
		"AMQP 1.0, denied once the connection is open": {
			handle: func(c net.Conn, n int) {
				if n == 1 {
					replay(c, headerSASL)
				}
				replay(c, offering("ANONYMOUS"), outcome(0), header10, opening("x", "1"), denied)
			},
			connections: 2,
			want:        map[string]any{"anonymous": "refused", "product": "x"},
		},
		"AMQP 1.0, full": {
			handle: func(c net.Conn, n int) {
				if n == 1 {
					replay(c, headerSASL)
				}
				replay(c, offering("ANONYMOUS"), outcome(0), header10, limited)
			},
			connections: 2,
			want:        map[string]any{"anonymous": "(throttled)", "protocol": "AMQP 1.0"},
		},
		"AMQP 1.0 without ANONYMOUS, and SASL is demanded": {
			handle: func(c net.Conn, n int) {
				switch n {
				case 1:
					replay(c, headerSASL)
				case 2:
					replay(c, offering("PLAIN", "SCRAM-SHA-256"))
				default:
					replay(c, headerSASL)
				}
			},
			connections: 3,
			want:        map[string]any{"anonymous": "refused", "anonymous_offered": false, "plain_only": false},
		},
		"AMQP 1.0 without ANONYMOUS, and SASL is not demanded": {
			handle: func(c net.Conn, n int) {
				switch n {
				case 1:
					replay(c, headerSASL)
				case 2:
					replay(c, offering("PLAIN"))
				default:
					replay(c, header10, opening("x", "1"), begun, closed)
				}
			},
			connections: 3,
			want:        map[string]any{"anonymous": "accepted", "anonymous_offered": false},
		},
		"AMQP 1.0 that hangs up at an older header": {
			handle: func(c net.Conn, n int) {
				if n == 1 {
					_, _ = c.Read(make([]byte, 8))
					return
				}
				replay(c, offering("PLAIN", "ANONYMOUS"), outcome(1))
			},
			connections: 3,
			want:        map[string]any{"protocol": "AMQP 1.0", "anonymous": "refused", "plaintext": true},
		},
		"its own header and no more": {
			handle:      func(c net.Conn, _ int) { replay(c, header091) },
			connections: 1,
			want:        map[string]any{"protocol": "AMQP 0-9-1", "plaintext": true, "anonymous": "(ambiguous)", "plaintext_login": "(ambiguous)"},
		},
		"AMQP 0-10": {
			handle:      func(c net.Conn, _ int) { replay(c, "AMQP\x01\x01\x00\x0a") },
			connections: 1,
			want:        map[string]any{"protocol": "AMQP 0-10", "plaintext": true, "anonymous": "(ambiguous)"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testserver.Raw(t, tt.handle)
			l := s.Link(t, "amqp", "")
			l.Probe.Consent = tt.consent
			level := checks.Observe
			if tt.consent != nil {
				level = checks.Consented
			}
			facts, o := channeltest.Survey(t, l, channeltest.Visit{Level: level}, Survey)
			channeltest.Check(t, facts, tt.want)
			if n := s.Connections(t); n != tt.connections {
				t.Errorf("%d connections, want %d", n, tt.connections)
			}
			if t.Failed() {
				t.Logf("%v\n%v", facts, o.Evidence)
			}
		})
	}
}

// TestRights plays what RabbitMQ answers to who asks for names that nobody has
// given, and what others may.
func TestRights(t *testing.T) {
	t.Parallel()
	opened := func(n uint16) string { return string(channelOpenOK.encode(n, long(nil))) }
	closes := func(n, code uint16) string {
		return string(channelClose.encode(n, number(code), short("why"), number(60), number(70))) + string(channelCloseOK.encode(n))
	}
	begin := []string{greeting("ANONYMOUS"), recordedTune, recordedOpenOK}
	for name, tt := range map[string]struct {
		answers []string
		want    map[string]any
	}{
		"all":  {[]string{opened(1), closes(1, 404), "", opened(2), closes(2, 404), "", recordedCloseOK}, map[string]any{"rights.subscribe_all": true, "rights.publish": true, "rights.proof": "denial", "rights.admin": "(not_asked)"}},
		"none": {[]string{opened(1), closes(1, 403), "", opened(2), closes(2, 403), "", recordedCloseOK}, map[string]any{"rights.subscribe_all": false, "rights.publish": false, "rights.proof": "denial"}},
		"no answer, but to the closing": {
			[]string{opened(1), string(channelCloseOK.encode(1)), opened(2), string(channelCloseOK.encode(2)), recordedCloseOK},
			map[string]any{"rights.subscribe_all": "(ambiguous)", "rights.publish": "(ambiguous)", "rights.proof": "(ambiguous)", "anonymous": "accepted"},
		},
		"another code": {[]string{opened(1), closes(1, 541), "", opened(2), closes(2, 404), "", recordedCloseOK}, map[string]any{"rights.subscribe_all": "(ambiguous)", "rights.publish": true}},
		"no channel":   {[]string{closingWith(504, "CHANNEL_ERROR")}, map[string]any{"rights.subscribe_all": "(ambiguous)", "anonymous": "accepted"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testserver.Raw(t, func(c net.Conn, _ int) {
				for _, answer := range append(begin[:len(begin):len(begin)], tt.answers...) {
					if answer == "" { // the client agrees to the closing of a channel, and goes on
						if _, err := io.ReadFull(c, make([]byte, 12)); err != nil {
							return
						}
						continue
					}
					if _, err := c.Read(make([]byte, 4096)); err != nil {
						return
					}
					_, _ = io.WriteString(c, answer)
				}
			})
			facts, o := channeltest.Survey(t, s.Link(t, "amqp", ""), channeltest.Visit{Level: checks.Active}, Survey)
			channeltest.Check(t, facts, tt.want)
			if t.Failed() {
				t.Logf("%v\n%v", facts, o.Evidence)
			}
		})
	}
}

// TestLoginOverNewer logs in to a broker of AMQP 1.0 alone, with the right
// password and with a wrong one.
func TestLoginOverNewer(t *testing.T) {
	t.Parallel()
	root := testserver.Root(t, "ours")
	config := &tls.Config{Certificates: []tls.Certificate{root.Leaf(t, nil).TLS()}}
	s := testserver.TLS(t, config, func(c *tls.Conn) {
		message := make([]byte, 4096)
		n, _ := c.Read(message)
		if string(message[:n]) != headerSASL {
			_, _ = io.WriteString(c, headerSASL)
			return
		}
		_, _ = io.WriteString(c, offering("PLAIN", "EXTERNAL"))
		n, _ = c.Read(message)
		if !bytes.Contains(message[:n], []byte("\x00app\x00correct-horse")) {
			_, _ = io.WriteString(c, outcome(1))
			return
		}
		_, _ = io.WriteString(c, outcome(0))
		replay(c, header10, opening("x", "1"), begun, closed)
	})
	l := s.Link(t, "amqps", "")
	l.Auth = basic("app", "correct-horse")
	facts, o := channeltest.Survey(t, l, channeltest.Visit{Roots: testserver.Pool(root)}, Survey)
	channeltest.Check(t, facts, map[string]any{
		"protocol": "AMQP 1.0", "declared": "accepted", "random_credential": "refused", "without_certificate": "accepted",
		"declared_rights.publish": "(not_tested)", "verbose_errors": false, "product": "x",
	})
	if t.Failed() {
		t.Logf("%v\n%v", facts, o.Evidence)
	}
}
