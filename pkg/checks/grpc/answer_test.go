package grpc

import (
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// startHTTP serves HTTP/2 that is not made by grpc-go.
func startHTTP(t *testing.T, handler http.HandlerFunc) *server {
	t.Helper()
	s := &server{root: testserver.Root(t, "Root")}
	config := &tls.Config{NextProtos: []string{"h2"}, Certificates: []tls.Certificate{s.root.Leaf(t, nil).TLS()}}
	s.Server = testserver.HTTP(t, config, func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.calls = append(s.calls, r.Method+" "+r.RequestURI)
		s.mu.Unlock()
		_, _ = io.Copy(io.Discard, r.Body)
		handler(w, r)
	})
	return s
}

// unlike answers calls of a procedure that nobody has with status 12, as all
// servers of gRPC do.
func unlike(handler http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == callNobody {
			w.Header().Set("Content-Type", "application/grpc")
			w.Header().Set("Grpc-Status", "12")
			return
		}
		handler(w, r)
	}
}

// reply answers in gRPC: fields of the header, a body, and fields of the
// trailers, each as "Name: value".
func reply(header []string, body string, trailer ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/grpc+proto")
		for _, field := range header {
			name, value, _ := strings.Cut(field, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, body)
		for _, field := range trailer {
			name, value, _ := strings.Cut(field, ": ")
			w.Header().Set(http.TrailerPrefix+name, value)
		}
	}
}

func plainly(status int, media, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", media)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

const served = "\x00\x00\x00\x00\x02\x08\x01"

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		want    map[string]string
	}{
		{
			"status in the trailers", unlike(reply([]string{"Grpc-Accept-Encoding: gzip, identity,deflate,gzip", "Server: envoy"}, served, "Grpc-Status: 0")),
			map[string]string{"speaks_grpc": "true", "health": "serving", "health_without_token": "accepted", "compression": "[deflate gzip]", "server": "envoy"},
		},
		{
			"status in the header alone", unlike(reply([]string{"Grpc-Status: 16", "Grpc-Message: no%20token%3A caf%c3%a9 100%"}, "")),
			map[string]string{"speaks_grpc": "true", "health_without_token": "refused", "verbose_errors": "false"},
		},
		{"refused after a beginning", unlike(reply(nil, "", "Grpc-Status: 7")), map[string]string{"health_without_token": "refused"}},
		{
			"the trailers count", unlike(reply([]string{"Grpc-Status: 0"}, served, "Grpc-Status: 16")),
			map[string]string{"health_without_token": "refused"},
		},
		{"status 0 without a message", unlike(reply([]string{"Grpc-Status: 0"}, "")), map[string]string{"health": "(garbage)", "health_without_token": "(garbage)"}},
		{"a message cut short", unlike(reply(nil, served[:6], "Grpc-Status: 0")), map[string]string{"health_without_token": "(garbage)"}},
		{"a message with a huge length", unlike(reply(nil, "\x00\xff\xff\xff\xff\x08\x01", "Grpc-Status: 0")), map[string]string{"health_without_token": "(garbage)"}},
		{"a compressed message", unlike(reply(nil, "\x01\x00\x00\x00\x02\x08\x01", "Grpc-Status: 0")), map[string]string{"health_without_token": "(ambiguous)"}},
		{"no status", unlike(reply(nil, served)), map[string]string{"health_without_token": "(ambiguous)", "speaks_grpc": "true"}},
		{"no status one can read", unlike(reply(nil, served, "Grpc-Status: zero")), map[string]string{"health_without_token": "(ambiguous)"}},
		{"a status that is not defined", reply(nil, served, "Grpc-Status: 99"), map[string]string{"speaks_grpc": "(ambiguous)", "unknown_method_status": "(ambiguous)"}},
		{"a health that is not defined", unlike(reply(nil, "\x00\x00\x00\x00\x02\x08\x09", "Grpc-Status: 0")), map[string]string{"health": "(ambiguous)", "health_without_token": "accepted"}},
		{"no message of Protocol Buffers", unlike(reply(nil, "\x00\x00\x00\x00\x02\x0a\x05", "Grpc-Status: 0")), map[string]string{"health": "(garbage)"}},
		{"unavailable", unlike(reply([]string{"Grpc-Status: 14"}, "")), map[string]string{"health_without_token": "(throttled)"}},
		{"deadline exceeded", unlike(reply([]string{"Grpc-Status: 4"}, "")), map[string]string{"health_without_token": "(ambiguous)"}},
		{
			"a proxy that demands a token", plainly(401, "text/html", "no"),
			map[string]string{"speaks_grpc": "(ambiguous)", "health_without_token": "refused", "with_garbage_token": "refused", "presence_only": "false", "unknown_method_status": "(ambiguous)"},
		},
		{"a proxy that lets nobody in", plainly(403, "text/html", "no"), map[string]string{"health_without_token": "refused", "verbose_errors": "(ambiguous)"}},
		{"a proxy that is busy", plainly(503, "text/html", "later"), map[string]string{"speaks_grpc": "(throttled)", "health_without_token": "(throttled)"}},
		{"a proxy that fails", plainly(502, "text/html", "gone"), map[string]string{"speaks_grpc": "(ambiguous)", "health_without_token": "(ambiguous)"}},
		{"a web server", plainly(404, "text/html", "not here"), map[string]string{"speaks_grpc": "false", "health_without_token": "(ambiguous)", "health": "(ambiguous)"}},
		{"a page for everything", plainly(200, "text/html", "hello"), map[string]string{"speaks_grpc": "false", "health_without_token": "(ambiguous)"}},
		{
			"a page that lies", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Grpc-Status", "0")
				plainly(200, "text/html", served)(w, r)
			}, map[string]string{"speaks_grpc": "false", "health_without_token": "(ambiguous)"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := startHTTP(t, tt.handler)
			facts, o, _ := look(t, s.Link(t, "grpcs", "/ignored?too=1"), visit{root: s.root})
			expect(t, facts, tt.want)
			for _, call := range s.seen() {
				if call != "POST "+callHealth && call != "POST "+callNobody {
					t.Errorf("sent %s", call)
				}
			}
			if t.Failed() {
				t.Logf("%v\n%v\n%v", facts, o.Evidence, o.Unknown)
			}
		})
	}
}

// TestBusyServerIsLeftAlone: HTTP 429 that asks for an hour ends the calls.
func TestBusyServerIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := startHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	facts, _, _ := look(t, s.Link(t, "grpcs", ""), visit{root: s.root})
	expect(t, facts, map[string]string{"health_without_token": "(throttled)", "unknown_method_status": "(throttled)", "with_garbage_token": "(throttled)"})
	if n := len(s.seen()); n != 1 {
		t.Errorf("%d calls", n)
	}
}

func TestDecodeText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                       "",
		"plain":                  "plain",
		"a%20b":                  "a b",
		"caf%C3%a9%0A":           "café\n",
		"%":                      "%",
		"%4":                     "%4",
		"100%zz":                 "100%zz",
		"%25%32%30 stays %2520.": "%20 stays %20.",
		"%+1":                    "%+1",
	} {
		if got := decodeText(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestDiscloses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "unknown service m2mscan.v1.NoService": "", "Method not found: /m2mscan.v1.NoService/NoProcedure": "",
		"upstream connect error or disconnect/reset before headers. reset reason: connection timeout": "",
		"token expired at 2026-11-21T12:00:00Z":                                                       "", "see https://docs.acme.example/usr/local/auth": "", "invalid version 10.2.3": "",
		"goroutine 17 [running]:":                                      "a stack trace",
		"rpc failed (server.go:112)":                                   "a stack trace",
		"java.lang.NullPointerException\n\tat com.acme.A.b(A.java:42)": "a stack trace",
		"Exception calling application: File \"/a/b.py\", line 3":      "a stack trace",
		"   at Acme.Charges.Get(String id) in C:\\src\\A.cs:line 12":   "a stack trace",
		"Error: x\n    at Object.get (/srv/app/index.js:10:5)":         "a stack trace",
		"thread 'main' panicked at src/main.rs:4:5":                    "a stack trace",
		"open /etc/acme/key.pem: permission denied":                    "a path of the server",
		`cannot read C:\acme\conf\app.yaml`:                            "a path of the server",
		"dial tcp 10.12.0.7:5432: connect: connection refused":         "an address of an inner network",
		"no such host: charges.prod.svc.cluster.local":                 "an address of an inner network",
	} {
		if got, _ := discloses(text); got != want {
			t.Errorf("%q shows %q, want %q", text, got, want)
		}
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	// What grpc-go 1.85 answers to list_services: three services, by name.
	const listed = "12023a00324a" + "0a0f0a0d61636d652e76312e41646d696e" + "0a100a0e61636d652e76312e436861726765" +
		"0a250a23677270632e7265666c656374696f6e2e76312e5365727665725265666c656374696f6e"
	raw, err := hex.DecodeString(listed)
	if err != nil {
		t.Fatal(err)
	}
	list, err := readServices(raw)
	if err != nil || list.services != 2 || fmt.Sprint(list.admin) != "[Admin]" {
		t.Errorf("%+v, %v", list, err)
	}
	many := strings.Repeat("\x0a\x03\x0a\x01a", servicesMax+1)
	for name, tt := range map[string]struct {
		message string
		want    checks.Reason
	}{
		"no services":       {"\x32\x00", ""},
		"nothing":           {"", checks.ReasonAmbiguous},
		"an error":          {"\x3a\x02\x08\x0c", checks.ReasonAmbiguous},
		"a file in place":   {"\x22\x02\x0a\x00", checks.ReasonAmbiguous},
		"past the end":      {"\x32\x05\x0a", checks.ReasonGarbage},
		"a huge length":     {"\x32\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", checks.ReasonGarbage},
		"an endless number": {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", checks.ReasonGarbage},
		"field zero":        {"\x00\x00", checks.ReasonGarbage},
		"a group":           {"\x0b\x0c", checks.ReasonGarbage},
		"half a fixed64":    {"\x09\x00\x00", checks.ReasonGarbage},
		"other fields":      {"\x09aaaaaaaa\x15aaaa\x32\x00", ""},
	} {
		_, err := readServices([]byte(tt.message))
		if _, reason := checks.Classify(err); reason != tt.want {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	_, err = readServices(append([]byte{0x32, byte(len(many)&0x7f | 0x80), byte(len(many)>>7&0x7f | 0x80), byte(len(many) >> 14)}, many...))
	if _, reason := checks.Classify(err); reason != checks.ReasonTooLarge {
		t.Error(err)
	}
}

// FuzzMessage: reading ends, and what is read was there.
func FuzzMessage(f *testing.F) {
	for _, seed := range []string{
		served, "\x00\x00\x00\x00\x00", "\x01\x00\x00\x00\x00", "\x00\xff\xff\xff\xff", "\x00\x00\x00\x00\x02\x32\x00",
		"\x00\x00\x00\x00\x14\x32\x12\x0a\x10\x0a\x0eacme.v1.Admins", "\x00\x00\x00\x00\x04\x3a\x02\x08\x0c",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := message(body)
		if err != nil {
			return
		}
		if len(m) > len(body)-5 {
			t.Fatal("more than there is")
		}
		_, _ = readHealth(m)
		list, err := readServices(m)
		if err == nil && (list.services > len(m) || len(list.admin) > list.services) {
			t.Fatalf("%+v of %d bytes", list, len(m))
		}
	})
}

// FuzzDecodeText: text does not grow, and without a percent sign it stays.
func FuzzDecodeText(f *testing.F) {
	for _, seed := range []string{"a%20b", "%", "%4", "100%zz", "caf%C3%A9"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := decodeText(text)
		if len(got) > len(text) || !strings.Contains(text, "%") && got != text {
			t.Fatalf("%q became %q", text, got)
		}
		_, _ = discloses(got)
	})
}
