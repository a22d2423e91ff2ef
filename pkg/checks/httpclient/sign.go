package httpclient

import (
	"io"
	"maps"
	"net/http"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks/signing"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// signer signs requests with the shared key of auth type hmac.
func signer(a inventory.Auth) (func(*http.Request, string) error, error) {
	key, err := a.Key.Resolve()
	if err != nil {
		return nil, err
	}
	client := ""
	if !a.ClientID.IsZero() {
		if client, err = a.ClientID.Resolve(); err != nil {
			return nil, err
		}
	}
	return func(r *http.Request, _ string) error {
		body, err := bodyOf(r)
		if err != nil {
			return err
		}
		header, err := signing.HMAC(a.Signing, []byte(key), signing.Message{
			Time: time.Now(), Method: r.Method, URI: r.URL.RequestURI(), Client: client, Body: body,
		})
		maps.Copy(r.Header, header)
		return err
	}, nil
}

// bodyOf reads a copy of a request's body; nil when it has none.
func bodyOf(r *http.Request) ([]byte, error) {
	if r.GetBody == nil {
		return nil, nil
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(body)
}
