package certificate

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
	"github.com/m2mscan/m2mscan/pkg/checks/inquiry"
)

// shown is what one address of a name presented.
type shown struct {
	address netip.Addr
	chain   [][]byte
	ocsp    []byte
	scts    [][]byte
	// handshake is nil where only a bare hello was answered.
	handshake *checks.Handshake
}

// survey asks each address of the name for its certificate. Addresses that
// show none are counted: what they would show is not known. One that takes no
// connection at all does not count, for nobody is shown anything there. The
// error is that of the first address, when there is no certificate at all.
func survey(ctx context.Context, v *checks.Visit) (found []shown, failed int, err error) {
	_, err = v.Handshake(ctx) // it decides which address is the first
	addresses, resolveErr := v.Visited(ctx)
	if resolveErr != nil {
		return nil, 0, cmp.Or(err, resolveErr)
	}
	err = nil
	for _, address := range addresses {
		one, failure := ask(ctx, v, address)
		if failure == nil {
			found = append(found, one)
			continue
		}
		err = cmp.Or(err, failure)
		if _, reason := checks.Classify(failure); reason == checks.ReasonRefused || reason == checks.ReasonRoute {
			v.Evidence("address", fmt.Sprintf("%s cannot be reached: %v", address, failure))
			continue
		}
		failed++
		if len(addresses) > 1 {
			failure = fmt.Errorf("%s: %w", address, failure)
		}
		v.Unknown("", failure)
	}
	if len(found) > 0 {
		err = nil
	}
	return found, failed, err
}

// ask gets what an address shows from its handshake. Where the server refuses
// that, it may still show its certificate to a hello that offers more.
func ask(ctx context.Context, v *checks.Visit, address netip.Addr) (shown, error) {
	h, err := v.HandshakeAt(ctx, address)
	if err == nil && len(h.Chain) > 0 {
		return shown{address, h.Chain, h.OCSPStaple, h.SCTs, h}, nil
	}
	if err == nil {
		err = noCertificate(h)
	}
	if !answered(err) {
		return shown{}, err
	}
	answer, plainErr := inquiry.New(v, address).Ask(ctx, plain(v.Target().ServerName))
	if plainErr != nil || len(answer.Chain) == 0 {
		return shown{}, err
	}
	return shown{address: address, chain: answer.Chain, ocsp: answer.OCSPStaple}, nil
}

// answered reports whether a handshake failed by what the server said.
func answered(err error) bool {
	_, refused := errors.AsType[tls.AlertError](err)
	_, version := errors.AsType[*checks.VersionError](err)
	return refused || version
}

// plain is a hello that a server up to TLS 1.2 answers with its certificate,
// whatever its key: crypto/tls offers neither every curve and suite nor SSL
// 3.0, and with TLS 1.3 a server cannot sign with RSA of 512 bits.
func plain(serverName string) hello.Offer {
	return hello.Offer{
		Versions: []hello.Version{hello.TLS12, hello.TLS11, hello.TLS10, hello.SSL3},
		Suites: hello.Select(hello.TLS12, func(i hello.SuiteInfo) bool {
			return i.WithoutSecret() && !i.Anonymous() && !i.Export && !i.Null()
		}),
		Groups: hello.AllGroups(), ServerName: serverName,
	}
}

// noCertificate says why a handshake showed none.
func noCertificate(h *checks.Handshake) error {
	if h.Err == nil {
		return checks.Because(checks.ReasonGarbage, "the server sent no certificate")
	}
	return fmt.Errorf("no certificate was learned: %w", h.Err)
}

// same reports whether two addresses gave the same to analyse.
func same(a, b shown) bool {
	return slices.EqualFunc(a.chain, b.chain, bytes.Equal) && bytes.Equal(a.ocsp, b.ocsp) &&
		slices.EqualFunc(a.scts, b.scts, bytes.Equal)
}

// merge makes one set of facts of those of all addresses. What has no worse
// side describes the certificate that has the most wrong with it, so that the
// facts that belong together are of one certificate. failed addresses leave
// unknown what is not bad already.
func merge(v *checks.Visit, all []*Facts, failed int) *Facts {
	slices.SortStableFunc(all, func(a, b *Facts) int { return cmp.Compare(wrongs(b), wrongs(a)) })
	for range failed {
		all = append(all, &Facts{})
	}
	worst, differing := checks.MergeWorst(all)
	if len(differing) > 0 {
		v.Evidence("certificate", "addresses differ in "+strings.Join(differing, ", "))
	}
	return worst
}

// strongRSA and strongEC are key sizes of 112 bits of security, the least that
// still counts (NIST SP 800-57 part 1 table 2).
const (
	strongRSA = 2048
	strongEC  = 224
)

// wrongs counts what is known to be wrong with a certificate.
func wrongs(f *Facts) int {
	n := len(f.Problems)
	public := known(f.PublicCA, true)
	for _, wrong := range []bool{
		known(f.Expired, true), known(f.NotYetValid, true), known(f.HostnameMatches, false),
		known(f.Trusted, false), known(f.SelfSigned, true), known(f.ChainComplete, false),
		known(f.ChainOrdered, false), known(f.IntermediatesInDate, false), known(f.WeakSignature, true),
		known(f.ServerAuth, false), known(f.Revoked, true), known(f.OCSPResponseValid, false),
		known(f.MustStaple, true) && known(f.OCSPStapled, false),
		f.KeyBits != nil && *f.KeyBits < strength(*f.KeyType),
		public && f.SCTCount != nil && *f.SCTCount == 0,
		public && f.LifetimeDays != nil && *f.LifetimeDays > *f.MaxLifetimeDays,
	} {
		if wrong {
			n++
		}
	}
	return n
}

func strength(keyType string) int {
	switch keyType {
	case "RSA", "DSA":
		return strongRSA
	default:
		return strongEC
	}
}
