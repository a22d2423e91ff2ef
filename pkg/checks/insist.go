package checks

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/time/rate"
)

const (
	// patienceMin is how long an answer may take at the least before the
	// question is put again. The last time it is given a whole step.
	patienceMin = time.Second
	// patienceTrips is the same in round trips.
	patienceTrips = 20
	// blindTries is how often a question is put while there is no other that
	// had an answer.
	blindTries = 3
	// deafMax is how often in a row an address may leave the control without
	// an answer, all questions together, before it counts as gone.
	deafMax = 6
	// triesMax is how often a question is put at all.
	triesMax = 8
)

// Exchange puts one question to the peer, on a connection of its own, and
// waits for the answer no longer than patience. It returns nil when there was
// an answer, whatever it says.
type Exchange func(ctx context.Context, patience time.Duration) error

// Insist puts a question until it has an answer, or until it is plain that it
// gets none. A reset, a close and silence may be a connection limit's doing:
// each slows down what is sent to the host, and after the second time a
// control question, which had an answer before (nil if there is none yet),
// shows whether the peer still answers at all. The error of a question that
// stays open is that of the last try, so [Classify] gives it a reason; errors
// that are themselves an answer, such as garbage, are returned at once.
//
// Once a peer answers nothing any more, further questions to that address fail
// at once.
func (v *Visit) Insist(ctx context.Context, address netip.Addr, ask, control Exchange) error {
	s := v.session
	patience := min(max(patienceMin, patienceTrips*v.ConnectTime()), s.scan.limits.StepTimeout)
	for try := 1; ; try++ {
		if err := s.unanswering(address); err != nil {
			return err
		}
		err := v.once(ctx, address, ask, patience, careful)
		if !s.lostTouch(err) {
			return err
		}
		if try >= triesMax || control == nil && try == blindTries {
			return fmt.Errorf("no answer, %d times: %w", try, err)
		}
		if control == nil || try == 1 {
			continue
		}
		controlErr := v.once(ctx, address, control, patience, slowest)
		if controlErr == nil {
			try++
			patience = min(2*patience, s.scan.limits.StepTimeout)
			if err, controlErr = v.inQuiet(ctx, address, ask, control, patience); err == nil || !s.lostTouch(err) {
				return err
			}
			if controlErr == nil {
				return fmt.Errorf("no answer, %d times, though another question was answered meanwhile: %w", try, err)
			}
		}
		if !s.lostTouch(controlErr) {
			return controlErr
		}
		s.deafTo(address, controlErr)
	}
}

// inQuiet puts a question and then the control at a moment at which no limit
// stands in the way. When only the control is answered, it is the question
// that gets no answer.
func (v *Visit) inQuiet(ctx context.Context, address netip.Addr, ask, control Exchange, patience time.Duration) (err, controlErr error) {
	s := v.session
	resume := s.watch.hold()
	done, err := s.gate.hush(ctx)
	resume()
	if err != nil {
		err = s.interrupted(err)
		return err, err
	}
	defer done()
	ctx = context.WithValue(ctx, aloneKey{}, true)
	if err = v.once(ctx, address, ask, patience, noTrouble); s.lostTouch(err) {
		controlErr = v.once(ctx, address, control, patience, slowest)
	}
	return err, controlErr
}

// noTrouble is the floor for a question that goes without an answer while
// another is answered: it says nothing of a limit.
const noTrouble = rate.Inf

// once puts a question and tells the host's gate how it went.
func (v *Visit) once(ctx context.Context, address netip.Addr, ask Exchange, patience time.Duration, floor rate.Limit) error {
	s := v.session
	begun := time.Now()
	err := ask(ctx, patience)
	switch {
	case s.ended() != nil:
		return s.interrupted(err)
	case s.lostTouch(err) && floor == noTrouble:
	case s.lostTouch(err):
		s.gate.trouble(begun, floor)
	default:
		s.gate.worked()
		s.hearing(address, func(h *hearing) { h.deaf = 0 })
	}
	return err
}

// hearing is how an address has taken questions so far.
type hearing struct {
	deaf int   // controls in a row that had no answer
	gone error // why it is not asked any more; nil while it is
}

func (s *session) hearing(address netip.Addr, change func(*hearing)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heard == nil {
		s.heard = make(map[netip.Addr]*hearing)
	}
	h := s.heard[address]
	if h == nil {
		h = new(hearing)
		s.heard[address] = h
	}
	change(h)
}

// deafTo notes that the control had no answer.
func (s *session) deafTo(address netip.Addr, err error) {
	s.hearing(address, func(h *hearing) {
		if h.deaf++; h.deaf == deafMax {
			h.gone = fmt.Errorf("no answer any more, not even to what was answered before: %w", err)
		}
	})
}

// unanswering says why a question would be in vain, or nil.
func (s *session) unanswering(address netip.Addr) (err error) {
	if err := s.ended(); err != nil {
		return err
	}
	s.hearing(address, func(h *hearing) { err = h.gone })
	return err
}
