package amqp

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel/channeltest"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

func TestHostileBrokers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		handle func(net.Conn, int)
		reason checks.Reason
	}{
		"resets":           {testserver.Reset, checks.ReasonReset},
		"stalls":           {testserver.Stall, checks.ReasonStalled},
		"endless zeroes":   {testserver.Endless, checks.ReasonGarbage},
		"is a web server":  {testserver.Say("HTTP/1.1 400 Bad Request\r\n\r\n"), checks.ReasonGarbage},
		"begins like AMQP": {testserver.Say("AMQPAMQP"), checks.ReasonGarbage},
		"a huge length":    {testserver.Say("\x01\x00\x00\xff\xff\xff\xff\x00"), checks.ReasonTooLarge},
		"half a greeting":  {testserver.Say(recordedStart[:40]), checks.ReasonStalled},
		"another method":   {testserver.Say(recordedTune), checks.ReasonGarbage},
		"refuses at once":  {testserver.Say(closingWith(320, "CONNECTION_FORCED - shutdown")), checks.ReasonAmbiguous},
		"answers in TLS":   {testserver.Say("\x15\x03\x01\x00\x02\x02\x0a"), checks.ReasonAmbiguous},
		"heartbeats without end": {func(c net.Conn, _ int) {
			for {
				if _, err := io.WriteString(c, "\x08\x00\x00\x00\x00\x00\x00\xce"); err != nil {
					return
				}
			}
		}, checks.ReasonGarbage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testserver.Raw(t, tt.handle)
			facts, o := channeltest.Survey(t, s.Link(t, "amqp", ""), channeltest.Visit{}, Survey)
			if o.Reason != tt.reason {
				t.Errorf("reason %s (%s), want %s", o.Reason, o.Detail, tt.reason)
			}
			if len(facts) != 1 {
				t.Errorf("claims %v", facts)
			}
			if n := s.Connections(t); n > 2 {
				t.Errorf("%d connections", n)
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		_, o := channeltest.Survey(t, testserver.Refused(t).Link(t, "amqp", ""), channeltest.Visit{}, Survey)
		if o.Outcome != checks.Unreachable || o.Reason != checks.ReasonRefused {
			t.Errorf("%s %s", o.Outcome, o.Reason)
		}
	})
}

// TestHostileLater are brokers that turn out so once they are known: what was
// learned stays, and what was not is unknown.
func TestHostileLater(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer string
		want   string
	}{
		"stalls":              {"", "(stalled)"},
		"a huge length":       {"\x01\x00\x00\xff\xff\xff\xff\x00", "(too_large)"},
		"garbage":             {"no AMQP at all", "(garbage)"},
		"another challenge":   {string(connectionSecure.encode(0, long([]byte("more")))), "(ambiguous)"},
		"half a tune":         {string(connectionTune.encode(0, number(1))), "(garbage)"},
		"another refusal":     {closingWith(541, "INTERNAL_ERROR"), "(ambiguous)"},
		"a mechanism is gone": {closingWith(503, "COMMAND_INVALID - unknown authentication mechanism"), "(ambiguous)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testserver.Raw(t, func(c net.Conn, n int) {
				if n == 1 {
					replay(c, greeting("ANONYMOUS PLAIN"), tt.answer)
				}
				replay(c, header091)
			})
			facts, _ := channeltest.Survey(t, s.Link(t, "amqp", ""), channeltest.Visit{}, Survey)
			channeltest.Check(t, facts, map[string]any{"anonymous": tt.want, "rights.publish": tt.want, "product": "RabbitMQ", "plaintext": true})
		})
	}
}

// TestPlaintextBehindTLS is a link agreed to have TLS at a broker that has none:
// its own header is an answer without TLS.
func TestPlaintextBehindTLS(t *testing.T) {
	t.Parallel()
	s := testserver.Raw(t, testserver.Say(header091))
	facts, _ := channeltest.Survey(t, s.Link(t, "amqps", ""), channeltest.Visit{}, Survey)
	channeltest.Check(t, facts, map[string]any{"plaintext": true, "anonymous": "(plaintext)", "without_certificate": "(plaintext)"})
}

// TestNoSecretUnproven sends no login where the broker is not proven to be the
// one it is for.
func TestNoSecretUnproven(t *testing.T) {
	t.Parallel()
	root := testserver.Root(t, "not ours")
	config := &tls.Config{Certificates: []tls.Certificate{root.Leaf(t, nil).TLS()}}
	sent := make(chan string, 16)
	s := testserver.TLS(t, config, func(c *tls.Conn) {
		header := make([]byte, 8)
		_, _ = io.ReadFull(c, header)
		if string(header) == headerSASL {
			_, _ = io.WriteString(c, header091)
			return
		}
		_, _ = io.WriteString(c, greeting("PLAIN EXTERNAL"))
		rest, _ := io.ReadAll(c)
		sent <- string(rest)
	})
	l := s.Link(t, "amqps", "")
	l.Auth = basic("app", "correct-horse")
	facts, _ := channeltest.Survey(t, l, channeltest.Visit{Roots: testserver.Pool(testserver.Root(t, "ours"))}, Survey)
	channeltest.Check(t, facts, map[string]any{"declared": "(not_tested)", "random_credential": "(not_tested)", "anonymous": "refused"})
	for len(sent) > 0 {
		if text := <-sent; text != "" {
			t.Errorf("sent %q", text)
		}
	}
}

func TestVirtualHost(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"": "/", "/": "/", "//": "/", "/fleet": "fleet", "/a/b": "a/b"} {
		if got := virtualHost(path); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}

// TestTwin asks who answers on the port without TLS.
func TestTwin(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer string
		want   []any
	}{
		"a login is offered":    {recordedStart, []any{true, true}},
		"certificates alone":    {greeting("EXTERNAL"), []any{true, false}},
		"AMQP 1.0":              {headerSASL, []any{true, "(not_tested)"}},
		"an older AMQP":         {"AMQP\x01\x01\x00\x0a", []any{true, "(not_tested)"}},
		"TLS there as well":     {"\x15\x03\x01\x00\x02\x02\x0a", []any{false, false}},
		"something else":        {"HTTP/1.1 400\r\n\r\n", []any{"(garbage)", "(garbage)"}},
		"nothing, and hangs up": {"", []any{"(reset)", "(reset)"}},
	} {
		survey := twin(tt.answer)
		s := testserver.Raw(t, testserver.Stall)
		facts, _ := channeltest.Survey(t, s.Link(t, "amqp", ""), channeltest.Visit{}, survey)
		channeltest.Check(t, facts, map[string]any{"plaintext": tt.want[0], "plaintext_login": tt.want[1]})
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

// twin is a survey of nothing but a port that gives an answer.
func twin(answer string) func(context.Context, *channel.Survey) error {
	return func(_ context.Context, s *channel.Survey) error {
		v := &visit{Survey: s}
		v.judgeTwin(channeltest.Reading(answer))
		s.Absent("", "not looked at")
		return nil
	}
}
