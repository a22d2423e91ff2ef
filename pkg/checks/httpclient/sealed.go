package httpclient

import (
	"maps"
	"net/http"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Sealed is a credential that consists of header fields, such as those of a
// signature, and goes with the link's own, which may be nil. With it the
// declared URL goes out whole, with the query parameters that hold a secret.
// As all secrets it is sent only to a peer that [checks.Visit.Verify] agrees to.
func Sealed(name string, l *inventory.Link, own *Credential, header http.Header) *Credential {
	return &Credential{name: name, secret: true, carry: func(r *http.Request, _ string) error {
		whole, err := l.RequestURL()
		if err != nil {
			return checks.Because(checks.ReasonNotTested, "the declared URL: %w", err)
		}
		r.URL.RawQuery = whole.RawQuery
		maps.Copy(r.Header, header)
		if own == nil {
			return nil
		}
		return own.carry(r, own.token)
	}}
}
