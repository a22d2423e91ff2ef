package checks

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

func TestFetchToken(t *testing.T) {
	t.Setenv("TOKEN_TEST_SECRET", "client-secret-of-ours")
	for _, tt := range []struct {
		name     string
		level    Level
		scheme   string // of the token URL; empty means https
		stranger bool   // its certificate is one that nobody trusts
		status   int
		body     string
		want     string
		reason   Reason
		requests int64
	}{
		{"granted", Active, "", false, 200, `{"access_token":"issued-token-1","token_type":"Bearer"}`, "issued-token-1", "", 1},
		{"level observe sends no POST", Observe, "", false, 200, `{"access_token":"issued-token-1"}`, "", ReasonNotAsked, 0},
		{"refused", Active, "", false, 401, `{"error":"invalid_client"}`, "", ReasonNotTested, 1},
		{"no token in it", Active, "", false, 200, `{}`, "", ReasonNotTested, 1},
		{"no JSON", Active, "", false, 200, `<html>`, "", ReasonNotTested, 1},
		{"an unproven peer", Active, "", true, 200, `{"access_token":"x"}`, "", ReasonNotTested, 0},
		{"plain HTTP", Active, "http", false, 200, `{"access_token":"x"}`, "", ReasonNotTested, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var requests atomic.Int64
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				id, secret, _ := r.BasicAuth()
				body, _ := io.ReadAll(r.Body)
				if got := fmt.Sprintf("%s %s:%s %s", r.Method, id, secret, body); got != "POST us:client-secret-of-ours grant_type=client_credentials&scope=a+b" {
					t.Errorf("asked with %q", got)
				}
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			}))
			defer server.Close()
			link := testLink(t, "x", serve(t, stall).url("https"))
			link.Auth = inventory.Auth{
				Type: inventory.AuthOAuth2, ClientID: inventory.NewSecret("us", ""), ClientSecret: inventory.NewSecret("${TOKEN_TEST_SECRET}", ""),
				TokenURL: server.URL + "/token", Scopes: []string{"a", "b"},
			}
			if tt.scheme != "" {
				link.Auth.TokenURL = strings.Replace(link.Auth.TokenURL, "https", tt.scheme, 1)
			}
			roots := x509.NewCertPool()
			if !tt.stranger {
				roots.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
			}
			o := visitOne(t, Runner{Level: tt.level, Roots: roots, UserAgent: "m2mscan/test"}, link, func(ctx context.Context, v *Visit) (*testFacts, error) {
				token, err := v.FetchToken(ctx)
				if _, reason := Classify(err); token != tt.want || reason != tt.reason {
					t.Errorf("%q, %v; want %q, %q", token, err, tt.want, tt.reason)
				}
				v.Evidence("test", "issued-token-1 and client-secret-of-ours")
				if err != nil && strings.Contains(err.Error(), "secret-of-ours") {
					t.Error(err)
				}
				return &testFacts{}, nil
			})
			if requests.Load() != tt.requests {
				t.Errorf("%d requests, want %d", requests.Load(), tt.requests)
			}
			text := o.Evidence[0].Text
			if strings.Contains(text, "client-secret") || tt.reason == "" && strings.Contains(text, tt.want) {
				t.Errorf("evidence %q", text)
			}
		})
	}
}
