package redis

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel/channeltest"
)

func TestReadReply(t *testing.T) {
	t.Parallel()
	text := func(s string) reply { return reply{kind: kindText, text: s} }
	for in, want := range map[string]reply{
		"+PONG\r\n":                            text("PONG"),
		"-NOAUTH Authentication required.\r\n": {kind: kindError, text: "NOAUTH Authentication required."},
		":17\r\n":                              text("17"),
		"$5\r\nhello\r\n":                      text("hello"),
		"$0\r\n\r\n":                           text(""),
		"$-1\r\n":                              {kind: kindNull},
		"_\r\n":                                {kind: kindNull},
		"#t\r\n":                               text("t"),
		",3.25\r\n":                            text("3.25"),
		"=7\r\ntxt:abc\r\n":                    text("abc"),
		"!9\r\nNOPERM no\r\n":                  {kind: kindError, text: "NOPERM no"},
		"*2\r\n$1\r\na\r\n:1\r\n":              {kind: kindList, items: []reply{text("a"), text("1")}},
		"*0\r\n":                               {kind: kindList},
		"*-1\r\n":                              {kind: kindNull},
		"%1\r\n+server\r\n+redis\r\n":          {kind: kindList, items: []reply{text("server"), text("redis")}},
		"~1\r\n*1\r\n+x\r\n":                   {kind: kindList, items: []reply{{kind: kindList, items: []reply{text("x")}}}},
	} {
		got, err := readReply(channeltest.Reading(in))
		if err != nil {
			t.Errorf("%q: %v", in, err)
		}
		if diff := cmp.Diff(got, want, cmp.AllowUnexported(reply{})); diff != "" {
			t.Errorf("%q: %s", in, diff)
		}
	}
}

func TestReadReplyRefuses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]checks.Reason{
		"":                                 checks.ReasonReset,
		"+PONG":                            checks.ReasonReset,
		"\r\n":                             checks.ReasonGarbage,
		"HTTP/1.1 400 Bad Request\r\n\r\n": checks.ReasonGarbage,
		"$x\r\n":                           checks.ReasonGarbage,
		"$3\r\nabcde\r\n":                  checks.ReasonGarbage,
		"$-2\r\n":                          checks.ReasonGarbage,
		"$70000\r\n":                       checks.ReasonTooLarge,
		"$2147483647\r\n":                  checks.ReasonTooLarge,
		"*99999999\r\n":                    checks.ReasonReset, // nothing is allocated for what does not come
		"*2000\r\n" + strings.Repeat("*2000\r\n", 2000): checks.ReasonTooLarge,
		strings.Repeat("*1\r\n", 20):                    checks.ReasonTooLarge,
		strings.Repeat("+", 8<<10):                      checks.ReasonTooLarge,
		"*5000\r\n" + strings.Repeat(":1\r\n", 5000):    checks.ReasonTooLarge,
	} {
		_, err := readReply(channeltest.Reading(in))
		if _, reason := checks.Classify(err); reason != want {
			t.Errorf("%.20q: %v, want %s", in, err, want)
		}
	}
}

func TestCommand(t *testing.T) {
	t.Parallel()
	if got, want := string(command("AUTH", "üser", "a\r\nb")), "*3\r\n$4\r\nAUTH\r\n$5\r\nüser\r\n$4\r\na\r\nb\r\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzReadReply(f *testing.F) {
	for _, seed := range []string{
		"+PONG\r\n", "-ERR x\r\n", "$3\r\nabc\r\n", "*2\r\n+a\r\n$-1\r\n", "%1\r\n+a\r\n*1\r\n:1\r\n", "=5\r\ntxt:a\r\n", "!3\r\nERR\r\n",
		"*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:2\r\n$2\r\nid\r\n:4\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := readReply(channeltest.Reading(string(in)))
		if err != nil {
			return
		}
		if n := count(r); n > itemsMax {
			t.Errorf("%d elements", n)
		}
		if !bytes.ContainsRune([]byte("+-*_"), rune(r.kind)) {
			t.Errorf("kind %q", r.kind)
		}
	})
}

func count(r reply) int {
	n := 1
	for _, item := range r.items {
		n += count(item)
	}
	return n
}
