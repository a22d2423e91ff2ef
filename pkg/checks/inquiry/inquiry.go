// Package inquiry asks a TLS server one question at a time, each a hello on a
// connection of its own, and tells an answer from the lack of one.
//
// Only a TLS alert or a hello of the server's is an answer. What stays without
// one, however often it is asked, is an error that [checks.Classify] gives a
// reason.
package inquiry

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// Inquirer asks one address of a link's target. It is safe for concurrent use.
type Inquirer struct {
	visit   *checks.Visit
	address netip.Addr

	mu     sync.Mutex
	worked *hello.Offer // an offer that was answered with a hello
}

// Reply is the answer to one offer, or the error that says why there is none.
type Reply struct {
	Answer *hello.Answer
	Err    error
}

// New prepares to ask one address of the visit's target.
func New(v *checks.Visit, address netip.Addr) *Inquirer {
	return &Inquirer{visit: v, address: address}
}

// Ask sends an offer and returns the server's answer: a hello, or an alert
// (Answer.Alert). It insists when there is none: see [checks.Visit.Insist]. An
// error means that the question stays open.
//
// An answer that breaks off or turns to garbage behind its ServerHello is
// returned as far as it came, with Done false.
func (q *Inquirer) Ask(ctx context.Context, offer hello.Offer) (*hello.Answer, error) {
	records, err := offer.Marshal()
	if err != nil {
		return nil, checks.Because(checks.ReasonBug, "laying out a hello: %w", err)
	}
	var answer *hello.Answer
	err = q.visit.Insist(ctx, q.address, func(ctx context.Context, patience time.Duration) error {
		var err error
		answer, err = q.exchange(ctx, offer, records, patience)
		return err
	}, q.control())
	if err != nil {
		return nil, err
	}
	if answer.Version != 0 {
		q.remember(offer)
	}
	return answer, nil
}

// AskAll asks independent questions, as many at once as the host's budget
// allows. The replies are in the order of the offers.
func (q *Inquirer) AskAll(ctx context.Context, offers ...hello.Offer) []Reply {
	replies := make([]Reply, len(offers))
	panics := make([]any, len(offers))
	var asking sync.WaitGroup
	for i, offer := range offers {
		asking.Go(func() {
			defer func() { panics[i] = recover() }()
			replies[i].Answer, replies[i].Err = q.Ask(ctx, offer)
		})
	}
	asking.Wait()
	for _, value := range panics {
		if value != nil {
			panic(value) // on the probe's goroutine, where the Runner sees it
		}
	}
	return replies
}

// exchange sends a hello on a new connection and reads the answer.
func (q *Inquirer) exchange(ctx context.Context, offer hello.Offer, records []byte, patience time.Duration) (*hello.Answer, error) {
	c, err := q.visit.DialHello(ctx, q.address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if _, err := c.Write(records); err != nil {
		return nil, err
	}
	answer, err := hello.Read(c, offer)
	switch {
	case answer != nil && (answer.Version != 0 || answer.Alert != nil):
		return answer, nil
	case err == nil: // warnings alone, and then nothing, come with an error
		return nil, checks.Because(checks.ReasonBug, "neither an answer nor an error")
	}
	if syntax, ok := errors.AsType[*hello.SyntaxError](err); ok {
		return nil, checks.Because(checks.ReasonGarbage, "%w", syntax)
	}
	return nil, err
}

// control is the exchange of an offer that was answered before, or else of one
// that nearly every server answers.
func (q *Inquirer) control() checks.Exchange {
	return func(ctx context.Context, patience time.Duration) error {
		known := q.known()
		records, err := known.Marshal()
		if err != nil {
			return checks.Because(checks.ReasonBug, "laying out a hello: %w", err)
		}
		_, err = q.exchange(ctx, known, records, patience)
		return err
	}
}

func (q *Inquirer) remember(offer hello.Offer) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.worked == nil {
		q.worked = &offer
	}
}

// known is an offer that was answered with a hello; before there was one, the
// kind that clients of today send, which is at least answered with an alert.
func (q *Inquirer) known() hello.Offer {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.worked != nil {
		return *q.worked
	}
	return hello.Offer{
		Versions: []hello.Version{hello.TLS13, hello.TLS12},
		Suites: []hello.Suite{
			0x1301, 0x1302, 0x1303, // TLS 1.3
			0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, // ECDHE with AEAD
			0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
		},
		Groups:     []hello.Group{0x001d, 0x0017, 0x0018}, // X25519, P-256, P-384
		ServerName: q.visit.Target().ServerName,
	}
}
