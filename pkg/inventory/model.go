package inventory

import (
	"net/url"
	"time"
)

// Position is a place in an inventory file. Line and Column count from 1;
// Column counts characters, not bytes.
type Position struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// Inventory is one or more inventory files read as one.
type Inventory struct {
	Version int
	Systems []*System
	Vendors []*Vendor
	Files   []File
	Digest  string // SHA-256 of all files in order, in hex
}

// File is one file that was read.
type File struct {
	Path   string // as the user named it; "-" became the name given for stdin
	Digest string // SHA-256 of its bytes, in hex
}

// System is one of our own systems: who talks to the third party.
type System struct {
	ID     string
	Name   string
	Owner  string // a team or a person; empty when not stated
	Labels map[string]string
	Pos    Position
}

// Vendor is a third party.
type Vendor struct {
	ID           string
	Name         string // equals ID when not stated
	Criticality  Criticality
	Contacts     []string
	ReviewBy     Date // zero when not stated; the review is due on that day, inclusive, UTC
	Attestations []Attestation
	Labels       map[string]string
	Links        []*Link // endpoints, brokers, webhooks, in the order of the files
	Pos          Position
}

// Link is one connection between our systems and a vendor.
type Link struct {
	Vendor      *Vendor
	ID          string
	Kind        Kind
	URL         *url.URL // parsed; may hold ${NAME} references in path and query
	UsedBy      []*System
	Direction   Direction
	Data        Data
	Auth        Auth
	Permissions []string
	TLS         TLS
	RateLimit   Rate // zero when not agreed
	Signature   Signature
	Probe       ProbeConsent
	Labels      map[string]string
	Pos         Position // the line of the link's id
}

// FullID is the link's name across the whole inventory: "vendor/link".
func (l *Link) FullID() string { return l.Vendor.ID + "/" + l.ID }

// Data says what crosses the link.
type Data struct {
	Classification Classification
	Formats        []string
	Payloads       []string
}

// Auth says how the caller proves who it is.
type Auth struct {
	Type         AuthType
	Token        Secret // bearer token, or the value of an API key
	Username     Secret
	Password     Secret
	ClientID     Secret
	ClientSecret Secret
	Key          Secret  // shared key of type hmac
	Header       string  // header that carries an API key or HMAC
	Signing      Signing // how type hmac signs requests
	Query        string  // query parameter that carries an API key
	TokenURL     string  // OAuth 2.0 token endpoint (RFC 6749 section 3.2)
	Scopes       []string
	Mechanism    string // SASL mechanism, such as SCRAM-SHA-512
}

// TLS says what was agreed about the transport.
type TLS struct {
	MinVersion string // "1.0" to "1.3"; empty when not stated
	MTLS       MTLS
	CA         Secret // PEM bundle that this link's certificate must chain to
	ClientCert Secret // PEM
	ClientKey  Secret // PEM
	ServerName string // name sent as SNI and checked in the certificate
}

// Signature says how webhook calls are signed.
type Signature struct {
	Scheme  SignatureScheme
	Secret  Secret
	Signing // of scheme hmac; the others fix it
}

// Signing says how a generic HMAC signature is made.
type Signing struct {
	Header          string // that carries the signature
	Algorithm       string // hash: sha1, sha256, sha384 or sha512
	Encoding        string // hex or base64
	Template        string // the text that is signed, with {id}, {timestamp}, {method}, {path}, {client_id} and {body}
	Value           string // of Header, with {signature}, {timestamp} and {client_id}; the last with auth only, also above
	TimestampHeader string // that carries the timestamp; empty when none does
	TimestampFormat string // unix, unix_ms or rfc3339
	IDHeader        string // that carries the id of the message; empty when none does
}

// Attestation is something a vendor says of itself that no probe can see.
type Attestation struct {
	Control   Control
	Claim     bool
	Basis     Basis
	Evidence  string // a reference; never fetched
	Collected Date
	Expires   Date
	Pos       Position
}

// ProbeConsent lists what the owner of a link allows beyond the default.
type ProbeConsent struct {
	Consent   []Consent
	TestEvent Secret // body of the event that send_test_event sends; zero for a harmless one of our own
}

// Rate is an agreed rate limit: at most Count requests in each Window.
// The zero Rate means that none was agreed.
type Rate struct {
	Count  int
	Window time.Duration
}

// IsZero reports whether no rate was agreed.
func (r Rate) IsZero() bool { return r.Count == 0 }

// Date is a calendar day in UTC. The zero Date means that none was stated.
type Date struct{ time.Time }

// Before reports whether the whole day d has passed at the moment now.
func (d Date) Before(now time.Time) bool {
	return !d.IsZero() && !now.Before(d.AddDate(0, 0, 1))
}

// String formats d as 2006-01-02, or as an empty string when not stated.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return d.Format(time.DateOnly)
}

// Links returns all links of all vendors in the order of the files.
func (inv *Inventory) Links() []*Link {
	n := 0
	for _, v := range inv.Vendors {
		n += len(v.Links)
	}
	links := make([]*Link, 0, n)
	for _, v := range inv.Vendors {
		links = append(links, v.Links...)
	}
	return links
}
