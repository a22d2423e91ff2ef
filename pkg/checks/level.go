package checks

import "fmt"

// Level is how intrusive a scan may be. Each level includes those before it.
type Level string

// The levels, in rising order.
const (
	// Observe allows TLS handshakes, GET, HEAD and OPTIONS to the declared
	// URL, protocol greetings and an anonymous login attempt.
	Observe Level = "observe"
	// Active adds capped bursts, odd methods and tampered tokens.
	Active Level = "active"
	// Consented adds what a link's owner has consented to in the inventory.
	Consented Level = "consented"
)

// Levels lists every level in rising order.
//
//nolint:gochecknoglobals // a table
var Levels = []Level{Observe, Active, Consented}

// ParseLevel reads a level's name.
func ParseLevel(s string) (Level, error) {
	for _, l := range Levels {
		if string(l) == s {
			return l, nil
		}
	}
	return "", fmt.Errorf("unknown level %q: want observe, active or consented", s)
}

// Allows reports whether a scan at level l may do what needs level need.
func (l Level) Allows(need Level) bool { return l.rank() >= need.rank() }

// rank is 0 for anything that is not a level, so an unset level allows nothing.
func (l Level) rank() int {
	for i, known := range Levels {
		if l == known {
			return i + 1
		}
	}
	return 0
}
