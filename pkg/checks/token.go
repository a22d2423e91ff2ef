package checks

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// tokenMax is how many bytes of a token endpoint's answer are read.
const tokenMax = 64 << 10

// FetchToken gets an access token with the link's OAuth 2.0 client credentials
// (RFC 6749 section 4.4) from the declared token URL, and from nowhere else. It
// takes a POST, and so level active. The endpoint must be https and its
// certificate must lead to one of [Visit.Anchors]. The token is concealed.
func (v *Visit) FetchToken(ctx context.Context) (string, error) {
	auth := v.Link().Auth
	if !v.Level().Allows(Active) {
		return "", Because(ReasonNotAsked, "a token is fetched with --level active")
	}
	u, err := url.Parse(auth.TokenURL)
	if err != nil || !strings.EqualFold(u.Scheme, "https") || u.Host == "" || u.User != nil {
		return "", Because(ReasonNotTested, "the token URL is not one that secrets are sent to")
	}
	id, err := auth.ClientID.Resolve()
	if err != nil {
		return "", Because(ReasonNotTested, "auth.client_id: %w", err)
	}
	secret, err := auth.ClientSecret.Resolve()
	if err != nil {
		return "", Because(ReasonNotTested, "auth.client_secret: %w", err)
	}
	if err := v.Request(ctx); err != nil {
		return "", err
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	if len(auth.Scopes) > 0 {
		form.Set("scope", strings.Join(auth.Scopes, " "))
	}
	ctx, cancel := context.WithTimeout(ctx, v.StepTimeout())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return "", Because(ReasonNotTested, "the token URL cannot be used")
	}
	request.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret)) // RFC 6749 section 2.3.1
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", v.UserAgent())
	return v.readToken(request)
}

func (v *Visit) readToken(request *http.Request) (string, error) {
	anchors, _, err := v.Anchors()
	if err != nil {
		return "", err
	}
	transport := &http.Transport{
		DialContext: v.dialDeclared, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10,
		TLSClientConfig:    &tls.Config{RootCAs: anchors, MinVersion: tls.VersionTLS12, Time: v.Now},
		DisableCompression: true,
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return "", Because(ReasonNotTested, "the token endpoint: %w", v.session.interrupted(err))
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return "", Because(ReasonNotTested, "the token endpoint answers HTTP %d", response.StatusCode)
	}
	var granted struct {
		Token string `json:"access_token"`
		Type  string `json:"token_type"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, tokenMax)).Decode(&granted); err != nil || granted.Token == "" {
		return "", Because(ReasonNotTested, "the token endpoint's answer holds no access token")
	}
	v.Conceal(granted.Token)
	return granted.Token, nil
}
