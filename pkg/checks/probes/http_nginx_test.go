package probes

import (
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/access"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/checks/ratelimit"
	"github.com/m2mscan/m2mscan/pkg/checks/reach"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// TestRealNginx is nginx with a password, and with limiters that are used up.
func TestRealNginx(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const password = `auth_basic "orders"; auth_basic_user_file PASSWORDS;`
	n := s.nginx(t, "limit_req_zone $server_port zone=used_up:1m rate=1r/m;",
		password, password,
		"limit_req zone=used_up;", "limit_req zone=used_up; limit_req_status 429;")
	// The one request that each limiter takes a minute.
	for _, p := range n[2:] {
		ask(t, fmt.Sprintf("127.0.0.1:%d", p.port), "/orders?"+unlogged)
	}
	s.play(t, []scene{
		{
			"password", n[0], "/orders", basic("user", "secret-7"), 0,
			finding{
				"access.without_token": "refused", "access.with_garbage_token": "refused", "access.credential": "accepted",
				"access.challenge": true, "access.scheme": "basic", "access.presence_only": false,
				"http.product": "nginx", "errors.stack_trace": false,
			},
		},
		{
			"another password", n[1], "/orders", basic("user", "secret-8"), 0,
			finding{"access.without_token": "refused", "access.with_garbage_token": "refused", "access.credential": "refused"},
		},
		{
			"503", n[2], "/orders", basic("user", "secret-7"), busy,
			finding{
				"access.without_token": throttled, "access.with_garbage_token": throttled, "access.credential": throttled,
				"access.presence_only": throttled, "access.basis": throttled,
			},
		},
		{
			"429", n[3], "/orders", basic("user", "secret-7"), busy,
			finding{
				"access.without_token": throttled, "access.with_garbage_token": throttled, "access.credential": throttled,
				"access.presence_only": throttled, "rate_limit.status": 429, "rate_limit.retry_after": false,
			},
		},
	})
}

// TestRealLimiters sends bursts to nginx's limiter, which rejects or holds
// back, and to Express's.
func TestRealLimiters(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	n := s.nginx(t, "limit_req_zone $server_port zone=held:1m rate=20r/s; limit_req_zone $server_port zone=rejected:1m rate=10r/s;",
		"limit_req zone=held burst=60;", "limit_req zone=rejected burst=20 nodelay;",
		"limit_req zone=rejected burst=20 nodelay; limit_req_status 429;", "")
	express := peers.Node(t, "express.mjs", `{"limit": {"limit": 30, "standardHeaders": false, "legacyHeaders": false}}`)
	for _, test := range []struct {
		name   string
		place  place
		agreed int // a second
		want   finding
	}{
		{
			"nginx holds back", n[0], 40,
			finding{
				"rate_limit.enforced": true, "rate_limit.in_force": true, "rate_limit.shaped": true, "rate_limit.exceeds_agreed": false,
				"rate_limit.advertised": false, "rate_limit.status": notAsked,
			},
		},
		{
			"nginx rejects", n[1], 40,
			finding{
				"rate_limit.enforced": true, "rate_limit.in_force": true, "rate_limit.shaped": false, "rate_limit.exceeds_agreed": false,
				"rate_limit.status": 503, "rate_limit.retry_after": false,
			},
		},
		{
			"nginx rejects with 429", n[2], 40,
			finding{"rate_limit.enforced": true, "rate_limit.status": 429, "rate_limit.retry_after": false},
		},
		{
			"nginx without a limit", n[3], 20,
			finding{"rate_limit.enforced": false, "rate_limit.in_force": false, "rate_limit.shaped": false, "rate_limit.exceeds_agreed": true},
		},
		{
			"express says nothing of its limit", s.front(t, express[0]), 40,
			finding{"rate_limit.enforced": true, "rate_limit.status": 429, "rate_limit.retry_after": false, "rate_limit.exceeds_agreed": false},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := test.place.link(t, "/orders", open)
			l.RateLimit = inventory.Rate{Count: test.agreed, Window: time.Second}
			runner := &checks.Runner{
				Probes: []checks.Probe{reach.Probe(), access.Probe(), ratelimit.Probe()},
				Level:  checks.Active, Roots: testserver.Pool(s.root),
			}
			got := scanWith(t, runner, l)
			test.want.check(t, got.picture)
			if sent := len(test.place.requests()); sent > got.planned.MostRequests {
				t.Errorf("%d requests arrived, more than the %d planned", sent, got.planned.MostRequests)
			}
			if t.Failed() {
				t.Logf("evidence:\n%s\n%s", got.evidence(), strings.Join(test.place.requests(), "\n"))
			}
		})
	}
}

// nginx starts nginx with one place for each element of guards: the directives
// that stand before its orders, where PASSWORDS is a file in which the password
// of user is secret-7. The zones are those of limit_req.
func (s site) nginx(t *testing.T, zones string, guards ...string) []place {
	t.Helper()
	dir := t.TempDir()
	passwords := filepath.Join(dir, "passwords")
	if err := os.WriteFile(passwords, []byte("user:{PLAIN}secret-7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "orders"), []byte(`{"orders":[{"id":1,"total":250},{"id":2,"total":99}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	f := writeFiles(t, s.root, s.leaf)
	logs := make([]string, len(guards))
	blocks := make([]string, len(guards))
	for i, guard := range guards {
		logs[i] = filepath.Join(dir, fmt.Sprintf("%d.log", i))
		blocks[i] = fmt.Sprintf("%s access_log %s combined; root %s; default_type application/json; location = /orders { %s } location / { return 404; }",
			f.nginx(), logs[i], dir, strings.ReplaceAll(guard, "PASSWORDS", passwords))
	}
	places := make([]place, len(guards))
	for i, address := range peers.NginxHTTP(t, zones, blocks...) {
		port := netip.MustParseAddrPort(address).Port()
		places[i] = place{port, func() []string { return logged(t, address, logs[i]) }}
	}
	return places
}

// unlogged stands in requests of the test's own.
const unlogged = "unlogged-"

// requestLine is that of an entry in the format "combined".
var requestLine = regexp.MustCompile(`(?m)^[^"]*"(.*) HTTP/1\.1" \d`)

// logged lists what nginx has logged. It writes an entry after the answer, and
// its one worker one at a time: once it has that of a last request, it has all.
func logged(t *testing.T, address, log string) []string {
	t.Helper()
	last := "/" + unlogged + rand.Text()
	ask(t, address, last)
	for again := time.NewTicker(time.Millisecond); ; <-again.C {
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		var requests []string
		for _, entry := range requestLine.FindAllStringSubmatch(string(text), -1) {
			if entry[1] == "GET "+last {
				again.Stop()
				return requests
			}
			if !strings.Contains(entry[1], unlogged) {
				requests = append(requests, entry[1])
			}
		}
	}
}

// ask sends one GET over a connection of its own, and reads the answer.
func ask(t *testing.T, address, path string) {
	t.Helper()
	c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, testserver.Host)
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Fatal(err)
	}
}
