package peers_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/m2mscan/m2mscan/internal/peers"
)

// The servers behind a front answer, and see requests the way they were sent:
// a path that is no valid percent-encoding, a body, two on one connection.
func TestHTTPServersAnswer(t *testing.T) {
	t.Parallel()
	cert, key := mint(t)
	identity, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}

	express := peers.Node(t, "express.mjs", `{"env":"development"}`, `{"limit":{"limit":1,"standardHeaders":"draft-8"}}`)
	receiver := peers.Node(t, "receivers.mjs", `{"scheme":"stripe","secret":"whsec_1","check":"all"}`, `{"scheme":"github","check":"nothing"}`)
	oidc := peers.Node(t, "oidc.mjs", `{}`, `{"strong":true}`)
	graphql := peers.Node(t, "graphql.mjs", `{}`, `{"auth":"status"}`)
	flask := peers.Flask(t, "production", "debug")
	php := peers.PHP(t, "0", "1")

	const malformed, post = "GET /%E0%A4%A HTTP/1.1\r\nHost: peer.test\r\n\r\n", "POST /events HTTP/1.1\r\nHost: peer.test\r\nContent-Length: 2\r\n\r\n{}"
	get := func(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: peer.test\r\n\r\n" }
	for _, test := range []struct {
		name, addr, request string
		status              int
		says                string
	}{
		{"express, malformed", express[0], malformed, 400, "URIError"},
		{"express, limited", express[1], get("/orders"), 200, "total"},
		{"receiver that checks", receiver[0], post, 400, "not taken"},
		{"receiver that does not", receiver[1], post, 204, ""},
		{"oidc", oidc[0], get("/.well-known/openid-configuration"), 200, `"issuer":"https://peer.test"`},
		{"oidc, strong", oidc[1], get("/.well-known/openid-configuration"), 200, `"tls_client_auth"`},
		{"graphql", graphql[0], get("/graphql?query={__typename}"), 200, `"Query"`},
		{"graphql, guarded", graphql[1], get("/graphql?query={__typename}"), 401, ""},
		{"flask", flask[0], get("/totals"), 500, "Internal Server Error"},
		{"flask, debug", flask[1], get("/totals"), 500, "Werkzeug Debugger"},
		{"php", php[0], get("/totals"), 500, ""},
		{"php, shown", php[1], get("/totals"), 200, "SQLSTATE[HY000]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			front := peers.NewFront(t, &tls.Config{Certificates: []tls.Certificate{identity}}, test.addr)
			conn, err := tls.Dial("tcp", front.Addr, &tls.Config{InsecureSkipVerify: true})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			status, body := exchange(t, conn, test.request)
			if status != test.status || !strings.Contains(body, test.says) {
				t.Errorf("status %d, body %.300q; want %d and %q", status, body, test.status, test.says)
			}
			want := []string{strings.TrimSuffix(strings.SplitN(test.request, "\r\n", 2)[0], " HTTP/1.1")}
			if got := front.Requests(); !slices.Equal(got, want) {
				t.Errorf("the front noted %q, want %q", got, want)
			}
		})
	}
}

func exchange(t *testing.T, conn io.ReadWriter, request string) (status int, body string) {
	t.Helper()
	fmt.Fprint(conn, request)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// A front keeps apart the requests of one connection, and passes on their
// bodies.
func TestFrontNotesEveryRequest(t *testing.T) {
	t.Parallel()
	cert, key := mint(t)
	identity, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	server := peers.Node(t, "receivers.mjs", `{"scheme":"github","check":"nothing"}`)
	front := peers.NewFront(t, &tls.Config{Certificates: []tls.Certificate{identity}}, server[0])
	conn, err := tls.Dial("tcp", front.Addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, step := range []struct {
		request string
		status  int
	}{
		{"POST /a HTTP/1.1\r\nHost: peer.test\r\ncontent-length: 14\r\n\r\nGET /b HTTP/1.", 204},
		{"OPTIONS /c?d=e f HTTP/1.1\r\nHost: peer.test\r\n\r\n", 400},
	} {
		if status, _ := exchange(t, conn, step.request); status != step.status {
			t.Errorf("%q: status %d, want %d", step.request, status, step.status)
		}
	}
	if got, want := front.Requests(), []string{"POST /a", "OPTIONS /c?d=e f"}; !slices.Equal(got, want) {
		t.Errorf("the front noted %q, want %q", got, want)
	}
}
