package httpclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// errKeptClosed is what becomes of a request on a kept connection that the
// server had closed. It was not answered because it never arrived.
var errKeptClosed = checks.Because(checks.ReasonReset, "the kept connection was closed")

// again is the retry policy: once, for failures of the transport alone, and
// not more often than Repeats on a link. The limit of one is set by Do. A
// request that never arrived is not repeated but sent, and does not count.
func (g *guard) again(ctx context.Context, response *http.Response, err error) (bool, error) {
	worth := err != nil && response == nil && ctx.Err() == nil && g.only == nil && g.safe && g.tries == 1
	if worth && errors.Is(err, errKeptClosed) {
		return true, nil
	}
	worth = worth && !g.burst && *g.repeats > 0
	if worth {
		_, reason := checks.Classify(g.explain(err))
		worth = reason == checks.ReasonReset || reason == checks.ReasonStalled
	}
	if worth {
		*g.repeats--
	}
	return worth, nil
}

// explain gives an error the parts that net/http hides: the alert that TLS
// ended with, and the reasons it has only words for. The URL is left out.
func (g *guard) explain(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if _, known := errors.AsType[*checks.ReasonError](err); known {
		return err
	}
	if err := checks.WithAlert(err); isAlert(err) {
		return err
	}
	text := err.Error()
	if strings.Contains(text, "stream error") && !strings.Contains(text, "ENHANCE_YOUR_CALM") {
		// One stream of HTTP/2 ended; the connection goes on, and is being read.
		return checks.Because(checks.ReasonAmbiguous, "%w", err)
	}
	if alert, ok := g.lateAlert(); ok {
		return fmt.Errorf("%w%.0w", alert, err) // how the write failed differs from run to run
	}
	switch {
	case strings.Contains(text, "ENHANCE_YOUR_CALM"):
		return checks.Because(checks.ReasonThrottled, "%w", err)
	case strings.Contains(text, "server closed idle connection"),
		strings.Contains(text, "GOAWAY"), strings.Contains(text, "client connection lost"),
		strings.Contains(text, "client conn could not be established"):
		return checks.Because(checks.ReasonReset, "%w", err)
	case strings.Contains(text, "response headers exceeded"):
		return checks.Because(checks.ReasonTooLarge, "%w", err)
	}
	return err
}

func isAlert(err error) bool {
	_, ok := errors.AsType[tls.AlertError](err)
	return ok
}

// lateAlert asks the last TLS connection how it ended. A server that refuses
// after the handshake, as TLS 1.3 has it for a missing client certificate,
// makes the request fail to be written as well, and net/http may report that.
func (g *guard) lateAlert() (tls.AlertError, bool) {
	g.mu.Lock()
	last := g.secure
	g.mu.Unlock()
	if last == nil {
		return 0, false
	}
	_ = last.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	_, err := last.Read(make([]byte, 1))
	return checks.AlertOf(err)
}
