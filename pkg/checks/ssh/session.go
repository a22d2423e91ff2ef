package ssh

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// anonymous is the user that a login without a credential is tried for.
const anonymous = "anonymous"

// methodsMax caps the list of ways to log in.
const methodsMax = 20

// errEnough ends an exchange that has told what it was for.
var errEnough = errors.New("enough is known")

// session is what one key exchange, and a login without a credential after it,
// told. No secret is ever sent.
type session struct {
	key     *hostKey // proven, or too weak to be proven here; nil when it was not learned
	banner  string   // before the login (RFC 4252 section 5.4)
	asked   bool     // the answer to the login is known
	let     bool     // it was accepted
	methods []string // ways that may follow
}

// every are the algorithms that can be spoken here, the weak ones last.
func every(of func(ssh.Algorithms) []string) []string {
	return slices.Concat(of(ssh.SupportedAlgorithms()), of(ssh.InsecureAlgorithms()))
}

// exchange exchanges keys over a connection, with one of the host key
// algorithms given, and goes on to a login without a credential if that is
// asked for. It closes the connection. What was learned before an error comes
// with it.
func exchange(c *recorder, ident string, algorithms []string, login bool) (session, error) {
	var told session
	var proven atomic.Bool // a server may exchange keys again, at any time
	config := &ssh.ClientConfig{
		Config: ssh.Config{
			KeyExchanges: every(func(a ssh.Algorithms) []string { return a.KeyExchanges }),
			Ciphers:      every(func(a ssh.Algorithms) []string { return a.Ciphers }),
			MACs:         every(func(a ssh.Algorithms) []string { return a.MACs }),
		},
		User:              anonymous,
		ClientVersion:     ident,
		HostKeyAlgorithms: algorithms,
		HostKeyCallback: func(_ string, _ net.Addr, public ssh.PublicKey) error {
			if proven.Swap(true) {
				return nil
			}
			_ = c.SetDeadline(time.Time{}) // the login is a step of its own
			if certificate, ok := public.(*ssh.Certificate); ok {
				public = certificate.Key
			}
			if key, ok := parseHostKey(public.Marshal()); ok {
				told.key = &key
			}
			if !login {
				return errEnough
			}
			return nil
		},
		BannerCallback: func(text string) error {
			told.banner = text
			return nil
		},
		AuthCallback: func(login *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
			if len(login.AllowedMethods) == 0 {
				return nil, nil // an error, which is returned then, or nothing to choose from
			}
			told.asked, told.methods = true, methods(login.AllowedMethods)
			return nil, errEnough
		},
	}
	_ = c.SetDeadline(time.Time{})
	open, channels, requests, err := ssh.NewClientConn(c, c.RemoteAddr().String(), config)
	switch {
	case err == nil:
		told.asked, told.let = true, true
		leave(open, channels, requests)
		return told, nil
	case errors.Is(err, errEnough):
		return told, nil
	case strings.Contains(err.Error(), "ssh: unable to authenticate"): // with nothing to choose from
		told.asked, told.methods = true, []string{}
		return told, nil
	}
	// A key that is too weak to be proven here is no less weak for it.
	if key, ok := c.claimedKey(); told.key == nil && ok && key.strength() < 80 {
		told.key = &key
	}
	return told, meaning(err)
}

// leave closes a session. What a server opens in it until then goes unanswered.
func leave(open ssh.Conn, channels <-chan ssh.NewChannel, requests <-chan *ssh.Request) {
	_ = open.Close()
	go ssh.DiscardRequests(requests)
	for c := range channels {
		_ = c
	}
}

// methods are names of ways to log in, sorted and capped.
func methods(names []string) []string {
	list := without(names, func(name string) bool {
		return name == "" || len(name) > nameMax || strings.ContainsFunc(name, isStrange)
	})
	slices.Sort(list)
	list = slices.Compact(list)
	return list[:min(len(list), methodsMax)]
}

// meaning gives an error of the SSH library its reason where it hides it.
func meaning(err error) error {
	if none, ok := errors.AsType[*ssh.AlgorithmNegotiationError](err); ok {
		return checks.Because(checks.ReasonNotTested, "no %s of the server's is spoken here", none.What)
	}
	// The library's type for the server's farewell is not exported.
	if _, after, ok := strings.Cut(err.Error(), "ssh: disconnect, reason "); ok {
		code, text, _ := strings.Cut(after, ": ")
		if reason, err := strconv.ParseUint(code, 10, 32); err == nil {
			return farewell(uint32(reason), strings.Trim(text, `"`))
		}
	}
	return fmt.Errorf("SSH: %w", err)
}
