package stomp

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// declared logs in once with the link's own login and once with a wrong password
// for the same user.
func (v *visit) declared(ctx context.Context) {
	login, err := v.Declared()
	if err != nil {
		v.Visit.Unknown("declared", err)
		v.Visit.Unknown("declared_rights", err)
		v.CompareRights()
		return
	}
	wrong := *login
	wrong.Password = rand.Text()
	v.Facts.RandomCredential = v.logIn(ctx, "random_credential", &wrong, true)
	v.Facts.Declared = v.logIn(ctx, "declared", login, true)
	if v.Facts.Declared != nil && *v.Facts.Declared == channel.Accepted {
		v.unknownRights("declared_rights")
	} else {
		v.Visit.UnknownReason("declared_rights", checks.ReasonNotTested, "the login did not succeed")
	}
	v.CompareRights()
}

// logIn tries a login on a connection of its own. One that is secret goes only
// where nobody else can read it.
func (v *visit) logIn(ctx context.Context, fact string, login *channel.Login, secret bool) *string {
	c, err := v.Open(ctx)
	if err != nil {
		v.Visit.Unknown(fact, err)
		return nil
	}
	defer c.Close()
	if err := c.Unproven(); secret && err != nil {
		v.Visit.Unknown(fact, err)
		return nil
	}
	answer, err := v.connect(c, login)
	let := false
	if err == nil {
		let, err = verdict(answer)
	}
	if err != nil {
		v.Visit.Unknown(fact, err)
		return nil
	}
	v.identify(answer)
	v.Visit.Evidence("stomp", fact+": "+summary(answer))
	if !let {
		v.judgeText(answer, login.User)
		return new(channel.Refused)
	}
	v.Facts.Heartbeat = new(heartbeat(answer.headers["heart-beat"]))
	_ = c.Send(encodeDisconnect())
	return new(channel.Accepted)
}

// judgeText decides whether a refusal says too much: whose login it was, what
// was wrong with it, or where in the broker's code that was found.
func (v *visit) judgeText(f frame, user string) {
	text := f.headers["message"] + "\n" + f.body
	tells := false
	if user != "" {
		for _, quoted := range []string{"'" + user + "'", `"` + user + `"`, "[" + user + "]"} {
			tells = tells || strings.Contains(text, quoted)
		}
	}
	for _, phrase := range []string{"user '", "no such user", "unknown user", "does not exist", "wrong password", "virtual host", "\tat "} {
		tells = tells || strings.Contains(strings.ToLower(text), phrase)
	}
	v.Facts.VerboseErrors = new(tells || v.Facts.VerboseErrors != nil && *v.Facts.VerboseErrors)
}

// vendorLogins are the logins that products are delivered with: the reference of
// RabbitMQ ("Access Control", default user), of ActiveMQ Classic
// (conf/users.properties) and of the Docker image of ActiveMQ Artemis. None is
// tried more than once.
//
//nolint:gochecknoglobals // a table
var vendorLogins = map[string]channel.Login{
	"rabbitmq":         {User: "guest", Password: "guest"},
	"activemq":         {User: "admin", Password: "admin"},
	"activemq-artemis": {User: "artemis", Password: "artemis"},
}

// defaultCredentials tries the login that the product is delivered with, once a
// made-up one was refused. Neither is a secret of anybody's, so that they may
// go over any connection. RabbitMQ lets its user guest in from its own machine
// alone, unless it was told otherwise: the fact depends on the vantage.
func (v *visit) defaultCredentials(ctx context.Context) {
	const fact = "default_credentials"
	login, known := vendorLogins[v.product]
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
	case !known:
		v.Absent(fact, "no login is known that the product is delivered with")
		return
	}
	if v.Facts.RandomCredential == nil {
		v.Facts.RandomCredential = v.logIn(ctx, "random_credential", &channel.Login{User: rand.Text(), Password: rand.Text()}, false)
	}
	switch {
	case v.Facts.RandomCredential == nil:
		v.Visit.UnknownReason(fact, checks.ReasonNotTested, "what becomes of a made-up login is not known")
	case *v.Facts.RandomCredential == channel.Accepted:
		v.Absent(fact, "any login is accepted")
	default:
		if became := v.logIn(ctx, fact, &login, false); became != nil {
			v.Facts.DefaultCredentials = new(*became == channel.Accepted)
		}
	}
}

// plaintextTwin looks at the well-known port without TLS. An answer in STOMP is
// what makes it plain text, and every CONNECT may carry a login.
func (v *visit) plaintextTwin(ctx context.Context) {
	if !v.Visit.Target().TLS() {
		return
	}
	c, err := v.OpenTwin(ctx)
	if err == nil {
		defer c.Close()
		v.judgeTwin(c)
		return
	}
	if _, reason := checks.Classify(err); reason == checks.ReasonRefused {
		v.Facts.Plaintext, v.Facts.PlaintextLogin = new(false), new(false)
		return
	}
	v.Visit.Unknown("plaintext", err)
	v.Visit.Unknown("plaintext_login", err)
}

// judgeTwin asks who answers on a port that should not be there.
func (v *visit) judgeTwin(c *channel.Conn) {
	_, err := v.connect(c, nil)
	switch {
	case err == nil:
		v.Facts.Plaintext, v.Facts.PlaintextLogin = new(true), new(true)
	case errors.Is(err, errTLS):
		v.Facts.Plaintext, v.Facts.PlaintextLogin = new(false), new(false)
	default:
		v.Visit.Unknown("plaintext", err)
		v.Visit.Unknown("plaintext_login", err)
	}
}
