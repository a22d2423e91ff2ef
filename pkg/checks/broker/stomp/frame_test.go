package stomp

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel/channeltest"
)

// What RabbitMQ 3.10.8 sends, byte for byte; others as they are documented.
const (
	recordedConnected = "CONNECTED\nserver:RabbitMQ/3.10.8\nsession:session-4RbU5RxjysJLbC4ukYY7_A\nheart-beat:10000,0\nversion:1.2\n\n\x00\n"
	recordedRefused   = "ERROR\nmessage:Bad CONNECT\ncontent-type:text/plain\nversion:1.0,1.1,1.2\ncontent-length:30\n\nAccess refused for user 'app'\n\x00\n"
	recordedNoHost    = "ERROR\nmessage:Bad CONNECT\ncontent-type:text/plain\nversion:1.0,1.1,1.2\ncontent-length:33\n\nVirtual host 'nope' access denied\x00\n"
	recordedVersion   = "ERROR\nmessage:Version mismatch\ncontent-type:text/plain\nversion:1.0,1.1,1.2\ncontent-length:35\n\nSupported versions are 1.0,1.1,1.2\n\x00\n"
	activeMQRefused   = "ERROR\ncontent-type:text/plain\nmessage:User name [null] or password is invalid.\n\n" +
		"java.lang.SecurityException: User name [null] or password is invalid.\n\tat org.apache.activemq.security.SimpleAuthenticationBroker.authenticate(SimpleAuthenticationBroker.java:103)\n\x00\n"
	artemisRefused = "ERROR\nmessage:AMQ229031: Unable to validate user from /127.0.0.1:51234. Username: null; SSL certificate subject DN: unavailable\ncontent-type:text/plain\n\n\x00"
)

func TestReadFrame(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]frame{
		recordedConnected: {
			command: "CONNECTED",
			headers: map[string]string{"server": "RabbitMQ/3.10.8", "session": "session-4RbU5RxjysJLbC4ukYY7_A", "heart-beat": "10000,0", "version": "1.2"},
		},
		recordedRefused: {
			command: "ERROR",
			headers: map[string]string{"message": "Bad CONNECT", "content-type": "text/plain", "version": "1.0,1.1,1.2", "content-length": "30"},
			body:    "Access refused for user 'app'\n",
		},
		"\n\r\nERROR\r\nmessage:a\\cb\\n\\\\c\\x\r\nmessage:later\r\n\r\nbody\x00": {
			command: "ERROR", headers: map[string]string{"message": "a:b\n\\c\\x"}, body: "body",
		},
		"CONNECTED\nsession:a\\nb\n\n\x00":         {command: "CONNECTED", headers: map[string]string{"session": `a\nb`}},
		"ERROR\ncontent-length:3\n\na\x00b\x00":    {command: "ERROR", headers: map[string]string{"content-length": "3"}, body: "a\x00b"},
		"ERROR\na\\c:\\r\n\n\x00CONNECTED\n\n\x00": {command: "ERROR", headers: map[string]string{"a:": "\r"}},
	} {
		got, err := readFrame(channeltest.Reading(in))
		if err != nil {
			t.Errorf("%q: %v", in, err)
		}
		if diff := cmp.Diff(got, want, cmp.AllowUnexported(frame{})); diff != "" {
			t.Errorf("%q: %s", in, diff)
		}
	}
}

func TestReadFrameRefuses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]checks.Reason{
		"":                                                     checks.ReasonReset,
		"CONNECTED\nversion:1.2":                               checks.ReasonReset,
		"ERROR\n\nbody without an end":                         checks.ReasonReset,
		"HTTP/1.1 400 Bad Request\r\n\r\n":                     checks.ReasonGarbage,
		"MESSAGE\n\n\x00":                                      checks.ReasonGarbage,
		"ERROR\nno header\n\n\x00":                             checks.ReasonGarbage,
		"ERROR\ncontent-length:-1\n\n\x00":                     checks.ReasonGarbage,
		"ERROR\ncontent-length:1\n\nab\x00":                    checks.ReasonGarbage,
		"ERROR\ncontent-length:99999999999\n\n\x00":            checks.ReasonGarbage,
		"ERROR\ncontent-length:2147483647\n\n\x00":             checks.ReasonTooLarge,
		"ERROR\n\n" + strings.Repeat("x", bodyMax+2):           checks.ReasonTooLarge,
		"ERROR\na:" + strings.Repeat("x", lineMax):             checks.ReasonTooLarge,
		"ERROR\n" + strings.Repeat("a:b\n", headersMax+1):      checks.ReasonTooLarge,
		strings.Repeat("\n", blankMax+1) + "CONNECTED\n\n\x00": checks.ReasonGarbage,
		strings.Repeat("\x00", 1000):                           checks.ReasonGarbage,
	} {
		_, err := readFrame(channeltest.Reading(in))
		if _, reason := checks.Classify(err); reason != want {
			t.Errorf("%.40q: %v, want %s", in, err, want)
		}
	}
}

// TestEncodeConnect pins the bytes of a login, whose headers have no escapes.
func TestEncodeConnect(t *testing.T) {
	t.Parallel()
	got, err := encodeConnect("/", &channel.Login{User: "app", Password: `a:b\c`})
	want := "CONNECT\naccept-version:1.0,1.1,1.2\nhost:/\nheart-beat:0,0\nlogin:app\npasscode:a:b\\c\n\n\x00"
	if string(got) != want || err != nil {
		t.Errorf("%q, want %q; %v", got, want, err)
	}
	got, _ = encodeConnect("fleet", nil)
	if want := "CONNECT\naccept-version:1.0,1.1,1.2\nhost:fleet\nheart-beat:0,0\n\n\x00"; string(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
	for _, login := range []channel.Login{{User: "a\nb"}, {Password: "a\x00b"}, {Password: "a\r"}} {
		if _, err := encodeConnect("/", &login); err == nil {
			t.Errorf("%q is sent", login)
		} else if strings.ContainsAny(err.Error(), "\n\x00") {
			t.Errorf("the error tells: %q", err)
		}
	}
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]int{"": 0, "0,0": 0, "10000,0": 0, "0,30000": 30, "0, 1": 1, "0,-5": 0, "x": 0, "0,99999999999999": 0} {
		if got := heartbeat(in); got != want {
			t.Errorf("%q: %d, want %d", in, got, want)
		}
	}
}

func FuzzReadFrame(f *testing.F) {
	for _, seed := range []string{recordedConnected, recordedRefused, recordedNoHost, recordedVersion, activeMQRefused, artemisRefused, "\n\nERROR\na\\c:b\n\n\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := readFrame(channeltest.Reading(string(in)))
		if err != nil {
			return
		}
		if len(got.body) > bodyMax || len(got.headers) > headersMax {
			t.Errorf("%d bytes, %d headers", len(got.body), len(got.headers))
		}
		if got.command != commandConnected && got.command != commandError {
			t.Errorf("command %q", got.command)
		}
		_ = heartbeat(got.headers["heart-beat"])
	})
}
