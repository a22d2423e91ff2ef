// Package ssh finds out what a server of SSH, and of SFTP over it, offers, how
// strong its host keys are, and what it asks a client for.
//
// What it offers is read in the clear, by code of its own; only the key exchange
// and the login without a credential after it are left to a library. No
// password, key or token is ever sent: the inventory cannot state the host key,
// so nobody knows who would read it.
package ssh

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// connectionsMax is how many connections there are at most. OpenSSH from 9.8 on
// adds up a penalty for each that ends without a login, and takes none from a
// source whose penalties exceed 15 seconds (PerSourcePenalties): two cost six.
const connectionsMax = 2

// Probe gathers the facts of namespace "ssh".
func Probe() checks.Probe {
	return checks.New(checks.Spec{
		Name:  "ssh",
		Doc:   "Reads what an SSH server offers, asks for its host keys, and for the ways to log in.",
		Level: checks.Observe,
		Applies: func(l *inventory.Link) bool {
			scheme := l.Target().Scheme
			return scheme == "sftp" || scheme == "ssh"
		},
		Plan: func(checks.Scope) checks.Cost { return checks.Cost{Connections: connectionsMax} },
	}, observe)
}

func observe(ctx context.Context, v *checks.Visit) (*Facts, error) {
	s := &survey{visit: v, facts: &Facts{}, ident: introduction(v.UserAgent())}
	c, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Write([]byte(s.ident + "\r\n")); err != nil {
		return nil, err
	}
	in := newReader(c)
	id, err := in.identification()
	if err != nil {
		return nil, err
	}
	s.identified(id)
	s.declared()
	if !strings.HasPrefix(id.protocol, "2.") && id.protocol != "1.99" {
		s.absent("", "the server speaks SSH-1 alone, which has nothing of the kind")
		return s.facts, nil
	}
	offers, err := in.kexInit()
	if err != nil {
		v.Unknown("", err)
		return s.facts, nil
	}
	s.facts.judge(offers)
	c.handOver(id.at, []byte(s.ident+"\r\n"))
	s.prove(ctx, c, offers.hostKeys)
	return s.facts, nil
}

// introduction makes an identification of what the scan calls itself, such as
// "m2mscan/1.2 (+https://m2mscan.example)". The software's name has no hyphen
// (RFC 4253 section 4.2).
func introduction(agent string) string {
	printable := func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}
	name, comments, _ := strings.Cut(strings.Map(printable, agent), " ")
	name = strings.NewReplacer("/", "_", "-", ".").Replace(name)
	if name == "" {
		name = "m2mscan"
	}
	ident := strings.TrimSpace("SSH-2.0-" + name + " " + comments)
	return ident[:min(len(ident), identMax-2)]
}

// survey is one visit of the probe.
type survey struct {
	visit *checks.Visit
	facts *Facts
	ident string
}

func (s *survey) open(ctx context.Context) (*recorder, error) {
	c, err := s.visit.Dial(ctx)
	if err != nil {
		return nil, err
	}
	return &recorder{Conn: c}, nil
}

// absent says why there is no such fact, when nothing went wrong.
func (s *survey) absent(fact, why string) {
	s.visit.UnknownReason(fact, checks.ReasonNotAsked, why)
}

// identified notes what the server says that it is.
func (s *survey) identified(id identification) {
	v, f := s.visit, s.facts
	software := strings.TrimSpace(id.software + " " + id.comments)
	v.Evidence("ssh", "SSH-"+id.protocol+"-"+software)
	f.Protocol = new(id.protocol)
	f.SSH1 = new(strings.HasPrefix(id.protocol, "1."))
	f.Software = new(v.Redact(software))
	product, version := identify(id)
	if product != "" {
		f.Product = new(v.Redact(product))
	} else {
		s.absent("product", "the server does not say")
	}
	if version != "" {
		f.Version = new(v.Redact(version))
	} else {
		s.absent("version", "the server does not say")
	}
	f.VersionDisclosed = new(id.comments != "" && product != "Bitvise SSH Server")
	if said := strings.TrimSpace(strings.Join(id.before, " ")); said != "" {
		v.Evidence("banner", said)
		f.BannerText = new(true)
	}
}

// declared says why the inventory's login is not tried.
func (s *survey) declared() {
	switch s.visit.Link().Auth.Type {
	case "", inventory.AuthNone:
		s.absent("declared", "the inventory states no login for this link")
	default:
		s.visit.UnknownReason("declared", checks.ReasonNotTested,
			"no secret is sent: the inventory cannot state the host key that proves who answers")
	}
}

// prove exchanges keys, tries a login without a credential, and asks for the RSA
// key besides where it would be another one: of all kinds it alone has a size
// that its name does not tell.
func (s *survey) prove(ctx context.Context, c *recorder, offered []string) {
	algorithms := preferred(offered)
	if len(algorithms) == 0 {
		s.visit.UnknownReason("", checks.ReasonNotTested, "no host key algorithm of the server's is spoken here")
		return
	}
	told, err := exchange(c, s.ident, algorithms, true)
	s.login(told, err)
	s.keys(ctx, told.key, err, offered)
}

// login notes what became of the login without a credential.
func (s *survey) login(told session, err error) {
	f := s.facts
	if f.BannerText == nil && (told.asked || told.banner != "") {
		f.BannerText = new(told.banner != "")
	}
	if told.banner != "" {
		s.visit.Evidence("banner", told.banner)
	}
	if !told.asked {
		for _, fact := range []string{"banner_text", "auth_methods", "password_auth", "keyboard_interactive", "none_accepted"} {
			s.visit.Unknown(fact, err)
		}
		return
	}
	f.NoneAccepted = new(told.let)
	if told.let {
		for _, fact := range []string{"auth_methods", "password_auth", "keyboard_interactive"} {
			s.absent(fact, "a client without credentials is let in, and told of no others")
		}
		return
	}
	f.AuthMethods = told.methods
	f.PasswordAuth = new(slices.Contains(told.methods, "password"))
	f.KeyboardInteractive = new(slices.Contains(told.methods, "keyboard-interactive"))
}

// keys notes the host keys. The first is the one a present-day client sees.
func (s *survey) keys(ctx context.Context, first *hostKey, err error, offered []string) {
	if first == nil {
		if err == nil {
			err = checks.Because(checks.ReasonNotTested, "the kind of host key is not known here")
		}
		s.visit.Unknown("host_key", err)
		return
	}
	k := &s.facts.HostKey
	k.Type, k.Bits, k.Fingerprint = &first.kind, &first.bits, &first.fingerprint
	rsa := first
	if !hasRSA(offered) {
		s.absent("host_key.rsa_bits", "the server has no RSA key")
	} else if first.kind != "ssh-rsa" {
		if rsa, err = s.rsaKey(ctx, offered); err != nil {
			s.visit.Unknown("host_key.rsa_bits", err)
			s.visit.Unknown("host_key.weakest", err)
			s.visit.Unknown("host_key.strength", err)
			return
		}
	}
	if rsa.kind == "ssh-rsa" {
		k.RSABits = &rsa.bits
	}
	least := weakest(append(byName(offered), *first, *rsa))
	k.Weakest, k.Strength = new(least.name()), new(least.strength())
}

// rsaKey asks for the RSA key alone, on a connection of its own.
func (s *survey) rsaKey(ctx context.Context, offered []string) (*hostKey, error) {
	algorithms := common(slices.Concat(rsaAlgorithms, certAlgorithms[4:]), offered)
	if len(algorithms) == 0 {
		return nil, checks.Because(checks.ReasonNotTested, "no RSA algorithm of the server's is spoken here")
	}
	c, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	told, err := exchange(c, s.ident, algorithms, false)
	switch {
	case told.key != nil:
		return told.key, nil
	case err == nil:
		return nil, fmt.Errorf("the RSA key cannot be read: %w", errGarbage)
	default:
		return nil, err
	}
}
