package flaws

import (
	"bytes"
	"context"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// sealedLen is as long as a sealed record can be for any cipher to try it: a
// multiple of all block lengths, with room for a MAC.
const sealedLen = 64

// ccsInjection looks for CVE-2014-0224: a ChangeCipherSpec is taken before any
// keys were agreed, and puts keys in force that anybody can compute.
//
// It is sent twice when the server expects our key exchange. A sound server
// ends with an alert at the first. A vulnerable one says nothing, tries to
// decrypt the second, and complains that it cannot: bad_record_mac or
// decryption_failed. Nobody else's connection is involved, and ours ends here.
// What is found is tried once more.
func (s *server) ccsInjection(ctx context.Context, c *conversation) {
	vulnerable, err := s.takesEarlyCCS(ctx, c)
	if vulnerable && err == nil {
		again, errAgain := s.takesEarlyCCS(ctx, c)
		if err = errAgain; err == nil && !again {
			err = checks.Because(checks.ReasonAmbiguous, "an early ChangeCipherSpec was taken once, and then refused")
		}
	}
	s.set("ccs_injection", &s.facts.CCSInjection, vulnerable, err)
}

func (s *server) takesEarlyCCS(ctx context.Context, c *conversation) (bool, error) {
	if c.spent {
		var err error
		if c, err = s.greet(ctx, s.taken); err != nil {
			return false, err
		}
		if c.answer.Alert != nil {
			return false, checks.Because(checks.ReasonAmbiguous, "alert %s to a hello that was answered before", c.answer.Alert)
		}
	}
	r, err := c.say(bytes.Join([][]byte{
		c.record(recordChangeCipherSpec, 1),
		c.record(recordChangeCipherSpec, make([]byte, sealedLen)...),
	}, nil))
	if err != nil {
		return false, err
	}
	switch r.alert.Code {
	case hello.AlertBadRecordMAC, hello.AlertDecryptionFailed:
		s.visit.Evidence("alert", r.alert.String()+" to the second of two early ChangeCipherSpecs")
		return true, nil
	case hello.AlertUnexpectedMessage, hello.AlertHandshakeFailure, hello.AlertIllegalParameter, hello.AlertDecodeError:
		return false, nil
	}
	return false, checks.Because(checks.ReasonAmbiguous, "alert %s to an early ChangeCipherSpec", r.alert)
}
