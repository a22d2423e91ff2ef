package peers

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Front is TLS before a server that speaks plain HTTP/1.1. It hands on every
// byte as it came, so that the server sees requests the way they were sent,
// malformed ones too, and notes what was asked.
type Front struct {
	Addr string

	upstream string
	mu       sync.Mutex
	requests []string
	open     map[net.Conn]bool // nil once the front is closed
}

// NewFront starts a front with the certificates of config before the server at
// upstream.
func NewFront(tb testing.TB, config *tls.Config, upstream string) *Front {
	tb.Helper()
	config = config.Clone()
	config.NextProtos = []string{"http/1.1"}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		tb.Fatal(err)
	}
	f := &Front{Addr: listener.Addr().String(), upstream: upstream, open: make(map[net.Conn]bool)}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { f.serve(client) })
		}
	})
	tb.Cleanup(func() {
		_ = listener.Close()
		f.closeAll()
		serving.Wait()
	})
	return f
}

// Requests lists the requests that were handed on so far, oldest first: method
// and request target, as in "GET /orders?page=1".
func (f *Front) Requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests)
}

func (f *Front) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", f.upstream)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	if !f.keep(client, server) {
		return
	}
	defer f.forget(client, server)
	var answering sync.WaitGroup
	answering.Go(func() {
		_, _ = io.Copy(client, server)
		_ = client.Close() // ends the reading below
	})
	_ = f.handOn(bufio.NewReader(client), server)
	_ = server.Close()
	answering.Wait()
}

// errChunked is why a connection ends: how long a body is must be stated.
var errChunked = errors.New("a request with a body of no stated length")

// handOn passes requests on until the client ends or breaks HTTP.
func (f *Front) handOn(client *bufio.Reader, server io.Writer) error {
	for {
		var (
			head   strings.Builder
			length int64
		)
		for {
			line, err := client.ReadString('\n')
			if err != nil {
				return err
			}
			first := head.Len() == 0
			head.WriteString(line)
			line = strings.TrimRight(line, "\r\n")
			if line == "" && !first {
				break
			}
			name, value, _ := strings.Cut(line, ":")
			switch {
			case first:
				f.note(line)
			case strings.EqualFold(name, "Content-Length"):
				if length, err = strconv.ParseInt(strings.TrimSpace(value), 10, 64); err != nil {
					return err
				}
			case strings.EqualFold(name, "Transfer-Encoding"):
				return errChunked
			}
		}
		if _, err := io.WriteString(server, head.String()); err != nil {
			return err
		}
		if _, err := io.CopyN(server, client, length); err != nil {
			return err
		}
	}
}

// note files a request line less its version.
func (f *Front) note(line string) {
	if end := strings.LastIndexByte(line, ' '); end > 0 {
		line = line[:end]
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, line)
}

func (f *Front) keep(conns ...net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open == nil {
		return false
	}
	for _, c := range conns {
		f.open[c] = true
	}
	return true
}

func (f *Front) forget(conns ...net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range conns {
		delete(f.open, c)
	}
}

func (f *Front) closeAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.open {
		_ = c.Close()
	}
	f.open = nil
}
