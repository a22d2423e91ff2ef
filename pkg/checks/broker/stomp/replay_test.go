package stomp

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel/channeltest"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// survey surveys a server of the test, without TLS.
func survey(t *testing.T, s *testserver.Server, consent bool) (map[string]any, checks.Observation) {
	t.Helper()
	l := channeltest.Link(t, "stomp", fmt.Sprintf("127.0.0.1:%d", s.Port))
	visit := channeltest.Visit{}
	if consent {
		l.Probe.Consent = []inventory.Consent{inventory.ConsentDefaultCredentials}
		visit.Level = checks.Consented
	}
	return channeltest.Survey(t, l, visit, Survey)
}

// door lets in whose CONNECT has one of the texts, and refuses all others.
func door(refusal string, in ...string) func(net.Conn, int) {
	return func(c net.Conn, _ int) {
		message := make([]byte, 4096)
		n, _ := c.Read(message)
		answer := refusal
		for _, text := range in {
			if strings.Contains(string(message[:n]), text) {
				answer = "CONNECTED\nversion:1.2\nserver:ActiveMQ/5.15.2\nheart-beat:0,30000\n\n\x00\n"
			}
		}
		_, _ = io.WriteString(c, answer)
		_, _ = io.Copy(io.Discard, c)
	}
}

// TestReplays plays brokers by the bytes they send.
func TestReplays(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		handle      func(net.Conn, int)
		consent     bool
		connections int
		want        map[string]any
	}{
		"RabbitMQ without an implicit login": {
			door(recordedRefused), false, 1,
			map[string]any{"protocol": "STOMP 1.2", "anonymous": "refused", "verbose_errors": true, "rights.publish": "(not_asked)", "product": "(not_asked)", "heartbeat": "(not_asked)"},
		},
		"RabbitMQ, guest from elsewhere": {
			door("ERROR\nmessage:Bad CONNECT\nversion:1.0,1.1,1.2\n\nnon-loopback access denied\x00"), true, 3,
			map[string]any{"anonymous": "refused", "random_credential": "refused", "default_credentials": false, "verbose_errors": false},
		},
		"RabbitMQ with its user guest": {
			door(recordedRefused, "login:guest\npasscode:guest\n"), true, 3,
			map[string]any{"anonymous": "refused", "random_credential": "refused", "default_credentials": true},
		},
		"ActiveMQ with its user admin": {
			door(activeMQRefused, "login:admin\npasscode:admin\n"), true, 3,
			map[string]any{
				"anonymous": "refused", "random_credential": "refused", "default_credentials": true, "verbose_errors": true, "product": "ActiveMQ",
				"version": "5.15.2", "heartbeat": 30,
			},
		},
		"ActiveMQ that takes any login": {
			door(activeMQRefused, "login:"), true, 2,
			map[string]any{"anonymous": "refused", "random_credential": "accepted", "default_credentials": "(not_asked)"},
		},
		"Artemis": {
			door(artemisRefused), true, 3,
			map[string]any{"protocol": "STOMP", "anonymous": "refused", "default_credentials": false, "random_credential": "refused", "verbose_errors": false},
		},
		"an open one": {
			door("", "CONNECT"), true, 1,
			map[string]any{"anonymous": "accepted", "default_credentials": "(not_asked)", "random_credential": "(not_asked)", "verbose_errors": "(not_asked)"},
		},
		"STOMP 1.0": {
			testserver.Say("CONNECTED\nsession:1\n\n\x00"), false, 1,
			map[string]any{"protocol": "STOMP 1.0", "anonymous": "accepted", "product": "(not_asked)", "heartbeat": 0},
		},
		"another product": {
			door("ERROR\nmessage:Authentication failure\n\n\x00"), true, 1,
			map[string]any{"anonymous": "refused", "verbose_errors": false, "default_credentials": "(not_asked)"},
		},
		"another version": {
			testserver.Say(recordedVersion), false, 1,
			map[string]any{"protocol": "STOMP 1.2", "plaintext": true, "anonymous": "(ambiguous)", "rights.publish": "(ambiguous)", "declared": "(not_asked)"},
		},
		"full": {
			testserver.Say("ERROR\nmessage:connection limit reached\n\n\x00"), false, 1,
			map[string]any{"anonymous": "(throttled)", "plaintext": true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testserver.Raw(t, tt.handle)
			facts, o := survey(t, s, tt.consent)
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

func TestHostileBrokers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		handle func(net.Conn, int)
		reason checks.Reason
	}{
		"resets":          {testserver.Reset, checks.ReasonReset},
		"stalls":          {testserver.Stall, checks.ReasonStalled},
		"endless zeroes":  {testserver.Endless, checks.ReasonGarbage},
		"is a web server": {testserver.Say("HTTP/1.1 400 Bad Request\r\n\r\n"), checks.ReasonGarbage},
		"a huge length":   {testserver.Say("ERROR\ncontent-length:2147483646\n\nx"), checks.ReasonTooLarge},
		"half a frame":    {testserver.Say("CONNECTED\nversion:1."), checks.ReasonStalled},
		"answers in TLS":  {testserver.Say("\x15\x03\x01\x00\x02\x02\x0a"), checks.ReasonAmbiguous},
		"heart-beats without end": {func(c net.Conn, _ int) {
			for {
				if _, err := io.WriteString(c, "\n"); err != nil {
					return
				}
			}
		}, checks.ReasonGarbage},
		"headers without end": {func(c net.Conn, _ int) {
			for text := "ERROR\n"; ; text = "a:b\n" {
				if _, err := io.WriteString(c, text); err != nil {
					return
				}
			}
		}, checks.ReasonTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testserver.Raw(t, tt.handle)
			facts, o := survey(t, s, false)
			if o.Reason != tt.reason {
				t.Errorf("reason %s (%s), want %s", o.Reason, o.Detail, tt.reason)
			}
			if len(facts) != 1 {
				t.Errorf("claims %v", facts)
			}
			if n := s.Connections(t); n != 1 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

// TestTwin asks who answers on the port without TLS.
func TestTwin(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]any{
		recordedConnected: true, recordedRefused: true, "\x15\x03\x01\x00\x02\x02\x0a": false, "HTTP/1.1 400\r\n\r\n": "(garbage)", "": "(reset)",
	} {
		s := testserver.Raw(t, testserver.Stall)
		l := channeltest.Link(t, "stomp", fmt.Sprintf("127.0.0.1:%d", s.Port))
		facts, _ := channeltest.Survey(t, l, channeltest.Visit{}, func(_ context.Context, s *channel.Survey) error {
			v := &visit{Survey: s}
			v.judgeTwin(channeltest.Reading(answer))
			s.Absent("", "not looked at")
			return nil
		})
		channeltest.Check(t, facts, map[string]any{"plaintext": want, "plaintext_login": want})
	}
}
