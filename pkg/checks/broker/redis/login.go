package redis

import (
	"context"
	"crypto/rand"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
)

// declared logs in with the link's own credential, once, and with a wrong
// password for the same user, once. A server whose user has no password takes
// any ("nopass"), which tells nothing of ours.
func (v *visit) declared(ctx context.Context) {
	login, err := v.Declared()
	if err != nil {
		for _, fact := range []string{"declared", "declared_rights", "random_credential"} {
			v.Visit.Unknown(fact, err)
		}
		v.CompareRights()
		return
	}
	wrong := *login
	wrong.Password = rand.Text()
	v.Facts.RandomCredential = v.logIn(ctx, "random_credential", &wrong, nil)
	v.Facts.Declared = v.logIn(ctx, "declared", login, func(c *channel.Conn) {
		v.rights(c, login.User, "declared_rights.", &v.Facts.DeclaredRights)
	})
	if v.Facts.Declared == nil || *v.Facts.Declared != channel.Accepted {
		v.Visit.UnknownReason("declared_rights", checks.ReasonNotTested, "the login did not succeed")
	}
	v.CompareRights()
}

// logIn tries a login on a connection of its own, and uses the session when it
// is granted.
func (v *visit) logIn(ctx context.Context, fact string, login *channel.Login, use func(*channel.Conn)) *string {
	c, err := v.Open(ctx)
	if err != nil {
		v.Visit.Unknown(fact, err)
		return nil
	}
	defer c.Close()
	if err := c.Unproven(); err != nil {
		v.Visit.Unknown(fact, err)
		return nil
	}
	words := []string{"AUTH", login.Password}
	if login.User != "" {
		words = []string{"AUTH", login.User, login.Password}
	}
	answer, err := ask(c, words...)
	if err != nil {
		v.Visit.Unknown(fact, err)
		return nil
	}
	switch {
	case answer.text == "OK" && answer.kind == kindText:
		v.Visit.Evidence("redis", fact+": AUTH is answered with OK")
		if use != nil {
			use(c)
		}
		return new(channel.Accepted)
	case answer.code() == "WRONGPASS", answer.code() == "ERR" && !isLimit(answer.text):
		// ERR: before Redis 6.0, "invalid password", or that none is set.
		v.Visit.Evidence("redis", fact+": AUTH is answered with "+answer.code())
		return new(channel.Refused)
	default:
		v.Visit.UnknownReason(fact, checks.ReasonAmbiguous, "AUTH is answered with "+answer.code())
		return nil
	}
}
