package risk

import (
	"slices"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// ClaimState is what evidence says of a claim. There is no zero state.
type ClaimState string

// States of a claim.
const (
	ClaimConfirmed    ClaimState = "confirmed"    // observed to be so
	ClaimContradicted ClaimState = "contradicted" // observed to be otherwise: a finding of its own
	ClaimUnverified   ClaimState = "unverified"   // nothing observed says either
	ClaimStale        ClaimState = "stale"        // the evidence has expired
)

// ClaimStates lists every state, the worst first.
var ClaimStates = []ClaimState{ClaimContradicted, ClaimStale, ClaimUnverified, ClaimConfirmed}

// Claim is something that was agreed or attested, beside what was observed.
type Claim struct {
	Target string     `json:"target"` // "vendor/link", or the vendor's id for an attestation
	Vendor string     `json:"vendor"`
	Name   ClaimName  `json:"name"`
	Title  string     `json:"title"` // the name in words
	State  ClaimState `json:"state"`
	// Declared and Observed say in words what stands on either side.
	Declared string   `json:"declared"`
	Observed string   `json:"observed"`
	Rules    []string `json:"rules"` // that hold the claim against facts; none for what no probe can see
	// Of attestations alone: what the claim rests on, where the evidence is
	// (never fetched), the days it is from and good to, as 2006-01-02.
	Basis     string `json:"basis,omitempty"`
	Evidence  string `json:"evidence,omitempty"`
	Collected string `json:"collected,omitempty"`
	Expires   string `json:"expires,omitempty"`
	// Confidence is how much an attestation is worth by itself, from 0 to 1;
	// 0 for a claim about a link, which is observed or not.
	Confidence float64            `json:"confidence"`
	Location   inventory.Position `json:"location"`
}

// ClaimName names what is claimed. Rules that hold the claim against facts
// name it too; there is no zero name.
type ClaimName string

// Claims that the inventory makes of a link.
const (
	ClaimEncryption     ClaimName = "encryption"
	ClaimTLSFloor       ClaimName = "tls_floor"
	ClaimMTLS           ClaimName = "mtls"
	ClaimAuthentication ClaimName = "authentication"
	ClaimRateLimit      ClaimName = "rate_limit"
	ClaimSignature      ClaimName = "signature"
	ClaimPermissions    ClaimName = "permissions"
	ClaimDataProtection ClaimName = "data_protection" // what the class of the data calls for
)

// Controls that a vendor attests, and that no probe can see.
const (
	ClaimEncryptionAtRest = ClaimName(inventory.ControlEncryptionAtRest)
	ClaimLogMonitoring    = ClaimName(inventory.ControlLogMonitoring)
	ClaimIncidentResponse = ClaimName(inventory.ControlIncidentResponse)
	ClaimLeastPrivilege   = ClaimName(inventory.ControlLeastPrivilege)
	ClaimBreachNotice     = ClaimName(inventory.ControlBreachNotice)
)

// linkClaims are the claims of a link, in the order of reports.
var linkClaims = []ClaimName{
	ClaimEncryption, ClaimTLSFloor, ClaimMTLS, ClaimAuthentication,
	ClaimRateLimit, ClaimSignature, ClaimPermissions, ClaimDataProtection,
}

// Controls are the attested controls, in the order of reports.
var Controls = []ClaimName{
	ClaimEncryptionAtRest, ClaimLogMonitoring, ClaimIncidentResponse, ClaimLeastPrivilege, ClaimBreachNotice,
}

// ClaimNames lists every name, links' first.
func ClaimNames() []ClaimName { return slices.Concat(linkClaims, Controls) }

// title is a claim's name in words.
func (n ClaimName) title() string {
	switch n {
	case ClaimEncryption:
		return "encryption in transit"
	case ClaimTLSFloor:
		return "TLS floor"
	case ClaimMTLS:
		return "client certificate"
	case ClaimRateLimit:
		return "rate limit"
	case ClaimDataProtection:
		return "protection of sensitive data"
	case ClaimEncryptionAtRest:
		return "encryption at rest"
	case ClaimLogMonitoring:
		return "log monitoring"
	case ClaimIncidentResponse:
		return "incident response"
	case ClaimLeastPrivilege:
		return "least privilege"
	case ClaimBreachNotice:
		return "notice of breaches"
	default:
		return string(n)
	}
}
