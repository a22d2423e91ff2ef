package webhook

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// respond answers with a status, header lines and a body.
func respond(status int, header, body string) func(net.Conn, int) {
	return testserver.Say(fmt.Sprintf("HTTP/1.1 %d x\r\nContent-Length: %d\r\n%s\r\n%s", status, len(body), header, body))
}

func TestTwin(t *testing.T) {
	t.Parallel()
	yes, no := new(true), new(false)
	const taken = `{"status":405}`
	for _, test := range []struct {
		name   string
		plain  func(net.Conn, int) // nil for a closed port
		want   *bool
		reason checks.Reason
	}{
		{"closed", nil, no, ""},
		{"redirects to https", respond(301, "Location: https://api.acme.example/hook\r\n", ""), no, ""},
		{"redirects to https elsewhere", respond(308, "Location: HTTPS://other.example/\r\n", ""), no, ""},
		{"redirects to http", respond(302, "Location: http://api.acme.example/login\r\n", ""), nil, checks.ReasonAmbiguous},
		{"redirects on the spot", respond(302, "Location: /hook/\r\n", ""), nil, checks.ReasonAmbiguous},
		{"redirects nowhere", respond(302, "Location: https://%zz\r\n", ""), nil, checks.ReasonAmbiguous},
		{"wants an upgrade", respond(426, "Upgrade: TLS/1.2\r\n", ""), no, ""},
		{"speaks TLS only, nginx", respond(400, "", "<center>The plain HTTP request was sent to HTTPS port</center>"), no, ""},
		{"speaks TLS only, Go", respond(400, "", "Client sent an HTTP request to an HTTPS server.\n"), no, ""},
		{"answers as the receiver does", respond(405, "", taken), yes, ""},
		{"default page", respond(200, "", "<h1>Welcome to nginx!</h1>"), nil, checks.ReasonAmbiguous},
		{"not found", respond(404, "", "not found"), nil, checks.ReasonAmbiguous},
		{"forbidden", respond(403, "", ""), nil, checks.ReasonAmbiguous},
		{"fails", respond(502, "", ""), nil, checks.ReasonAmbiguous},
		{"rate limited", respond(429, "", ""), nil, checks.ReasonThrottled},
		{"overloaded", respond(503, "", ""), nil, checks.ReasonThrottled},
		{"only an early hint", testserver.Say("HTTP/1.1 103 Early Hints\r\n\r\n"), nil, checks.ReasonAmbiguous},
		{"resets", testserver.Reset, nil, checks.ReasonReset},
		{"hangs up", func(c net.Conn, _ int) { _, _ = c.Read(make([]byte, 4096)) }, nil, checks.ReasonReset},
		{"stalls", testserver.Stall, nil, checks.ReasonStalled},
		{"not HTTP", testserver.Say("SSH-2.0-OpenSSH_9.2\r\n\r\n"), nil, checks.ReasonGarbage},
		{"endless garbage", testserver.Endless, nil, checks.ReasonTooLarge},
		{"endless head", func(c net.Conn, _ int) {
			_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\n"))
			for line := []byte("X-Bomb: " + strings.Repeat("x", 1000) + "\r\n"); ; {
				if _, err := c.Write(line); err != nil {
					return
				}
			}
		}, nil, checks.ReasonTooLarge},
		{"endless body", func(c net.Conn, n int) {
			_, _ = c.Write([]byte("HTTP/1.1 405 x\r\n\r\n"))
			testserver.Endless(c, n)
		}, yes, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := receive(t, func(call, int) int { return http.StatusOK })
			w := world{level: checks.Observe, secure: r.Port, root: r.root}
			if strings.HasPrefix(test.name, "stall") {
				w.limits.StepTimeout = 300 * time.Millisecond
			}
			if test.plain != nil {
				w.plain = testserver.Raw(t, test.plain).Port
			}
			f, o := visit(t, w, hook(inventory.Signature{Scheme: inventory.SignatureGitHub}))
			if reason := testserver.Reasons(o)["webhook.plaintext_twin"]; reason != test.reason || (f.PlaintextTwin == nil) != (test.want == nil) {
				t.Fatalf("%v, %s: %+v", f.PlaintextTwin, reason, o)
			}
			if test.want != nil && *f.PlaintextTwin != *test.want {
				t.Errorf("%t: %+v", *f.PlaintextTwin, o.Evidence)
			}
			// The shared handshake, which other probes pay for, the conversation, the twin.
			if o.Requests != 2 || o.Connections != 3 || len(r.calls) != 1 || r.calls[0].method != http.MethodGet {
				t.Errorf("%d requests over %d connections, seen %+v", o.Requests, o.Connections, r.calls)
			}
		})
	}
}

// What goes out in the clear names the receiver's path, and never a secret.
func TestTwinRequest(t *testing.T) {
	t.Setenv("M2MSCAN_TEST_URL_SECRET", "url-secret-1")
	for _, test := range []struct {
		url  string
		want string
		same bool // the answer over TLS can be compared
	}{
		{"https://api.acme.example/a%2Fb/hook?x=1", "GET /a%2Fb/hook?x=1 HTTP/1.1", true},
		{"https://api.acme.example", "GET / HTTP/1.1", true},
		{"https://ann:hunter2@api.acme.example/hook?token=hunter2&x=1", "GET /hook HTTP/1.1", true},
		{"https://api.acme.example/hook?x=${M2MSCAN_TEST_URL_SECRET}", "GET /hook HTTP/1.1", true},
		{"https://api.acme.example/${M2MSCAN_TEST_URL_SECRET}/hook", "GET / HTTP/1.1", false},
	} {
		u, err := url.Parse(test.url)
		if err != nil {
			t.Fatal(err)
		}
		var (
			mu   sync.Mutex
			sent []byte
		)
		plain := testserver.Raw(t, func(c net.Conn, _ int) {
			head := make([]byte, 4096)
			size, _ := c.Read(head)
			mu.Lock()
			sent = append(sent, head[:size]...)
			mu.Unlock()
			_, _ = c.Write([]byte("HTTP/1.1 405 x\r\n\r\n"))
		})
		r := receive(t, func(call, int) int { return http.StatusOK })
		l := hook(inventory.Signature{Scheme: inventory.SignatureGitHub})
		l.URL = u
		f, o := visit(t, world{level: checks.Observe, secure: r.Port, plain: plain.Port, root: r.root}, l, "url-secret-1", "hunter2")
		mu.Lock()
		head, _, _ := bytes.Cut(sent, []byte("\r\n"))
		if string(head) != test.want || bytes.Contains(sent, []byte("secret")) || bytes.Contains(sent, []byte("hunter2")) || !bytes.Contains(sent, []byte("Host: api.acme.example\r\n")) {
			t.Errorf("%s: sent %q", test.url, sent)
		}
		mu.Unlock()
		if known := f.PlaintextTwin != nil && *f.PlaintextTwin; known != test.same {
			t.Errorf("%s: %v, %+v", test.url, f.PlaintextTwin, o.Unknown)
		}
		if asks := planned(l, checks.Observe); len(asks) != o.Requests {
			t.Errorf("%s: planned %q, sent %d", test.url, asks, o.Requests)
		}
	}
}

// Where the receiver takes a GET, only the same page is the same receiver.
func TestTwinOfAPage(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		`{"ok":true,"time":1795262400,"id":"0a1b2c"}`: true,
		`{"ok":true,"time":1795262999,"id":"ff1b2c"}`: true,
		`{"ok":false}`: false,
		"":             false,
	} {
		a := &twinAnswer{status: 200, body: []byte(body)}
		if got := a.like(responseOf(200, `{"ok":true,"time":1795262400,"id":"0a1b2c"}`)); got != want {
			t.Errorf("%s: %t", body, got)
		}
		if a.like(responseOf(405, body)) {
			t.Errorf("%s: like another status", body)
		}
	}
}

// The pages that every server has at hand tell nothing, even when they are the
// same.
func TestTwinOfCommonPages(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]bool{
		200: true, 400: true, 401: true, 405: true, 415: true, 422: true,
		103: false, 304: false, 403: false, 404: false, 410: false, 500: false, 503: false,
	} {
		a := &twinAnswer{status: status, body: []byte("<h1>nginx</h1>")}
		if got := a.like(responseOf(status, "<h1>nginx</h1>")); got != want {
			t.Errorf("HTTP %d: %t", status, got)
		}
	}
}

// FuzzReadTwin says that nothing a server sends makes the reader panic, hang or
// keep more than its cap.
func FuzzReadTwin(f *testing.F) {
	f.Add([]byte("HTTP/1.1 301 Moved\r\nLocation: https://api.acme.example/\r\nContent-Length: 0\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"))
	f.Add([]byte("HTTP/1.0 400\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"))
	f.Add([]byte("\x15\x03\x01\x00\x02\x02\x46"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		a, err := readTwin(bytes.NewReader(answer))
		if err != nil {
			if _, reason := checks.Classify(err); reason != checks.ReasonGarbage && reason != checks.ReasonReset && reason != checks.ReasonTooLarge {
				t.Fatalf("%s: %v", reason, err)
			}
			return
		}
		if len(a.body) > twinMax {
			t.Fatalf("%d bytes", len(a.body))
		}
		if a.refusesPlain() && a.like(responseOf(200, "x")) {
			t.Fatal("refused and taken")
		}
	})
}
