package checks

import "github.com/m2mscan/m2mscan/pkg/inventory"

// TLSProfile is how much is asked of a TLS server.
type TLSProfile string

// The profiles.
const (
	// TLSRisk asks what the baseline rules need: about eight connections.
	TLSRisk TLSProfile = "risk"
	// TLSFull lists every suite and group of every version.
	TLSFull TLSProfile = "full"
)

// TLSProfiles lists the profiles, the default first.
//
//nolint:gochecknoglobals // a table
var TLSProfiles = []TLSProfile{TLSRisk, TLSFull}

// Scope is what a plan depends on, before a packet is sent.
type Scope struct {
	Link       *inventory.Link
	Level      Level
	TLSProfile TLSProfile
	Addresses  int // of the target that may be visited: Limits.Addresses, or 1 for an address literal
}
