package checks

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestInsist runs on a scripted peer: each letter is the fate of one exchange
// in order, whoever asks. a is an answer, r a reset, g garbage.
func TestInsist(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		ask        string
		control    string // "-" stands for no control
		wantReason Reason
		asked      int
		controlled int
	}{
		{"answered at once", "a", "", "", 1, 0},
		{"a passing fault", "ra", "", "", 2, 0},
		{"a limit that lasts a while", "rrrra", "rrr", "", 5, 3},
		{"never this question", "rrrrr", "aa", ReasonReset, 3, 2},
		{"never this question, and a fault", "rrrrr", "araa", ReasonReset, 5, 4},
		{"a limit until all is quiet", "rra", "a", "", 3, 1},
		{"a peer that has gone", "rrrrrrrr", "rrrrrrrr", ReasonReset, 7, 6},
		{"garbage is not asked for twice", "g", "", ReasonGarbage, 1, 0},
		{"garbage in place of the control", "rr", "g", ReasonGarbage, 2, 1},
		{"no control", "rrr", "-", ReasonReset, 3, 0},
		{"no control, a passing fault", "rra", "-", "", 3, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := scriptedVisit(t)
				ask, asked := script(tt.ask)
				control, controlled := script(tt.control)
				if tt.control == "-" {
					control = nil
				}
				err := v.Insist(t.Context(), netip.Addr{}, ask, control)
				_, reason := Classify(err)
				if reason != tt.wantReason || *asked != tt.asked || *controlled != tt.controlled {
					t.Errorf("%v (%q) after %d and %d exchanges; want %q after %d and %d",
						err, reason, *asked, *controlled, tt.wantReason, tt.asked, tt.controlled)
				}
			})
		})
	}
}

// TestInsistGivesUpOnAnAddress: what is gone is not asked again, but other
// addresses are.
func TestInsistGivesUpOnAnAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := scriptedVisit(t)
		dead, alive := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")
		ask, _ := script("rrrrrrrr")
		control, _ := script("rrrrrrrr")
		if err := v.Insist(t.Context(), dead, ask, control); err == nil {
			t.Fatal("a dead peer answered")
		}
		again, asked := script("a")
		if err := v.Insist(t.Context(), dead, again, control); err == nil || *asked != 0 {
			t.Errorf("asked %d times again: %v", *asked, err)
		}
		if err := v.Insist(t.Context(), alive, again, control); err != nil || *asked != 1 {
			t.Errorf("the other address was asked %d times: %v", *asked, err)
		}
	})
}

// TestInsistGrowsPatient: a slow peer has the time it needs in the end.
func TestInsistGrowsPatient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := scriptedVisit(t)
		control, _ := script("aaaa")
		var given []time.Duration
		_ = v.Insist(t.Context(), netip.Addr{}, func(_ context.Context, patience time.Duration) error {
			given = append(given, patience)
			return io.ErrUnexpectedEOF
		}, control)
		if diff := cmp.Diff(given, []time.Duration{time.Second, time.Second, 2 * time.Second}); diff != "" {
			t.Errorf("patience (-got +want):\n%s", diff)
		}
	})
}

func TestInsistEndsWithTheLink(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := scriptedVisit(t)
		v.session.cancel(errInterrupted)
		ask, asked := script("a")
		err := v.Insist(t.Context(), netip.Addr{}, ask, nil)
		if _, reason := Classify(err); reason != ReasonCancelled || *asked != 0 {
			t.Errorf("%v after %d exchanges, want cancelled before any", err, *asked)
		}
	})
}

func scriptedVisit(t *testing.T) *Visit {
	t.Helper()
	s := newScan(t.Context(), &Runner{Level: Observe}, 1)
	session := newSession(s, testLink(t, "x", "https://127.0.0.1:1"))
	t.Cleanup(session.close)
	return &Visit{session: session, probe: testProbe("test", nil)}
}

// script makes an exchange whose fates are spelled out, and counts them.
func script(fates string) (Exchange, *int) {
	n := new(int)
	return func(context.Context, time.Duration) error {
		*n++
		switch fates[*n-1] {
		case 'a':
			return nil
		case 'r':
			return io.EOF
		default:
			return Because(ReasonGarbage, "%w", errors.New("garbage"))
		}
	}, n
}
