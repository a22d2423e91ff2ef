package verbose

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// which tells the requests of the probe apart, as a server sees them.
func which(r *http.Request) string {
	switch {
	case r.Method == unknownMethod:
		return "method"
	case strings.Contains(r.RequestURI, malformed):
		return "malformed"
	case r.Header.Get("X-M2mscan-Padding") != "":
		return "oversized"
	case r.Header.Get("Accept") == unknownType:
		return "accept"
	case r.RequestURI != "/v1/charges":
		return "random"
	default:
		return "declared"
	}
}

// reply is what a server answers.
type reply struct {
	status int
	media  string
	body   string
	header http.Header
}

func (a reply) write(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if a.media != "" {
		w.Header().Set("Content-Type", a.media)
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

// script answers by kind of request, "" being for all that it does not name.
type script map[string]reply

func (s script) of(name string) reply {
	if a, ok := s[name]; ok {
		return a
	}
	return s[""]
}

// service is a server that keeps what it was asked.
type service struct {
	*testserver.Server
	mu    sync.Mutex
	asked []string
	raw   []string
}

// serve speaks HTTP/1.1 as servers do that leave the path to the application:
// net/http answers what is malformed before a handler sees it.
func serve(t *testing.T, answer http.HandlerFunc) *service {
	t.Helper()
	s := &service{}
	s.Server = testserver.Raw(t, func(c net.Conn, _ int) {
		for in := textproto.NewReader(bufio.NewReader(c)); ; {
			r, err := readRequest(in)
			if err != nil {
				return
			}
			s.note(r)
			w := httptest.NewRecorder()
			if aborted(func() { answer(w, r) }) {
				return
			}
			response := w.Result()
			response.ContentLength = int64(w.Body.Len())
			if response.Write(c) != nil {
				return
			}
		}
	})
	return s
}

func readRequest(in *textproto.Reader) (*http.Request, error) {
	line, err := in.ReadLine()
	if err != nil {
		return nil, err
	}
	part := strings.Fields(line)
	header, err := in.ReadMIMEHeader()
	if err != nil || len(part) != 3 {
		return nil, errors.Join(err, io.ErrUnexpectedEOF)
	}
	return &http.Request{Method: part[0], RequestURI: part[1], Header: http.Header(header), Host: header.Get("Host")}, nil
}

func aborted(answer func()) (gone bool) {
	defer func() { gone = recover() != nil }()
	answer()
	return false
}

func (s *service) note(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, which(r))
	s.raw = append(s.raw, r.Method+" "+r.RequestURI)
}

func (s script) serve(t *testing.T) *service {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, r *http.Request) { s.of(which(r)).write(w) })
}

func (s *service) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// observeAt visits a link with the probe at a level, without pacing.
func observeAt(t *testing.T, l *inventory.Link, level checks.Level) (*Facts, checks.Observation) {
	t.Helper()
	return observePatient(t, l, level, 5*time.Second)
}

func observePatient(t *testing.T, l *inventory.Link, level checks.Level, step time.Duration) (*Facts, checks.Observation) {
	t.Helper()
	runner := &checks.Runner{
		Probes: []checks.Probe{Probe()}, Level: level, UserAgent: "m2mscan/test",
		Limits: checks.Limits{StepTimeout: step, LinkTimeout: 15 * time.Second, Rate: 1e6, HostRate: 1e6, RequestRate: 1e6},
		Resolver: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
		},
	}
	results, err := runner.Run(t.Context(), []*inventory.Link{l})
	if err != nil {
		t.Fatal(err)
	}
	o := results[0].Observations[0]
	for _, u := range o.Unknown {
		if u.Reason == checks.ReasonBug {
			t.Errorf("unknown by a defect: %+v", u)
		}
	}
	f, _ := o.Facts.(*Facts)
	return f, o
}

func observed(t *testing.T, s *service) (*Facts, checks.Observation) {
	t.Helper()
	f, o := observeAt(t, s.Link(t, "http", "/v1/charges"), checks.Observe)
	if f == nil {
		t.Fatalf("no facts: %+v", o)
	}
	return f, o
}
