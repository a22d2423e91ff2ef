package httpclient

import (
	"net/http/httptrace"
	"sync"
	"time"
)

// timing notes when a request was written and when its answer began.
type timing struct {
	mu             sync.Mutex
	written, first time.Time
}

func (t *timing) trace(into *httptrace.ClientTrace) {
	t.note(&t.written, time.Time{})
	t.note(&t.first, time.Time{})
	into.WroteRequest = func(httptrace.WroteRequestInfo) { t.note(&t.written, time.Now()) }
	into.GotFirstResponseByte = func() { t.note(&t.first, time.Now()) }
}

func (t *timing) note(what *time.Time, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*what = at
}

func (t *timing) read() (sent time.Time, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.written.IsZero() || t.first.IsZero() {
		return t.written, 0
	}
	return t.written, max(0, t.first.Sub(t.written))
}
