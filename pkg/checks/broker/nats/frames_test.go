package nats

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel/channeltest"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

func TestReadLine(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]line{
		"PONG\r\n":                               {verb: verbPong},
		"+OK\r\n":                                {verb: verbOK},
		"-ERR 'Authorization Violation'\r\n":     {verb: verbErr, rest: "Authorization Violation"},
		"INFO {\"version\":\"2.10.1\"}\r\n":      {verb: verbInfo, rest: `{"version":"2.10.1"}`},
		"MSG _INBOX.a 1 5\r\nhello\r\n":          {verb: verbMsg, rest: "_INBOX.a 1 5", subject: "_INBOX.a", payload: []byte("hello")},
		"MSG a 1 b 0\r\n\r\n":                    {verb: verbMsg, rest: "a 1 b 0", subject: "a", payload: []byte{}},
		"HMSG a 1 12 12\r\nNATS/1.0\r\n\r\n\r\n": {verb: verbMsg, rest: "a 1 12 12", subject: "a", payload: []byte("NATS/1.0\r\n\r\n")},
	} {
		got, err := readLine(channeltest.Reading(in))
		if err != nil {
			t.Errorf("%q: %v", in, err)
		}
		if diff := cmp.Diff(got, want, cmp.AllowUnexported(line{})); diff != "" {
			t.Errorf("%q: %s", in, diff)
		}
	}
	for in, want := range map[string]checks.Reason{
		"":                                    checks.ReasonReset,
		"PONG":                                checks.ReasonReset,
		"HTTP/1.1 400 Bad Request\r\n":        checks.ReasonGarbage,
		"MSG a 1\r\n":                         checks.ReasonGarbage,
		"MSG a 1 -5\r\n":                      checks.ReasonGarbage,
		"MSG a 1 2147483647\r\n":              checks.ReasonTooLarge,
		"MSG a 1 3\r\nabcde":                  checks.ReasonGarbage,
		"INFO " + strings.Repeat("x", 70<<10): checks.ReasonTooLarge,
	} {
		_, err := readLine(channeltest.Reading(in))
		if _, reason := checks.Classify(err); reason != want {
			t.Errorf("%.20q: %v, want %s", in, err, want)
		}
	}
}

func FuzzReadLine(f *testing.F) {
	for _, seed := range []string{
		"PONG\r\n", "INFO {\"server_id\":\"X\",\"version\":\"2.9.10\",\"max_payload\":1048576,\"connect_urls\":[\"10.0.0.1:4222\"]}\r\n",
		"-ERR 'Permissions Violation for Subscription to \">\"'\r\n", "MSG _INBOX.a 1 5\r\nhello\r\n", "HMSG a 1 b 12 17\r\nNATS/1.0\r\n\r\nhello\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		l, err := readLine(channeltest.Reading(in))
		if err != nil {
			return
		}
		if len(l.payload) > payloadMax || len(l.rest) > lineMax {
			t.Errorf("%d bytes of payload, %d of line", len(l.payload), len(l.rest))
		}
		if l.verb == verbInfo {
			_, _ = parseInfo(l.rest)
		}
	})
}

func TestHostileServers(t *testing.T) {
	t.Parallel()
	const open = `INFO {"server_id":"X","version":"2.9.10","max_payload":1048576}` + "\r\n"
	for name, tt := range map[string]struct {
		handle func() *testserver.Server
		reason checks.Reason
	}{
		"refuses":               {func() *testserver.Server { return testserver.Refused(t) }, checks.ReasonRefused},
		"stalls":                {func() *testserver.Server { return testserver.Raw(t, testserver.Stall) }, checks.ReasonStalled},
		"endless":               {func() *testserver.Server { return testserver.Raw(t, testserver.Endless) }, checks.ReasonTooLarge},
		"another protocol":      {func() *testserver.Server { return testserver.Raw(t, greeting("220 mail ESMTP\r\n")) }, checks.ReasonGarbage},
		"INFO that is not JSON": {func() *testserver.Server { return testserver.Raw(t, greeting("INFO {{{\r\n")) }, checks.ReasonGarbage},
		"full": {func() *testserver.Server {
			return testserver.Raw(t, greeting("-ERR 'maximum connections exceeded'\r\n"))
		}, checks.ReasonThrottled},
		"hangs up on CONNECT":   {func() *testserver.Server { return testserver.Raw(t, greeting(open)) }, checks.ReasonStalled},
		"pings and never pongs": {func() *testserver.Server { return testserver.Raw(t, greeting(open+strings.Repeat("PING\r\n", 100))) }, checks.ReasonGarbage},
		"a message of two GiB":  {func() *testserver.Server { return testserver.Raw(t, greeting(open+"MSG a 1 2147483647\r\n")) }, checks.ReasonTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			facts, o := channeltest.Survey(t, tt.handle().Link(t, "nats", ""), channeltest.Visit{}, Survey)
			if o.Reason != tt.reason {
				t.Errorf("reason %s (%s), want %s", o.Reason, o.Detail, tt.reason)
			}
			if facts["anonymous"] == "accepted" || facts["anonymous"] == "refused" {
				t.Errorf("claims %v", facts)
			}
		})
	}
}

// greeting says a text at once, and reads until the client goes.
func greeting(text string) func(net.Conn, int) {
	return func(c net.Conn, _ int) {
		_, _ = io.WriteString(c, text)
		_, _ = io.Copy(io.Discard, c)
	}
}
