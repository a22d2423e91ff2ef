package kafka

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// defaults tries the login that Kafka's documentation configures a broker with
// (https://kafka.apache.org/documentation/#security_sasl_plain), once a made-up
// one was refused. It is known to everybody, so that it may go over any
// connection.
func (v *visit) defaults(ctx context.Context) {
	const fact = "default_credentials"
	switch {
	case !v.Visit.Level().Allows(checks.Consented) || !slices.Contains(v.Visit.Link().Probe.Consent, inventory.ConsentDefaultCredentials):
		v.Absent(fact, "tried at level consented, with the link's consent")
		return
	case v.Facts.Anonymous != nil && *v.Facts.Anonymous == channel.Accepted:
		v.Absent(fact, "a broker that lets in everybody has no need of a login")
		return
	case !slices.Contains(v.Facts.Mechanisms, "PLAIN"):
		v.Absent(fact, "the broker does not take the one login that is known, which is for PLAIN")
		return
	}
	control := v.tryPlain(ctx, rand.Text(), rand.Text())
	if control == nil {
		v.Facts.RandomCredential = v.verdict("random_credential", nil)
		v.Absent(fact, "a made-up login is accepted, so that a known one says nothing")
		return
	}
	_, silent := errors.AsType[*silence](control)
	if _, refused := errors.AsType[*refusal](control); !silent && !refused {
		v.Visit.Unknown(fact, control)
		return
	}
	known := v.tryPlain(ctx, "admin", "admin-secret")
	v.closes = v.closes || silent && known == nil
	if v.Facts.RandomCredential == nil {
		v.Facts.RandomCredential = v.verdict("random_credential", control)
	}
	if verdict := v.verdict(fact, known); verdict != nil {
		v.Facts.DefaultCredentials = new(*verdict == channel.Accepted)
	}
}

// tryPlain logs in with what is no secret.
func (v *visit) tryPlain(ctx context.Context, user, password string) error {
	k, err := v.open(ctx)
	if err != nil {
		return err
	}
	defer v.close(k)
	return v.authenticate(k, "PLAIN", &channel.Login{User: user, Password: password})
}
