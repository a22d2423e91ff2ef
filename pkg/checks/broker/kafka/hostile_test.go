package kafka

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel/channeltest"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// frame is a response with the number of the nth request of a connection.
func frame(n byte, body string) string {
	size := len(body) + 4
	return string([]byte{0, byte(size >> 16), byte(size >> 8), byte(size), 0, 0, 0, n}) + body
}

// replay answers each request of a connection with the next of the texts, and
// then says nothing.
func replay(texts ...string) func(net.Conn, int) {
	return func(c net.Conn, _ int) {
		for _, text := range texts {
			if _, err := c.Read(make([]byte, 4096)); err != nil {
				return
			}
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
		}
		_, _ = io.Copy(io.Discard, c)
	}
}

// drip answers with one byte at a time, as long as anybody reads.
func drip(c net.Conn, _ int) {
	_, _ = c.Read(make([]byte, 4096))
	for _, b := range []byte("\x00\x01\x00\x00\x00\x00\x00\x01") {
		if _, err := c.Write([]byte{b}); err != nil {
			return
		}
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if _, err := c.Write([]byte{0}); err != nil {
			return
		}
	}
}

func TestHostileServers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		start  func() *testserver.Server
		reason checks.Reason
	}{
		"refuses":           {func() *testserver.Server { return testserver.Refused(t) }, checks.ReasonRefused},
		"resets":            {func() *testserver.Server { return testserver.Raw(t, testserver.Reset) }, checks.ReasonReset},
		"stalls":            {func() *testserver.Server { return testserver.Raw(t, testserver.Stall) }, checks.ReasonStalled},
		"endless zeros":     {func() *testserver.Server { return testserver.Raw(t, testserver.Endless) }, checks.ReasonGarbage},
		"drips":             {func() *testserver.Server { return testserver.Raw(t, drip) }, checks.ReasonStalled},
		"is a web server":   {func() *testserver.Server { return testserver.Raw(t, replay("HTTP/1.1 400 Bad Request\r\n\r\n")) }, checks.ReasonGarbage},
		"speaks TLS":        {func() *testserver.Server { return testserver.Raw(t, testserver.Alert(70)) }, checks.ReasonGarbage},
		"a huge length":     {func() *testserver.Server { return testserver.Raw(t, replay("\x7f\xff\xff\xff")) }, checks.ReasonTooLarge},
		"a negative length": {func() *testserver.Server { return testserver.Raw(t, replay("\xff\xff\xff\xff")) }, checks.ReasonGarbage},
		"another's number":  {func() *testserver.Server { return testserver.Raw(t, replay(frame(9, bytesVersions3))) }, checks.ReasonGarbage},
		"no requests known": {func() *testserver.Server {
			return testserver.Raw(t, replay(frame(1, "\x00\x00\x01\x00\x00\x00\x00\x00")))
		}, checks.ReasonGarbage},
		"an error": {func() *testserver.Server {
			return testserver.Raw(t, replay(frame(1, "\x00\x07\x01\x00\x00\x00\x00\x00")))
		}, checks.ReasonAmbiguous},
		"knows no version": {func() *testserver.Server {
			return testserver.Raw(t, replay(frame(1, bytesVersions35), frame(2, bytesVersions35)))
		}, checks.ReasonAmbiguous},
		"billions of tags": {func() *testserver.Server {
			return testserver.Raw(t, replay(frame(1, "\x00\x00\x02\x00\x12\x00\x00\x00\x04\xff\xff\xff\xff\x0f\x00\x00\x00\x00")))
		}, checks.ReasonGarbage},
		"a short ApiVersion": {func() *testserver.Server { return testserver.Raw(t, replay(frame(1, "\x00"))) }, checks.ReasonGarbage},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			facts, o := channeltest.Survey(t, tt.start().Link(t, "kafka", ""), channeltest.Visit{}, Survey)
			if o.Reason != tt.reason {
				t.Errorf("reason %s (%s), want %s", o.Reason, o.Detail, tt.reason)
			}
			if facts["anonymous"] != nil && facts["anonymous"] != "("+string(tt.reason)+")" || facts["plaintext"] == true {
				t.Errorf("claims %v", facts)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			if o.Bytes > 1<<20 {
				t.Errorf("%d bytes", o.Bytes)
			}
		})
	}
}

// versions7 knows SaslHandshake, DescribeAcls and Metadata.
var versions7 = "\x00\x00\x04\x00\x11\x00\x00\x00\x01\x00\x00\x03\x00\x00\x00\x08\x00\x00\x1d\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"

// TestHostileAnswers turns hostile once it has shown that it speaks Kafka.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	hello, noSASL, sasl := frame(1, versions7), frame(2, bytesHandshake34), frame(2, bytesHandshake33)
	const zeros = "\x00\x00\x00\x00"
	for name, tt := range map[string]struct {
		handshake string
		metadata  []string
		want      map[string]any
	}{
		"Metadata is garbage":        {sasl, []string{"HTTP/1.1 400\r\n\r\n"}, map[string]any{"anonymous": "(garbage)", "rights.admin": "(garbage)"}},
		"Metadata is huge":           {sasl, []string{"\x01\x00\x00\x00"}, map[string]any{"anonymous": "(too_large)"}},
		"Metadata is cut short":      {sasl, []string{frame(2, bytesMetadata8[:20])}, map[string]any{"anonymous": "(garbage)"}},
		"Metadata never comes":       {sasl, nil, map[string]any{"anonymous": "(stalled)", "rights.publish": "(stalled)", "plaintext_login": true}},
		"Metadata claims a million":  {noSASL, []string{frame(2, zeros+"\x00\x0f\xff\xff"+strings.Repeat("\x00", 1000))}, map[string]any{"anonymous": "(garbage)"}},
		"the list is cut short":      {frame(2, "\x00\x21\x00\x00\x00\x02\x00\x05PLAIN"), nil, map[string]any{"mechanisms": "(garbage)", "plaintext_login": "(garbage)", "plaintext": true}},
		"the list has odd names":     {frame(2, "\x00\x21\x00\x00\x00\x03\x00\x05plain\x00\x03a\x1b[\x00\x1e"+strings.Repeat("x", 30)), nil, map[string]any{"mechanisms": []string{"A?[", "PLAIN"}}},
		"another error than 33":      {frame(2, "\x00\x01\x00\x00\x00\x00"), nil, map[string]any{"mechanisms": "(ambiguous)"}},
		"DescribeAcls is cut short":  {noSASL, []string{frame(2, bytesMetadata8), frame(3, "\x00")}, map[string]any{"anonymous": "accepted", "rights.admin": true, "rights.publish": "(not_tested)"}},
		"DescribeAcls never comes":   {noSASL, []string{frame(2, bytesMetadata8)}, map[string]any{"anonymous": "accepted", "rights.admin": true}},
		"rights are not told":        {noSASL, []string{frame(2, bytesMetadata8[:len(bytesMetadata8)-4]+"\x80\x00\x00\x00"), frame(3, "\x00")}, map[string]any{"rights.admin": "(garbage)", "rights.proof": "(ambiguous)"}},
		"rights are told by byte 54": {noSASL, []string{frame(2, bytesMetadata8), frame(3, bytesACLs54)}, map[string]any{"rights.admin": true, "rights.publish": true, "advertised_hosts": []string{"mq-01:9092"}}},
		"rights are denied by 31":    {noSASL, []string{frame(2, bytesMetadata8[:len(bytesMetadata8)-4]+"\x80\x00\x00\x00"), frame(3, bytesACLs31)}, map[string]any{"rights.admin": false, "rights.proof": "denial"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testserver.Raw(t, func(c net.Conn, number int) {
				if number == 1 {
					replay(hello, tt.handshake)(c, number)
					return
				}
				replay(append([]string{hello}, tt.metadata...)...)(c, number)
			})
			facts, o := channeltest.Survey(t, s.Link(t, "kafka", ""), channeltest.Visit{}, Survey)
			channeltest.Check(t, facts, tt.want)
			if n := s.Connections(t); n != 2 {
				t.Errorf("%d connections", n)
			}
			if t.Failed() {
				t.Logf("%v\n%v", facts, o)
			}
		})
	}
}
