package mqtt

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel/channeltest"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

func TestEncode(t *testing.T) {
	t.Parallel()
	for want, got := range map[string][]byte{
		// OASIS MQTT 3.1.1 section 3.1 and MQTT 5.0 section 3.1
		"\x10\x0e\x00\x04MQTT\x04\x02\x00\x1e\x00\x02ab":                   connect{level: level4, clientID: "ab"}.encode(),
		"\x10\x0f\x00\x04MQTT\x05\x02\x00\x1e\x00\x00\x02ab":               connect{level: level5, clientID: "ab"}.encode(),
		"\x10\x14\x00\x04MQTT\x04\xc2\x00\x1e\x00\x02ab\x00\x01u\x00\x01p": connect{level: level4, clientID: "ab", user: new("u"), password: new("p")}.encode(),
		"\x82\x06\x00\x01\x00\x01t\x00":                                    subscribe(level4, 1, "t"),
		"\x82\x07\x00\x01\x00\x00\x01t\x00":                                subscribe(level5, 1, "t"),
		"\xa2\x05\x00\x02\x00\x01t":                                        unsubscribe(level4, 2, "t"),
		"\x32\x06\x00\x01t\x00\x03\x00":                                    publish(level5, 3, "t"),
		"\xe0\x00":                                                         encode(typeDisconnect, 0, nil),
		"\x30\x80\x01" + strings.Repeat("x", 128):                          encode(typePublish, 0, []byte(strings.Repeat("x", 128))),
	} {
		if string(got) != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestReadConnAck(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]struct {
		level byte
		ack   connAck
	}{
		"\x20\x02\x00\x00": {level4, connAck{}},
		"\x20\x02\x00\x05": {level4, connAck{code: 5}},
		"\x20\x02\x00\x01": {level5, connAck{code: 1}}, // a broker that knows 3.1.1 alone
		"\x20\x0f\x00\x00\x0c\x27\x00\x01\x00\x00\x21\x00\x14\x25\x00\x24\x01": {level5, connAck{properties: properties{
			propMaximumPacket: {number: 65536}, propReceiveMaximum: {number: 20}, propRetainAvailable: {}, propMaximumQoS: {number: 1},
		}}},
		"\x20\x09\x00\x87\x06\x1f\x00\x03bad": {level5, connAck{code: 0x87, properties: properties{propReasonString: {text: "bad"}}}},
	} {
		p, err := readPacket(channeltest.Reading(in))
		if err != nil {
			t.Errorf("%q: %v", in, err)
			continue
		}
		ack, err := readConnAck(p, want.level)
		if diff := cmp.Diff(ack, want.ack, cmp.AllowUnexported(connAck{}, property{})); diff != "" || err != nil {
			t.Errorf("%q: %v %s", in, err, diff)
		}
	}
	for in, want := range map[string]checks.Reason{
		"":                         checks.ReasonReset,
		"\x20":                     checks.ReasonReset,
		"\x20\x02\x00":             checks.ReasonReset,
		"\x00\x00":                 checks.ReasonGarbage,
		"\x20\xff\xff\xff\xff\x01": checks.ReasonGarbage,
		"\x20\xff\xff\xff\x7f":     checks.ReasonTooLarge,
		"HTTP/1.1 400 Bad Request\r\n" + strings.Repeat(" ", 200): checks.ReasonGarbage,
		"\x20\x02\x02\x00":         checks.ReasonGarbage,
		"\x20\x04\x00\x00\x05\x27": checks.ReasonGarbage,
	} {
		p, err := readPacket(channeltest.Reading(in))
		if err == nil {
			_, err = readConnAck(p, level5)
		}
		if _, reason := checks.Classify(err); reason != want {
			t.Errorf("%.12q: %v, want %s", in, err, want)
		}
	}
}

func FuzzReadPacket(f *testing.F) {
	for _, seed := range []string{
		"\x20\x02\x00\x05", "\x20\x09\x00\x87\x06\x1f\x00\x03bad", "\x90\x04\x00\x01\x00\x00", "\x40\x02\x00\x03",
		"\x30\x1e\x00\x13$SYS/broker/version\x00mosquitto", "\xe0\x02\x87\x00",
	} {
		f.Add([]byte(seed), byte(level5))
		f.Add([]byte(seed), byte(level4))
	}
	f.Fuzz(func(t *testing.T, in []byte, level byte) {
		p, err := readPacket(channeltest.Reading(string(in)))
		if err != nil {
			return
		}
		if len(p.body) > packetMax || p.kind == 0 || p.kind > 15 {
			t.Errorf("%d bytes of kind %d", len(p.body), p.kind)
		}
		_, _ = readConnAck(p, level)
		_, _ = reason(p, level, 1)
		if topic, payload, err := delivery(p, level); err == nil && len(topic)+len(payload) > len(p.body) {
			t.Errorf("%d bytes delivered of %d", len(topic)+len(payload), len(p.body))
		}
		if again := encode(p.kind, p.flags, p.body); !bytes.HasPrefix(in, again) && in[1]&0x80 == 0 {
			t.Errorf("%x, read from %x", again, in)
		}
	})
}

func TestHostileBrokers(t *testing.T) {
	t.Parallel()
	say := func(text string) func() *testserver.Server {
		return func() *testserver.Server { return testserver.Raw(t, testserver.Say(text)) }
	}
	for name, tt := range map[string]struct {
		serve  func() *testserver.Server
		reason checks.Reason
	}{
		"refuses":              {func() *testserver.Server { return testserver.Refused(t) }, checks.ReasonRefused},
		"resets":               {func() *testserver.Server { return testserver.Raw(t, testserver.Reset) }, checks.ReasonReset},
		"stalls":               {func() *testserver.Server { return testserver.Raw(t, testserver.Stall) }, checks.ReasonStalled},
		"endless":              {func() *testserver.Server { return testserver.Raw(t, testserver.Endless) }, checks.ReasonGarbage},
		"a web server":         {say("HTTP/1.1 400 Bad Request\r\n\r\n"), checks.ReasonStalled}, // "T" reads as a length
		"a huge length":        {say("\x20\xff\xff\xff\x7f"), checks.ReasonTooLarge},
		"busy":                 {say("\x20\x03\x00\x89\x00"), checks.ReasonThrottled},
		"asks for an exchange": {say("\xf0\x02\x18\x00"), checks.ReasonAmbiguous},
		"another packet":       {say("\xd0\x00"), checks.ReasonGarbage},
		"closes": {func() *testserver.Server {
			return testserver.Raw(t, func(c net.Conn, _ int) { _, _ = c.Read(make([]byte, 512)) })
		}, checks.ReasonReset},
	} {
		t.Run(name, func(t *testing.T) {
			facts, o := channeltest.Survey(t, tt.serve().Link(t, "mqtt", ""), channeltest.Visit{}, Survey)
			if o.Reason != tt.reason {
				t.Errorf("reason %s (%s), want %s", o.Reason, o.Detail, tt.reason)
			}
			if facts["anonymous"] == "accepted" || facts["anonymous"] == "refused" || facts["plaintext"] == "true" {
				t.Errorf("claims %v", facts)
			}
		})
	}
}

// TestOldBroker closes the connection where it does not know the version, as
// RabbitMQ 3.10 does, and answers MQTT 3.1.1.
func TestOldBroker(t *testing.T) {
	t.Parallel()
	s := testserver.Raw(t, func(c net.Conn, _ int) {
		p := make([]byte, 512)
		n, _ := c.Read(p)
		if n > 8 && p[8] == level4 {
			_, _ = io.WriteString(c, "\x20\x02\x00\x05")
			_, _ = io.Copy(io.Discard, c)
		}
	})
	facts, o := channeltest.Survey(t, s.Link(t, "mqtt", ""), channeltest.Visit{}, Survey)
	channeltest.Check(t, facts, map[string]any{"protocol": "MQTT 3.1.1", "anonymous": "refused", "plaintext": true})
	if o.Connections != 2 {
		t.Errorf("%d connections", o.Connections)
	}
}
