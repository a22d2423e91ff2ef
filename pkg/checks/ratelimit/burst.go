package ratelimit

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

const (
	burstMax   = 60  // requests of all bursts on a link
	burstMin   = 8   // of one: fewer show neither what is held back, nor a limit of two from one of one
	sampleSize = 20  // of a burst that cannot reach the limit: shaping and a small bucket show
	tolerance  = 1.2 // times the agreed number is a burst
	parallel   = 8   // connections of the burst that is not sequential

	// windowMax is the longest window whose quota a burst may use up: whoever
	// shares it must wait for the rest of the window.
	windowMax = time.Minute
	// share is the part of a quota that a burst may use of a longer window.
	share = 5
	// reserve is the part of a quota below which no burst is sent.
	reserve = 0.2
	// burstTime is the longest that a burst may take.
	burstTime = 10 * time.Second
)

// extent is how large a burst is.
type extent struct {
	requests int
	conclude bool // it is 1.2 times what was agreed
}

// burstSize is 1.2 times the agreed number, where that is within the cap and
// the window soon over. Else it is a sample, if it takes no more than a fifth
// of the quota: it shows a limiter that holds requests back, and one that lets
// few through at once.
func burstSize(agreed inventory.Rate) (extent, error) {
	if agreed.IsZero() {
		return extent{requests: sampleSize}, nil
	}
	enough := max(burstMin, int(math.Ceil(tolerance*float64(agreed.Count))))
	short := agreed.Window <= windowMax
	switch {
	case short && enough <= burstMax:
		return extent{requests: enough, conclude: true}, nil
	case short || sampleSize <= agreed.Count/share:
		return extent{requests: sampleSize}, nil
	default:
		return extent{}, checks.Because(checks.ReasonNotTested,
			"a burst would use up the quota of a whole window of %s, which others may need", agreed.Window)
	}
}

// burstCost is how many requests bursts may come to.
func burstCost(agreed inventory.Rate) int {
	s, err := burstSize(agreed)
	if err != nil {
		return 0
	}
	if s.conclude && 2*s.requests <= burstMax {
		return 2 * s.requests
	}
	return s.requests
}

// affordable says why a burst of n must not be sent, as far as an advertised
// quota tells.
func affordable(q quota, n int) error {
	if q.limit > 0 && q.counted && float64(q.remaining) < reserve*float64(q.limit) {
		return checks.Because(checks.ReasonBudget, "only %d of %d requests remain", q.remaining, q.limit)
	}
	long := q.window > windowMax || q.window == 0 && q.resets && q.reset > windowMax
	if long && q.limit > 0 && n > q.limit/share {
		return checks.Because(checks.ReasonNotTested, "a burst would use up much of an advertised quota of %d, which others may need", q.limit)
	}
	return nil
}

// trial is what bursts on a link showed.
type trial struct {
	agreed   inventory.Rate
	size     extent
	baseline time.Duration
	quota    quota // as advertised before; the zero quota when none was

	samples  []sample // answers that were no rejection, of the burst under way
	shape    shape
	start    time.Time // the first request of all
	last     time.Duration
	accepted int
	sent     int
	zeros    int                  // accepted answers in a row that said that nothing remains
	rejected *httpclient.Exchange // the first
	calmDown bool                 // an HTTP/2 peer said ENHANCE_YOUR_CALM
	err      error                // what else ended the bursts
}

// asker sends bursts.
type asker interface {
	Burst(context.Context, httpclient.Request, int, int, func(*httpclient.Exchange) bool) error
}

// run sends one request after the other. When all of them come through and the
// cap allows, it sends as many once more, several at once. A server that is too
// slow to be sent the number within the window one by one gets only those.
func (t *trial) run(ctx context.Context, to asker, r httpclient.Request) {
	ctx, cancel := context.WithTimeout(ctx, burstTime)
	defer cancel()
	tooSlow := t.size.conclude && time.Duration(t.size.requests)*t.baseline > t.agreed.Window/2
	if !tooSlow {
		t.burst(ctx, to, r, 1)
	}
	if t.clean() && t.size.conclude && t.sent+t.size.requests <= burstMax {
		t.burst(ctx, to, r, parallel)
	}
	if errors.Is(t.err, context.DeadlineExceeded) {
		t.err = checks.Because(checks.ReasonBudget, "the burst took longer than %s", burstTime)
	}
}

// clean reports that nothing kept requests from being accepted so far.
func (t *trial) clean() bool {
	return t.rejected == nil && !t.calmDown && t.err == nil && !t.shape.shaped
}

func (t *trial) burst(ctx context.Context, to asker, r httpclient.Request, connections int) {
	t.samples = nil
	err := to.Burst(ctx, r, t.size.requests, connections, t.note)
	if !t.shape.shaped {
		if s := shapeOf(t.samples, t.baseline); s.known {
			t.shape = s
		}
	}
	if err == nil {
		return
	}
	if _, reason := checks.Classify(err); reason == checks.ReasonThrottled || strings.Contains(err.Error(), "ENHANCE_YOUR_CALM") {
		t.calmDown = true
		return
	}
	if t.err == nil {
		t.err = err
	}
}

// shapedEnough is how many answers that were held back settle that they were.
const shapedEnough = 10

// note files one answer, and ends the burst with the first rejection, and with
// any answer that the application did not give.
func (t *trial) note(e *httpclient.Exchange) bool {
	if t.start.IsZero() {
		t.start = e.Sent
	}
	t.sent++
	answer := read(e)
	switch {
	case t.isRejection(answer):
		t.rejected = e
		return false
	case !answer.served():
		t.err = checks.Because(checks.ReasonAmbiguous, "HTTP %d in the middle of a burst may be a limit, or a server in trouble", e.Status)
		return false
	case answer.cached:
		t.err = checks.Because(checks.ReasonNotTested, "a cache answers in place of the server")
		return false
	}
	arrived := e.Sent.Add(e.Wait).Sub(t.start)
	t.accepted++
	t.last = max(t.last, arrived)
	t.samples = append(t.samples, sample{e.Sent.Sub(t.start), arrived})
	if now, ok := answer.quota(t.quota); ok && now.counted && now.remaining == 0 {
		t.zeros++
	}
	if len(t.samples) >= shapedEnough {
		t.shape = shapeOf(t.samples, t.baseline)
	}
	return !t.shape.shaped
}

// Statuses that stand for too many requests besides 429: 420 of an older
// custom, 509 of some hosting platforms. A web application firewall answers 403
// from the same counter.
const (
	statusEnhanceYourCalm   = 420
	statusBandwidthExceeded = 509
)

// isRejection reports an answer that refuses a request which was accepted
// before, for there were too many. Where 503 was seen without a burst, none is
// sent: it would have another cause.
func (t *trial) isRejection(r reading) bool {
	switch r.status {
	case http.StatusTooManyRequests, statusEnhanceYourCalm, statusBandwidthExceeded, http.StatusServiceUnavailable:
		return true
	case http.StatusForbidden:
		return t.accepted > 0
	}
	return false
}

// answer is yes, no, or neither.
type answer int

const (
	neither answer = iota
	yes
	no
)

// exceeds reports whether so many accepted requests within so much time break
// the agreed rate.
//
// No more than 1.2 times the agreed number never does. More does when it came
// within a tenth of the window, or is more than any limiter that keeps to the
// agreed rate lets through: one that counts in fixed windows may begin a new
// one at any moment, and one that fills up evenly gains with time. Between the
// two nothing is certain.
func exceeds(agreed inventory.Rate, accepted int, within time.Duration) answer {
	windows := 1 + math.Ceil(float64(within)/float64(agreed.Window))
	switch {
	case float64(accepted) < tolerance*float64(agreed.Count):
		return no
	case within <= agreed.Window/10, float64(accepted) > windows*float64(agreed.Count):
		return yes
	default:
		return neither
	}
}

// ignoresItsCounter reports that requests came through after the server said
// that nothing remains, and before it would have been filled up.
func (t *trial) ignoresItsCounter() bool {
	return t.zeros > 2 && keptFor(t.quota, t.last)
}
