package probes

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Facts that nobody can learn from a server that answers nothing of sense: each
// would be taken for a strength or a weakness of it.
var (
	unlearnt = []string{
		"access.without_token", "access.with_garbage_token", "access.presence_only", "access.basis",
		"access.with_tampered_token", "access.token_in_url_accepted",
		"errors.stack_trace", "errors.debug_page", "errors.sql_error", "errors.path_disclosed", "errors.internal_host_disclosed",
		"errors.secret_disclosed", "errors.server_error", "errors.problem_details",
		"oauth.issuer_matches", "oauth.weakest_client_auth", "oauth.jwks.keys", "oauth.token_in_query_allowed",
		"rate_limit.exceeds_agreed", "rate_limit.remaining_falls",
	}
	// Paths that are answered with a redirect to themselves, or all with the
	// same page as far as it was read, are not those that are looked for.
	unlearntPaths = []string{
		"http.exposed.openapi", "http.exposed.metrics", "http.exposed.actuator", "http.exposed.pprof", "http.exposed.git",
	}
)

// TestHostileHTTP scans servers that prove who they are, take a request, and
// then do what they like: the scan ends in time, needs little memory, and
// learns nothing.
//
// It does not run at the same time as other tests, for it measures memory.
func TestHostileHTTP(t *testing.T) {
	const (
		patience = 2 * time.Second
		most     = 64 << 20 // bytes that the heap grows by
	)
	s := newSite(t)
	hostile := hostileHTTP(t)
	names := slices.Sorted(maps.Keys(hostile))
	for _, level := range []checks.Level{checks.Observe, checks.Active} {
		t.Run(string(level), func(t *testing.T) {
			var links []*inventory.Link
			for _, name := range names {
				server := testserver.TLS(t, s.config, func(c *tls.Conn) { answerEach(c, hostile[name]) })
				l := place{port: server.Port}.link(t, "/orders", bearer("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhY21lIn0.c2lnbmF0dXJl"))
				l.ID = name
				links = append(links, l)
			}
			runner := &checks.Runner{
				Probes: speakingHTTP(), Level: level, Roots: testserver.Pool(s.root),
				Limits: checks.Limits{LinkTimeout: patience, StepTimeout: 300 * time.Millisecond},
			}
			start := time.Now()
			grown := watchHeap(t)
			all := scanAll(t, runner, links...)
			if bytes := grown(); bytes > most {
				t.Errorf("the heap grew by %d MiB", bytes>>20)
			}
			// What a link waits for its turn is not counted toward its time.
			if took := time.Since(start); took > patience+4*time.Second {
				t.Errorf("it took %s", took)
			}
			for i, got := range all {
				facts := unlearnt
				if name := names[i]; !strings.HasPrefix(name, "endless") && name != "redirect loop" {
					facts = append(slices.Clone(unlearnt), unlearntPaths...)
				}
				for _, fact := range facts {
					if known, ok := got.known[fact]; ok {
						t.Errorf("%s: %s = %v was learnt of it\n%s", names[i], fact, known, got.evidence())
					}
				}
			}
		})
	}
}

// watchHeap notes how much the heap grows at most, until grown is called.
func watchHeap(t *testing.T) (grown func() uint64) {
	t.Helper()
	heap := func() uint64 {
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		return now.HeapAlloc
	}
	runtime.GC()
	var (
		watching sync.WaitGroup
		before   = heap()
		most     = before
		end      = make(chan struct{})
	)
	watching.Go(func() {
		again := time.NewTicker(10 * time.Millisecond)
		defer again.Stop()
		for {
			most = max(most, heap())
			select {
			case <-again.C:
			case <-end:
				return
			}
		}
	})
	return func() uint64 {
		close(end)
		watching.Wait()
		return most - before
	}
}

// answerEach answers each request on a connection with hostile, until that is
// false or the client ends.
func answerEach(c net.Conn, hostile func(c net.Conn, request string) bool) {
	head := make([]byte, 0, 64<<10)
	for {
		n, err := c.Read(head[len(head):cap(head)])
		if err != nil {
			return
		}
		head = head[:len(head)+n]
		if !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
			continue // no request here has a body
		}
		line, _, _ := strings.Cut(string(head), "\r\n")
		if !hostile(c, line) {
			return
		}
		head = head[:0]
	}
}

// hostileHTTP are ways to answer a request.
func hostileHTTP(t *testing.T) map[string]func(c net.Conn, request string) bool {
	t.Helper()
	noise := make([]byte, 32<<10)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	bomb := gzipBomb(t, 64<<20)
	say := func(text string) func(net.Conn, string) bool {
		return func(c net.Conn, _ string) bool {
			_, err := io.WriteString(c, text)
			return err == nil
		}
	}
	endless := func(start, part string) func(net.Conn, string) bool {
		part = strings.Repeat(part, max(1, len(noise)/len(part)))
		return func(c net.Conn, _ string) bool {
			_, err := io.WriteString(c, start)
			for err == nil {
				_, err = io.WriteString(c, part)
			}
			return false
		}
	}
	const ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	return map[string]func(net.Conn, string) bool{
		"garbage": func(c net.Conn, _ string) bool {
			_, err := c.Write(noise)
			return err == nil
		},
		"stall": func(c net.Conn, _ string) bool {
			_, _ = io.Copy(io.Discard, c)
			return false
		},
		"end":                func(net.Conn, string) bool { return false },
		"endless body":       endless(ok+"\r\n", `{"orders":[{"id":1}]}`),
		"endless chunks":     endless(ok+"Transfer-Encoding: chunked\r\n\r\n", "1\r\n1\r\n"),
		"endless extensions": endless(ok+"Transfer-Encoding: chunked\r\n\r\n1;", "extension"),
		"endless head":       endless(ok, "X-More: more\r\n"),
		"endless line":       endless("HTTP/1.1 200 ", "OK "),
		"endless interim":    endless("", "HTTP/1.1 103 Early Hints\r\nLink: </more>\r\n\r\n"),
		"slow body":          drip(ok + "Content-Length: 1000000\r\n\r\n"),
		"slow head":          drip("HTTP/1.1 200 OK\r\nX-Slow: "),
		"cut body":           ends(say(ok + "Content-Length: 1000000\r\n\r\n{\"orders\":[")),
		"redirect loop": func(c net.Conn, request string) bool {
			_, err := fmt.Fprintf(c, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", strings.Fields(request)[1])
			return err == nil
		},
		"gzip bomb":      say(fmt.Sprintf("%sContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", ok, len(bomb), bomb)),
		"one big header": say(ok + "X-Big: " + strings.Repeat("big", 1<<20) + "\r\nContent-Length: 2\r\n\r\n{}"),
		"10000 headers":  say(ok + strings.Repeat("X-Many: many\r\n", 10000) + "Content-Length: 2\r\n\r\n{}"),
		"lying length":   say(ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
		"switch":         ends(say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")),
	}
}

// ends closes the connection after an answer.
func ends(hostile func(net.Conn, string) bool) func(net.Conn, string) bool {
	return func(c net.Conn, request string) bool {
		hostile(c, request)
		return false
	}
}

// drip sends a text, and then one byte every few milliseconds.
func drip(start string) func(net.Conn, string) bool {
	return func(c net.Conn, _ string) bool {
		if _, err := io.WriteString(c, start); err != nil {
			return false
		}
		for again := time.NewTicker(20 * time.Millisecond); ; <-again.C {
			if _, err := c.Write([]byte("1")); err != nil {
				again.Stop()
				return false
			}
		}
	}
}

// gzipBomb is a JSON text of size bytes, compressed to a thousandth.
func gzipBomb(t *testing.T, size int) []byte {
	t.Helper()
	var bomb bytes.Buffer
	w, err := gzip.NewWriterLevel(&bomb, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	blank := bytes.Repeat([]byte(" "), 1<<20)
	for range size / len(blank) {
		if _, err := w.Write(blank); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return bomb.Bytes()
}
