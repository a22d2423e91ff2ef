package httpclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// Procedure is a procedure of gRPC that may be called, by its path. There are
// no others than these: a call is a POST, and only they are known to change
// nothing. What is sent to each is fixed as well.
type Procedure string

// The procedures.
const (
	// HealthCheck asks how the server as a whole is (gRPC health checking
	// protocol).
	HealthCheck Procedure = "/grpc.health.v1.Health/Check"
	// NoProcedure is one that nobody has.
	NoProcedure Procedure = "/m2mscan.v1.NoService/NoProcedure"
	// ReflectionV1 and ReflectionV1Alpha list the services (gRPC server
	// reflection protocol), at level active.
	ReflectionV1      Procedure = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
	ReflectionV1Alpha Procedure = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
)

const grpcMediaType = "application/grpc"

// question is what a procedure is asked, and from which level on. The message
// is in its frame: not compressed, and its length.
type question struct {
	level   checks.Level
	message string
}

// questions are all that calls may ask.
//
//nolint:gochecknoglobals // a table
var questions = map[Procedure]question{
	HealthCheck:       {checks.Observe, "\x00\x00\x00\x00\x00"},
	NoProcedure:       {checks.Observe, "\x00\x00\x00\x00\x00"},
	ReflectionV1:      {checks.Active, "\x00\x00\x00\x00\x02\x3a\x00"}, // list_services, of any host
	ReflectionV1Alpha: {checks.Active, "\x00\x00\x00\x00\x02\x3a\x00"},
}

// Call is one call of a procedure.
type Call struct {
	Procedure   Procedure
	Credential  *Credential // as metadata; nil means none
	Certificate bool        // the link's client certificate is presented when it is asked for
}

// Name says what is called, as the name of a [Request] does.
func (c Call) Name() string { return c.request().Name() }

func (c Call) request() Request {
	return Request{Method: http.MethodPost, URI: string(c.Procedure), Credential: c.Credential, Certificate: c.Certificate}
}

// CallNames are the names of calls, as a plan lists them.
func CallNames(calls ...Call) []string {
	names := make([]string, len(calls))
	for i, c := range calls {
		names[i] = c.Name()
	}
	return names
}

// Procedures is the part of a conversation that is held in gRPC: over HTTP/2,
// with TLS where the link's scheme has it and else in the clear from the first
// byte (RFC 9113 sections 3.2 and 3.3).
type Procedures struct {
	talk            *Conversation
	bare, certified *Client
	dials           atomic.Int32 // of the call under way
}

// dialsPerCall is how many connections one call may open. To a server that
// closes each before the call on it has begun, net/http opens one after another.
const dialsPerCall = 3

// Procedures begins it. The caller ends it with HangUp.
func (c *Conversation) Procedures() *Procedures { return &Procedures{talk: c} }

// HangUp closes its connections.
func (p *Procedures) HangUp() {
	p.bare.hangUp()
	p.certified.hangUp()
}

// Call calls a procedure. What was answered is not remembered. The status of
// gRPC is in the trailers of the answer, or in its header when there is nothing
// else; the error is one of the transport, or says why nothing was sent.
func (p *Procedures) Call(ctx context.Context, call Call) (*Response, error) {
	c := p.talk
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.trouble >= troubleMax {
		return nil, checks.Because(checks.ReasonNotTested, "%d requests in a row had no answer", troubleMax)
	}
	if err := c.wait(ctx); err != nil {
		return nil, err
	}
	client, err := p.client(call.Certificate)
	if err != nil {
		return nil, err
	}
	request, err := p.build(ctx, client, call)
	if err != nil {
		return nil, err
	}
	p.dials.Store(0)
	response, err := client.Do(request)
	if err != nil {
		if unanswered(err) {
			c.trouble++
		}
		return nil, err
	}
	c.trouble = 0
	c.heed(response)
	return response, nil
}

// client is the one for connections with or without the client certificate; as
// in a conversation, only one of them keeps connections.
func (p *Procedures) client(certified bool) (*Client, error) {
	which, other := &p.bare, p.certified
	if certified {
		which, other = &p.certified, p.bare
	}
	other.hangUp()
	if *which != nil {
		return *which, nil
	}
	client, err := p.talk.newClient(wire{certified: certified})
	if err != nil {
		return nil, err
	}
	g := client.guard
	g.calls, g.common, g.repeats = true, true, &p.talk.repeats
	g.transport.Protocols = new(http.Protocols)
	g.transport.Protocols.SetHTTP2(true)
	g.transport.Protocols.SetUnencryptedHTTP2(true)
	g.transport.DialContext, g.transport.DialTLSContext = p.limit(g.dial), p.limit(g.dialHTTP2)
	*which = client
	return client, nil
}

// limit makes a dial count as one of the call under way.
func (p *Procedures) limit(dial dialer) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if p.dials.Add(1) > dialsPerCall {
			return nil, checks.Because(checks.ReasonReset, "%d connections were closed before the call had begun", dialsPerCall)
		}
		return dial(ctx, network, address)
	}
}

type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// dialHTTP2 is dialTLS for who speaks HTTP/2 alone. net/http goes on with
// HTTP/1.1 where a server does not choose by ALPN.
func (g *guard) dialHTTP2(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := g.dialTLS(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if t, ok := c.(*tls.Conn); !ok || t.ConnectionState().NegotiatedProtocol != "h2" {
		_ = c.Close()
		return nil, checks.Because(checks.ReasonAmbiguous, "the server does not agree on HTTP/2 in TLS (ALPN), as gRPC has it")
	}
	return c, nil
}

func (p *Procedures) build(ctx context.Context, client *Client, call Call) (*http.Request, error) {
	v := p.talk.visit
	u := &url.URL{Scheme: "http", Host: v.Target().Address(), Path: string(call.Procedure)}
	if v.Target().TLS() {
		u.Scheme = "https"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader([]byte(questions[call.Procedure].message)))
	if err != nil {
		return nil, fmt.Errorf("procedure %s: %w", call.Procedure, err)
	}
	if host := v.Link().URL.Host; host != "" { // with its port only where the inventory states one
		request.Host = host
	}
	request.Header = http.Header{
		"Content-Type": {grpcMediaType}, "Te": {"trailers"},
		"Grpc-Accept-Encoding": {"identity"},
		"Grpc-Timeout":         {fmt.Sprintf("%dm", max(1, v.StepTimeout().Milliseconds()))},
	}
	if call.Credential == nil {
		return request, nil
	}
	if call.Credential.secret {
		if err := client.guard.prove(ctx); err != nil {
			return nil, err
		}
		v.Conceal(call.Credential.token)
	}
	if err := call.Credential.carry(request, call.Credential.token); err != nil {
		return nil, err
	}
	if request.URL.RawQuery != "" {
		return nil, checks.Because(checks.ReasonNotTested, "gRPC has no query parameters to carry a credential in")
	}
	return request, nil
}

// permitCall holds a request against what calls may be: no other POST passes.
func permitCall(request *http.Request, level checks.Level) error {
	asked, known := questions[Procedure(request.URL.Path)]
	if !known || request.Method != http.MethodPost || request.URL.RawQuery != "" ||
		request.Header.Get("Content-Type") != grpcMediaType || request.ContentLength != int64(len(asked.message)) {
		return checks.Because(checks.ReasonNotTested, "%s %s is not one of the calls that are made", request.Method, request.URL.Path)
	}
	if !level.Allows(asked.level) {
		return checks.Because(checks.ReasonNotTested, "procedure %s needs level %s", request.URL.Path, asked.level)
	}
	return nil
}
