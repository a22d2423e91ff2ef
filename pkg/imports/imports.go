package imports

import (
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Format is a kind of file that can be imported.
type Format struct {
	Name   string
	Doc    string                                 // one line for the help
	Detect func(text []byte) bool                 // says whether a text is of this format; cheap, and false when in doubt
	Read   func(source Source) (*Fragment, error) // an error is an inventory.Problem where it has a place
}

// Formats lists every format, in the order in which they are tried.
func Formats() []Format {
	return []Format{
		{"openapi", "OpenAPI 3.x description of an HTTP API, YAML or JSON", detectOpenAPI, readOpenAPI},
		{"asyncapi", "AsyncAPI 2.x or 3.x description of brokers and channels, YAML or JSON", detectAsyncAPI, readAsyncAPI},
		{"cyclonedx", "CycloneDX 1.4 to 1.7 bill of materials with services, JSON", detectCycloneDX, readCycloneDX},
		{"postman", "Postman collection 2.0 or 2.1", detectPostman, readPostman},
		{"har", "HTTP archive (HAR 1.2) saved by a browser or a proxy", detectHAR, readHAR},
	}
}

// LookupFormat finds a format by its name.
func LookupFormat(name string) (Format, bool) {
	for _, f := range Formats() {
		if f.Name == name {
			return f, true
		}
	}
	return Format{}, false
}

// Source is a file to import.
type Source struct {
	Path string // as notes and errors call it
	Text []byte
}

// Fragment is what one file, or several, say of third parties. Every text in
// it is foreign: Render makes it safe for a comment, and leaves out, with a
// note, each link that an inventory would refuse.
type Fragment struct {
	Format  string // the Format's name
	Path    string // of the file; Read need not set it
	Title   string // of the document; may be empty
	Version string // of the document; may be empty
	Vendors []Vendor
	Notes   []Note // what was not taken over, and why
}

// Vendor is a third party that a file names. Two vendors with one ID become
// one.
type Vendor struct {
	ID          string
	Name        string                // left out when it equals ID or is empty
	Criticality inventory.Criticality // only where the file states it
	Contacts    []string
	Links       []Link
	Notes       []string // become comments above the vendor
}

// Link is one connection that a file describes. What the file does not say
// stays zero. Secrets are references only, such as "${ACME_TOKEN}".
type Link struct {
	Kind        inventory.Kind
	ID          string // made unique within its vendor by Render
	URL         string
	Direction   inventory.Direction
	Data        Data
	Auth        Auth
	Permissions []string
	TLS         TLS
	Signature   Signature
	RateLimit   string // such as "100/1m"
	Labels      map[string]string
	Notes       []string // become comments above the link
}

// Data says what crosses a link.
type Data struct {
	Classification inventory.Classification
	Formats        []string // such as json
	Payloads       []string
}

// Auth says how the caller proves who it is. Token, Username, Password,
// ClientID, ClientSecret and Key hold references that secretRef makes, never
// what the file holds.
type Auth struct {
	Type         inventory.AuthType
	Token        string
	Username     string
	Password     string
	ClientID     string
	ClientSecret string
	Key          string
	Header       string
	Query        string
	TokenURL     string
	Scopes       []string
	Mechanism    string
}

// TLS says what a file states about the transport.
type TLS struct {
	MinVersion string // "1.0" to "1.3"
	MTLS       inventory.MTLS
}

// Signature says how webhook calls are signed. Header goes with scheme hmac.
type Signature struct {
	Scheme inventory.SignatureScheme
	Secret string // a reference
	Header string
}

// Note is something that was not taken over, or that people should look at.
type Note struct {
	Where string // a JSON pointer, such as "/servers/0/url", "line 12", or empty
	Text  string // lower case, without a full stop
}
