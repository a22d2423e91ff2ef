package webhook

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

const (
	// twinName is what the request to the twin is called in a plan.
	twinName = "GET the declared path over plain HTTP, port 80"
	// twinMax is how many bytes of the twin's answer are read.
	twinMax = 64 << 10
)

// control is the request over TLS that the twin's answer is compared with. It
// is that of other probes, and sent once for all.
var control = httpclient.Request{} //nolint:gochecknoglobals // a constant

// twin is what may be asked of the plain-text twin of a link.
type twin struct {
	exists bool
	path   string // and query, without secrets; "/" where the path holds one
	hidden bool   // that is so
}

// twinOf needs no packet: see [checks.Visit.HasTwin].
func twinOf(l *inventory.Link) twin {
	target := l.Target()
	t := twin{exists: target.Scheme == "https" && target.Port == 443, path: "/"}
	if l.URL == nil {
		return t
	}
	query := l.URL.RawQuery
	for _, secret := range l.URLSecrets() {
		switch {
		case secret == "path":
			t.hidden = true
		case strings.HasPrefix(secret, "query "):
			query = ""
		}
	}
	if t.hidden = t.hidden || strings.Contains(l.URL.Path, "${"); t.hidden {
		return t
	}
	t.path = (&url.URL{Path: l.URL.Path, RawPath: l.URL.RawPath, RawQuery: query}).RequestURI()
	return t
}

// comparable reports whether the twin is asked what the link is asked.
func (t twin) comparable() bool { return !t.hidden }

// observeTwin reports whether the receiver answers over plain HTTP as well. A
// closed port or a redirect to https is a no. Anything else that answers may be
// another site on the same address: only what answers as the receiver does
// over TLS is a yes.
func observeTwin(ctx context.Context, v *checks.Visit) (*bool, error) {
	if !v.HasTwin() {
		return nil, checks.Because(checks.ReasonNotAsked, "only https on port 443 has a twin whose port is known")
	}
	t := twinOf(v.Link())
	var (
		secure *httpclient.Exchange
		failed error
	)
	if t.comparable() {
		secure, failed = httpclient.Talk(v).Ask(ctx, control)
		if outcome, _ := checks.Classify(failed); outcome == checks.Unreachable {
			return nil, failed
		}
	}
	answer, err := askTwin(ctx, v, t.path)
	if _, reason := checks.Classify(err); reason == checks.ReasonRefused {
		v.Evidence("http", "port 80 is closed")
		return new(false), nil
	}
	if err != nil {
		return nil, fmt.Errorf("port 80: %w", err)
	}
	v.Evidence("http", fmt.Sprintf("port 80 answers HTTP %d", answer.status))
	switch {
	case answer.refusesPlain():
		return new(false), nil
	case answer.status == http.StatusTooManyRequests || answer.status == http.StatusServiceUnavailable:
		return nil, checks.Because(checks.ReasonThrottled, "port 80 answers HTTP %d", answer.status)
	case t.hidden:
		return nil, checks.Because(checks.ReasonAmbiguous, "port 80 answers HTTP %d to /; the path itself holds a secret and was not sent", answer.status)
	case failed != nil:
		return nil, checks.Because(checks.ReasonAmbiguous, "port 80 answers HTTP %d, and there is no answer over TLS to compare with: %w", answer.status, failed)
	case answer.like(secure.Response):
		return new(true), nil
	}
	return nil, checks.Because(checks.ReasonAmbiguous,
		"port 80 answers HTTP %d, and the receiver HTTP %d: it may be another site", answer.status, secure.Status)
}

// twinAnswer is what the twin answered.
type twinAnswer struct {
	status   int
	location string
	body     []byte
}

// askTwin sends one GET by hand, for httpclient speaks to the link's own port.
func askTwin(ctx context.Context, v *checks.Visit, path string) (*twinAnswer, error) {
	if err := v.Request(ctx); err != nil {
		return nil, err
	}
	c, err := v.DialTwin(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	host := v.Target().Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	_, err = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept: */*\r\nConnection: close\r\n\r\n", path, host, v.UserAgent())
	if err != nil {
		return nil, err
	}
	return readTwin(c)
}

// readTwin reads an answer, at most twinMax bytes of it.
func readTwin(c io.Reader) (*twinAnswer, error) {
	first := &firstError{from: c}
	response, err := http.ReadResponse(bufio.NewReader(io.LimitReader(first, twinMax)), nil)
	switch {
	case err != nil && first.err != nil: // of the connection; net/http has only words for some
		return nil, first.err
	case err != nil && first.read >= twinMax:
		return nil, checks.Because(checks.ReasonTooLarge, "a head of more than %d bytes", twinMax)
	case err != nil:
		return nil, checks.Because(checks.ReasonGarbage, "the answer is not HTTP")
	}
	defer func() { _ = response.Body.Close() }()
	body, _ := io.ReadAll(response.Body) // what came of it; it only serves to compare
	return &twinAnswer{status: response.StatusCode, location: response.Header.Get("Location"), body: body}, nil
}

// firstError keeps the error that ended a connection.
type firstError struct {
	from io.Reader
	read int
	err  error
}

// Read implements [io.Reader].
func (f *firstError) Read(p []byte) (int, error) {
	n, err := f.from.Read(p)
	f.read += n
	if err != nil && f.err == nil && (err != io.EOF || f.read == 0) {
		f.err = err
	}
	return n, err
}

// wrongScheme are what servers say that speak TLS on the port they were asked
// on in the clear: nginx and Apache, Go.
var wrongScheme = [][]byte{ //nolint:gochecknoglobals // a table
	[]byte("plain HTTP request was sent to HTTPS port"),
	[]byte("speaking plain HTTP to an SSL-enabled server port"),
	[]byte("HTTP request to an HTTPS server"),
}

// refusesPlain reports an answer that leads to https or says that there is
// nothing else.
func (a *twinAnswer) refusesPlain() bool {
	switch a.status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		to, err := url.Parse(a.location)
		return err == nil && to.Scheme == "https"
	case http.StatusUpgradeRequired: // RFC 9110 section 15.5.22
		return true
	case http.StatusBadRequest:
		for _, phrase := range wrongScheme {
			if bytes.Contains(a.body, phrase) {
				return true
			}
		}
	}
	return false
}

// like reports whether the twin answers as the receiver does. A method that is
// not allowed and a challenge are a receiver's own words, unlike the pages that
// every server has at hand; those of 403, 404 and 5xx tell nothing. What else
// there is must have the same text.
func (a *twinAnswer) like(secure *httpclient.Response) bool {
	if a.status != secure.Status {
		return false
	}
	switch a.status {
	case http.StatusMethodNotAllowed, http.StatusUnauthorized, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return true
	case http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		return false
	}
	if a.status >= http.StatusInternalServerError || a.status < http.StatusOK || a.status/100 == 3 || !secure.Whole() {
		return false
	}
	return len(a.body) > 0 && bytes.Equal(settled(a.body), settled(secure.Body))
}

// changing is what differs from answer to answer: dates, counters, ids.
var changing = regexp.MustCompile(`[0-9A-Fa-f]*[0-9][0-9A-Fa-f]*`)

func settled(body []byte) []byte { return changing.ReplaceAll(body, []byte("0")) }
