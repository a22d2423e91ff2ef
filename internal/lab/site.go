package lab

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// authorities are who signs the certificates of one lab.
type authorities struct {
	root         *CA // the trust anchor that the inventory names
	intermediate *CA // below root
	stranger     *CA // a root that nobody was told to trust

	token string // what the lab's services are opened with; new at each start
}

func newAuthorities() (a authorities, err error) {
	if a.root, err = NewCA("m2mscan lab root"); err != nil {
		return a, err
	}
	if a.intermediate, err = a.root.Intermediate("m2mscan lab issuing CA"); err != nil {
		return a, err
	}
	a.token = "lab-" + strings.ToLower(rand.Text())
	a.stranger, err = NewCA("somebody else's root")
	return a, err
}

// site describes a server's TLS. Its zero value, with a name, is a good one:
// TLS 1.2 and 1.3 with the suites of crypto/tls, and a P-256 certificate of
// 90 days that leads to the lab's root over the intermediate CA.
type site struct {
	leaf       LeafOptions
	start, end time.Duration // validity of the certificate, from now; zero for the default
	rsaBits    int           // make an RSA key of that size in place of P-256
	selfSigned bool
	stranger   bool // signed by the root that nobody trusts, which is sent along
	leafOnly   bool // the intermediate is not sent

	minimum, maximum uint16 // TLS versions; zero for 1.2 and 1.3
	suites           []uint16
	client           tls.ClientAuthType // verified, where it is, against the lab's root
}

// named returns a site whose certificate is for name.
func named(name string) site {
	return site{leaf: LeafOptions{Names: []string{name}}}
}

// config mints the site's certificate and returns its TLS configuration.
func (s site) config(a authorities) (*tls.Config, error) {
	o := s.leaf
	if s.start != 0 {
		o.NotBefore = time.Now().Add(s.start).Truncate(time.Second)
	}
	if s.end != 0 {
		o.NotAfter = time.Now().Add(s.end).Truncate(time.Second)
	}
	if s.rsaBits != 0 {
		key, err := rsa.GenerateKey(rand.Reader, s.rsaBits) // 1024 needs GODEBUG rsa1024min=0, which go.mod sets
		if err != nil {
			return nil, fmt.Errorf("make an RSA key for %s: %w", o.Names[0], err)
		}
		o.Key = key
	}
	cert, err := s.mint(a, o)
	if err != nil {
		return nil, err
	}
	minimum := s.minimum
	if minimum == 0 {
		minimum = tls.VersionTLS12
	}
	suites := s.suites
	if suites == nil && minimum >= tls.VersionTLS12 {
		suites = modernSuites
	}
	return &tls.Config{
		Certificates: []tls.Certificate{cert},
		MinVersion:   minimum,
		MaxVersion:   s.maximum,
		CipherSuites: suites,
		ClientAuth:   s.client,
		ClientCAs:    a.root.Pool(),
	}, nil
}

// modernSuites are what TLS 1.2 is offered with today (RFC 9325 section 4.2):
// Go's own choice has suites in CBC mode as well.
var modernSuites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

func (s site) mint(a authorities, o LeafOptions) (tls.Certificate, error) {
	switch {
	case s.selfSigned:
		return SelfSigned(o)
	case s.stranger:
		cert, err := a.stranger.Leaf(o)
		cert.Certificate = append(cert.Certificate, a.stranger.Certificate.Raw)
		return cert, err
	}
	cert, err := a.intermediate.Leaf(o)
	if err == nil && s.leafOnly {
		cert = LeafOnly(cert)
	}
	return cert, err
}

// opener starts one server of the lab.
type opener func(context.Context, authorities) (*Server, error)

// https returns an opener of an HTTPS server with the site's TLS.
func (s site) https(handler http.Handler) opener {
	return s.behind(func(ctx context.Context, config *tls.Config) (*Server, error) {
		return HTTPS(ctx, config, handler)
	})
}

// behind returns an opener of any server that takes the site's TLS.
func (s site) behind(open func(context.Context, *tls.Config) (*Server, error)) opener {
	return func(ctx context.Context, a authorities) (*Server, error) {
		config, err := s.config(a)
		if err != nil {
			return nil, err
		}
		return open(ctx, config)
	}
}

// bare returns an opener of a server without TLS.
func bare(open func(context.Context) (*Server, error)) opener {
	return func(ctx context.Context, _ authorities) (*Server, error) { return open(ctx) }
}
