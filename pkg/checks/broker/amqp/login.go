package amqp

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// attempt is a login, on a connection of its own.
type attempt struct {
	fact      string // what becomes of it
	mechanism string
	response  []byte
	user      string
	open      func(context.Context) (*channel.Conn, error)
	secret    bool // it must not be sent where others could read it
	rights    bool // those of the user are to be learned, as declared_rights
}

// plain encodes a login for PLAIN (RFC 4616 section 2). Brokers write one that
// they cannot read into their logs, password and all, so that one which could
// not be read is never sent.
func plain(user, password string) ([]byte, error) {
	if strings.ContainsRune(user+password, 0) {
		return nil, checks.Because(checks.ReasonNotTested, "a NUL in the login cannot be sent with PLAIN")
	}
	return []byte("\x00" + user + "\x00" + password), nil
}

// declared logs in as the inventory says the link does.
func (v *visit) declared(ctx context.Context) {
	login, err := v.Declared()
	switch {
	case err == nil:
		err = v.byPassword(ctx, login)
	case v.Certified(), v.Visit.Link().Auth.Type == inventory.AuthMTLS:
		v.Absent("random_credential", "a certificate has no password that could be wrong")
		err = v.byCertificate(ctx)
	}
	if err != nil {
		v.Visit.Unknown("declared", err)
		v.Visit.Unknown("declared_rights", err)
		v.Visit.Unknown("random_credential", err)
	}
	v.Absent("declared_rights", "the login did not succeed")
	v.CompareRights()
}

// byPassword logs in once with the link's own password and once with a wrong one
// for the same user.
func (v *visit) byPassword(ctx context.Context, login *channel.Login) error {
	if m := login.Mechanism; m != "" && !strings.EqualFold(m, "PLAIN") {
		return checks.Because(checks.ReasonNotTested, "the declared mechanism %s is not one that is tried", m)
	}
	if !v.offers("PLAIN") {
		return checks.Because(checks.ReasonNotTested, "the broker does not offer PLAIN")
	}
	right, err := plain(login.User, login.Password)
	if err != nil {
		return err
	}
	wrong, _ := plain(login.User, rand.Text())
	a := attempt{fact: "random_credential", mechanism: "PLAIN", response: wrong, user: login.User, open: v.Open, secret: true}
	v.Facts.RandomCredential = v.try(ctx, a)
	a.fact, a.response, a.rights = "declared", right, true
	v.Facts.Declared = v.try(ctx, a)
	return nil
}

// byCertificate logs in with the link's own certificate. A broker that lets in
// nobody without one may ask for no more than that.
func (v *visit) byCertificate(ctx context.Context) error {
	a := attempt{fact: "declared", mechanism: "EXTERNAL", open: v.Open, rights: true}
	switch {
	case v.Certified() && !v.offers("EXTERNAL") && v.offers("ANONYMOUS"):
		a.mechanism, a.response = "ANONYMOUS", trace()
	case !v.offers("EXTERNAL"):
		return checks.Because(checks.ReasonNotTested, "the broker does not offer EXTERNAL")
	case !v.Certified():
		a.open = v.openCertified
	}
	v.Facts.Declared = v.try(ctx, a)
	return nil
}

// openCertified opens a connection on which the link's own certificate was
// presented to a broker that asks for one without insisting.
func (v *visit) openCertified(ctx context.Context) (*channel.Conn, error) {
	own, err := v.Visit.ClientCertificate()
	if err != nil {
		return nil, checks.Because(checks.ReasonNotTested, "the login is a certificate: %w", err)
	}
	h, err := v.Visit.HandshakeWith(ctx, own, tls.VersionTLS10, tls.VersionTLS13)
	switch {
	case err != nil:
		return nil, err
	case h.Err != nil:
		return nil, h.Err
	}
	c := h.TakeConn()
	if c == nil {
		return nil, checks.Because(checks.ReasonBudget, "the connection was given up for another")
	}
	if !h.CertificateSent {
		c.Close()
		return nil, checks.Because(checks.ReasonNotTested, "the broker asks for no certificate, or is not proven to be the one that may see it")
	}
	return channel.Over(c, v.Visit.Verify(h)), nil
}

// try makes an attempt and says what becomes of it. Who is let in, but not into
// the virtual host, has logged in.
func (v *visit) try(ctx context.Context, a attempt) *string {
	c, err := a.open(ctx)
	if err != nil {
		v.Visit.Unknown(a.fact, err)
		return nil
	}
	defer c.Close()
	got, err := v.attempt(c, a)
	if err != nil {
		v.Visit.Unknown(a.fact, err)
		return nil
	}
	v.Visit.Evidence("amqp", a.fact+", "+a.mechanism+": "+got.String())
	if !got.opened {
		v.judgeText(got.text, a.user)
	}
	if !got.let {
		return new(channel.Refused)
	}
	switch {
	case !got.opened && a.rights:
		v.Visit.UnknownReason("declared_rights", checks.ReasonNotTested, "the virtual host is refused: "+got.text)
	case !a.rights:
	case v.newer:
		v.newerRights("declared_rights.")
	default:
		v.rights(c, "declared_rights.", &v.Facts.DeclaredRights)
	}
	if got.opened {
		v.leave(c)
	}
	return new(channel.Accepted)
}

func (v *visit) attempt(c *channel.Conn, a attempt) (session, error) {
	if err := c.Unproven(); a.secret && err != nil {
		return session{}, err
	}
	if v.newer {
		list, err := offersOf(c)
		if err != nil {
			return session{}, err
		}
		if !slices.Contains(list, a.mechanism) {
			return session{}, checks.Because(checks.ReasonAmbiguous, "%s is no longer offered", a.mechanism)
		}
		return v.logInNewer(c, a.mechanism, a.response)
	}
	s, err := greet(c)
	if err != nil {
		return session{}, err
	}
	if s == nil || !slices.Contains(strings.Fields(s.mechanisms), a.mechanism) {
		return session{}, checks.Because(checks.ReasonAmbiguous, "%s is no longer offered", a.mechanism)
	}
	return v.logIn(c, a.mechanism, a.response)
}

func (v *visit) leave(c *channel.Conn) {
	if v.newer {
		goodbyeNewer(c)
		return
	}
	goodbye(c)
}

// judgeText decides whether the text of a refusal says too much. That a login
// was refused is no such text; RabbitMQ's is the same for an unknown user, a
// wrong password and a user who may come from its own machine alone.
func (v *visit) judgeText(text, user string) {
	tells := user != "" && (strings.Contains(text, "'"+user+"'") || strings.Contains(text, `"`+user+`"`) || strings.Contains(text, "["+user+"]"))
	lower := strings.ToLower(text)
	for _, phrase := range []string{"user '", "no such user", "unknown user", "does not exist", "wrong password", "invalid password", "vhost", "virtual host"} {
		tells = tells || strings.Contains(lower, phrase)
	}
	if tells {
		v.Visit.Evidence("amqp", "a refusal tells: "+text)
	}
	v.Facts.VerboseErrors = new(tells || v.Facts.VerboseErrors != nil && *v.Facts.VerboseErrors)
}

// vendorLogins are the logins that products are delivered with, by how the name
// of the product begins: the reference of RabbitMQ ("Access Control", default
// user), of ActiveMQ Classic (conf/users.properties) and of the Docker image of
// ActiveMQ Artemis. None is tried more than once.
//
//nolint:gochecknoglobals // a table
var vendorLogins = map[string][2]string{
	"rabbitmq":                {"guest", "guest"},
	"activemq":                {"admin", "admin"},
	"apache-activemq-artemis": {"artemis", "artemis"},
}

// defaultCredentials tries the login that the product is delivered with, once a
// made-up one was refused. Neither is a secret of anybody's, so that they may
// go over any connection. RabbitMQ lets its user guest in from its own machine
// alone, unless it was told otherwise: the fact depends on the vantage.
func (v *visit) defaultCredentials(ctx context.Context) {
	const fact = "default_credentials"
	product := ""
	if v.Facts.Product != nil {
		product = strings.ToLower(*v.Facts.Product)
	}
	login, known := vendorLogins[product]
	switch {
	case !v.Visit.Level().Allows(checks.Consented), !slices.Contains(v.Visit.Link().Probe.Consent, inventory.ConsentDefaultCredentials):
		v.Absent(fact, "tried at level consented, where the link's owner agrees")
		return
	case v.Facts.Anonymous == nil:
		v.Visit.UnknownReason(fact, checks.ReasonNotTested, "whether anybody is let in is not known")
		return
	case *v.Facts.Anonymous == channel.Accepted:
		v.Absent(fact, "anybody is let in")
		return
	case !known || !v.offers("PLAIN"):
		v.Absent(fact, "no login is known that the product is delivered with, or PLAIN is not offered")
		return
	}
	if v.Facts.RandomCredential == nil {
		v.Facts.RandomCredential = v.try(ctx, vendorAttempt("random_credential", rand.Text(), rand.Text(), v.Open))
	}
	switch {
	case v.Facts.RandomCredential == nil:
		v.Visit.UnknownReason(fact, checks.ReasonNotTested, "what becomes of a made-up login is not known")
	case *v.Facts.RandomCredential == channel.Accepted:
		v.Absent(fact, "any login is accepted")
	default:
		if became := v.try(ctx, vendorAttempt(fact, login[0], login[1], v.Open)); became != nil {
			v.Facts.DefaultCredentials = new(*became == channel.Accepted)
		}
	}
}

func vendorAttempt(fact, user, password string, open func(context.Context) (*channel.Conn, error)) attempt {
	response, _ := plain(user, password)
	return attempt{fact: fact, mechanism: "PLAIN", response: response, user: user, open: open}
}
