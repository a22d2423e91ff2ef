package checks

import "github.com/m2mscan/m2mscan/pkg/inventory"

// Outcome is how a probe's visit ended. There is no zero outcome.
type Outcome string

// The outcomes.
const (
	Observed     Outcome = "observed"     // the peer answered; single facts may still be unknown
	Unreachable  Outcome = "unreachable"  // no connection: dns, refused, route, timeout
	Inconclusive Outcome = "inconclusive" // connected, but nothing could be learned
)

// Reason says why something could not be learned. The set is closed.
type Reason string

// Reasons for an unreachable peer.
const (
	ReasonDNS     Reason = "dns"     // the name does not resolve
	ReasonRefused Reason = "refused" // the port is closed
	ReasonRoute   Reason = "route"   // no route to the host or network
	ReasonTimeout Reason = "timeout" // no connection within the deadline
)

// Reasons after a connection was made.
const (
	ReasonReset     Reason = "reset"      // the peer reset or closed where an answer was due
	ReasonStalled   Reason = "stalled"    // the peer kept the connection open and said nothing
	ReasonGarbage   Reason = "garbage"    // the answer is not of the protocol
	ReasonTooLarge  Reason = "too_large"  // the answer is larger than its cap
	ReasonAmbiguous Reason = "ambiguous"  // a valid answer that does not settle the question
	ReasonThrottled Reason = "throttled"  // 429, 503 or a connection limit
	ReasonBudget    Reason = "budget"     // the scan's own limit was reached
	ReasonCancelled Reason = "cancelled"  // the scan was interrupted
	ReasonPlaintext Reason = "plaintext"  // the peer answered, but without TLS
	ReasonNotTested Reason = "not_tested" // the level, or another answer, ruled the test out
	ReasonNotAsked  Reason = "not_asked"  // it takes an option or a field that was not given, or there is nothing to ask about
	ReasonBug       Reason = "bug"        // a defect of this program
)

// Unknown is a fact that could not be learned. A fact may be named by its
// namespace alone ("tls"), which covers all facts in it.
type Unknown struct {
	Fact   string `json:"fact"`
	Reason Reason `json:"reason"`
	Detail string `json:"detail,omitempty"` // for people; no secrets, at most 160 bytes
}

// Evidence is an excerpt of what was seen, redacted and capped.
type Evidence struct {
	Kind string `json:"kind"` // such as "handshake", "alert", "http"
	Text string `json:"text"` // at most 160 bytes, printable
}

// Observation is what one probe learned on one link.
type Observation struct {
	Probe       string     `json:"probe"`
	Outcome     Outcome    `json:"outcome"`
	Reason      Reason     `json:"reason,omitempty"`
	Detail      string     `json:"detail,omitempty"`
	DurationMS  int64      `json:"duration_ms"`
	Connections int        `json:"connections"` // opened by this probe, not those it reused
	Requests    int        `json:"requests"`    // application requests sent by this probe
	Bytes       int64      `json:"bytes"`       // read and written by this probe
	Evidence    []Evidence `json:"evidence"`

	// Facts points to the probe's own fact struct. It is nil where nothing was
	// learned; an outcome other than Observed may still come with facts, such
	// as that the peer cannot be reached. Use FactsOf to read it with its type.
	Facts any `json:"-"`
	// Unknown lists every fact of the probe that Facts does not hold.
	Unknown []Unknown `json:"-"`
}

// FactsOf returns the facts of the observation that carries type F.
func FactsOf[F any](observations []Observation) (*F, bool) {
	for _, o := range observations {
		if f, ok := o.Facts.(*F); ok && f != nil {
			return f, true
		}
	}
	return nil, false
}

// Result is all that was learned about one link, in the order of the probes.
// Probes that do not apply to the link have no observation.
type Result struct {
	Link         *inventory.Link
	Observations []Observation
}
