package websocket

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

const (
	// headerMax caps the answer to the handshake, interim ones included.
	headerMax = 16 << 10
	// acceptGUID is what a server adds to the key (RFC 6455 section 1.3).
	acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	// deflate is the one extension that is offered (RFC 7692).
	deflate = "permessage-deflate"
)

// Handshake is what a client asks for in the opening handshake (RFC 6455
// section 4.1).
type Handshake struct {
	Host         string      // of the Host field, with the port where it is not the scheme's own
	Path         string      // path and query, as they are sent; empty means "/"
	Origin       string      // empty sends none, as clients do that are no browsers
	Subprotocols []string    // in the order of preference
	Header       http.Header // besides those of the handshake, such as User-Agent and Authorization
	Deflate      bool        // offers compression: only for who does not mean to understand what comes then
}

// Answer is what the server made of a handshake.
type Answer struct {
	Status      int // 101 when it agreed
	Header      http.Header
	Subprotocol string // the one it chose; empty when none
	Deflate     bool   // it agreed on compression
}

// Dial asks for a WebSocket on conn, a new connection, TLS done where there is
// any. What is written to the connection it returns goes out as binary
// messages, one for each Write; what is read are the contents of the peer's
// messages one after another, as if they were one stream, as the protocols in
// a WebSocket have it. A peer that closes gives a [*CloseError], which is an
// [io.EOF] to [errors.Is]. Close takes leave and closes conn.
//
// The answer is not nil when the server gave one in HTTP. The error says why
// there is no WebSocket: [checks.ReasonThrottled] for 429 and 503,
// [checks.ReasonAmbiguous] for any other status, and [checks.ReasonGarbage] for
// a 101 that is no WebSocket's. Then conn is left to the caller.
func Dial(ctx context.Context, conn net.Conn, h Handshake) (net.Conn, *Answer, error) {
	s, answer, err := open(ctx, conn, h)
	if err != nil {
		return nil, answer, err
	}
	return s, answer, nil
}

func open(ctx context.Context, conn net.Conn, h Handshake) (*stream, *Answer, error) {
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline) // of a Visit's connection: a step of its own
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()

	s, answer, err := shake(conn, h)
	if err != nil && ctx.Err() != nil {
		return nil, answer, ctx.Err()
	}
	return s, answer, err
}

func shake(conn net.Conn, h Handshake) (*stream, *Answer, error) {
	key := base64.StdEncoding.EncodeToString(randomBytes(16))
	request, err := h.request(key)
	if err != nil {
		return nil, nil, err
	}
	if err := request.Write(conn); err != nil {
		return nil, nil, err
	}
	capped := &cappedReader{r: conn, left: headerMax}
	r := bufio.NewReader(capped)
	answer, err := readAnswer(r, key, h)
	if err != nil {
		switch {
		case capped.left == 0:
			err = checks.Because(checks.ReasonTooLarge, "more than %d bytes in answer to the handshake", headerMax)
		case answer == nil && capped.err != nil: // net/http reads a line that breaks off as if it were whole
			err = cutShort(capped.err)
		}
		return nil, answer, checks.WithAlert(err)
	}
	capped.left = -1
	_ = conn.SetDeadline(time.Time{})
	return &stream{Conn: conn, r: r, deflate: answer.Deflate}, answer, nil
}

// request is the handshake as HTTP has it.
func (h Handshake) request(key string) (*http.Request, error) {
	header := http.Header{"User-Agent": {""}} // net/http would send its own
	maps.Copy(header, h.Header)
	maps.Copy(header, http.Header{
		"Upgrade": {"websocket"}, "Connection": {"Upgrade"},
		"Sec-WebSocket-Key": {key}, "Sec-WebSocket-Version": {"13"}, // as the RFC writes them, for servers that look
	})
	if h.Origin != "" {
		header["Origin"] = []string{h.Origin}
	}
	if len(h.Subprotocols) > 0 {
		header["Sec-WebSocket-Protocol"] = []string{strings.Join(h.Subprotocols, ", ")}
	}
	if h.Deflate {
		header["Sec-WebSocket-Extensions"] = []string{deflate}
	}
	path := h.Path
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	at, err := url.ParseRequestURI(path)
	if err != nil || strings.HasPrefix(path, "//") {
		return nil, checks.Because(checks.ReasonNotTested, "the path is not one HTTP can use")
	}
	return &http.Request{Method: http.MethodGet, URL: at, Host: h.Host, Header: header}, nil
}

// readAnswer reads what a server says to a handshake with the key.
func readAnswer(r *bufio.Reader, key string, h Handshake) (*Answer, error) {
	answer, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	switch {
	case answer.throttled():
		return answer, checks.Because(checks.ReasonThrottled, "HTTP %d in answer to the WebSocket handshake", answer.Status)
	case answer.Status != http.StatusSwitchingProtocols:
		return answer, checks.Because(checks.ReasonAmbiguous, "HTTP %d in answer to the WebSocket handshake", answer.Status)
	}
	return answer, answer.agree(key, h)
}

// readHeader reads the final answer: interim ones (RFC 9110 section 15.2) may
// come before, but 101 is final. A body is not closed, which would read it.
func readHeader(r *bufio.Reader) (*Answer, error) {
	for {
		response, err := http.ReadResponse(r, nil) //nolint:bodyclose // see above
		if err != nil {
			return nil, malformed(err)
		}
		if status := response.StatusCode; status >= 200 || status == http.StatusSwitchingProtocols {
			return &Answer{Status: status, Header: response.Header}, nil
		}
	}
}

// malformed keeps the errors of the connection apart from those about what was
// read; the latter quote it.
func malformed(err error) error {
	if _, reason := checks.Classify(err); reason == checks.ReasonGarbage {
		return checks.Because(checks.ReasonGarbage, "the answer to the handshake is not one of HTTP: %w", err)
	}
	return err
}

func (a *Answer) throttled() bool {
	return a.Status == http.StatusTooManyRequests || a.Status == http.StatusServiceUnavailable
}

// agree holds a 101 against what was asked for (RFC 6455 section 4.1): a server
// that knows nothing of WebSockets cannot know the answer to the key, and one
// that goes on with what was not offered cannot be understood.
func (a *Answer) agree(key string, h Handshake) error {
	if !holds(a.Header, "Upgrade", "websocket") || !holds(a.Header, "Connection", "upgrade") {
		return checks.Because(checks.ReasonGarbage, "HTTP 101 that does not switch to a WebSocket")
	}
	if strings.TrimSpace(a.Header.Get("Sec-WebSocket-Accept")) != acceptFor(key) {
		return checks.Because(checks.ReasonGarbage, "HTTP 101 whose Sec-WebSocket-Accept does not fit the key")
	}
	a.Subprotocol = strings.TrimSpace(a.Header.Get("Sec-WebSocket-Protocol"))
	if a.Subprotocol != "" && !slices.Contains(h.Subprotocols, a.Subprotocol) {
		return checks.Because(checks.ReasonGarbage, "HTTP 101 with a subprotocol that was not offered")
	}
	for extension := range elements(a.Header, "Sec-WebSocket-Extensions") {
		name, _, _ := strings.Cut(extension, ";")
		if !h.Deflate || !strings.EqualFold(strings.TrimSpace(name), deflate) {
			return checks.Because(checks.ReasonGarbage, "HTTP 101 with an extension that was not offered")
		}
		a.Deflate = true
	}
	return nil
}

// acceptFor is the answer to a key (RFC 6455 section 4.2.2).
func acceptFor(key string) string {
	sum := sha1.Sum([]byte(key + acceptGUID))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// holds reports whether a field that is a list has an element, whatever its case.
func holds(header http.Header, field, element string) bool {
	for e := range elements(header, field) {
		if strings.EqualFold(e, element) {
			return true
		}
	}
	return false
}

// elements yields the elements of a field that is a list (RFC 9110 section
// 5.6.1), without those that are empty.
func elements(header http.Header, field string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, value := range header.Values(field) {
			for element := range strings.SplitSeq(value, ",") {
				if element = strings.TrimSpace(element); element != "" && !yield(element) {
					return
				}
			}
		}
	}
}

// cappedReader ends after left bytes; never when left is negative.
type cappedReader struct {
	r    io.Reader
	left int
	err  error // what ended it
}

// Read implements [io.Reader].
func (c *cappedReader) Read(p []byte) (int, error) {
	if c.left < 0 {
		return c.r.Read(p)
	}
	if c.left == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := c.r.Read(p[:min(len(p), c.left)])
	c.left -= n
	c.err = err
	return n, err
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it does not fail
	return b
}
