package kafka

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// refusal is the broker's own word that a login is wrong.
type refusal struct{ text string }

func (r *refusal) Error() string { return "the login is refused: " + r.text }

// silence is a connection that is closed in place of an answer to a login. It
// says nothing, unless the same broker lets in who knows the password.
type silence struct{ error }

func (s *silence) Unwrap() error { return s.error }

// declared logs in with a wrong password for the link's own user, once, and
// with the right one, once.
func (v *visit) declared(ctx context.Context) {
	defer v.CompareRights()
	login, err := v.Declared()
	if err == nil && v.login != nil && !*v.login {
		err = checks.Because(checks.ReasonNotAsked, "the listener takes no SASL login")
	}
	var mechanism string
	if err == nil {
		mechanism, err = v.choose(login)
	}
	if no, ok := errors.AsType[*refusal](err); ok {
		v.Visit.Evidence("kafka", "declared: "+no.text)
		v.Facts.Declared = new(channel.Refused)
		err = checks.Because(checks.ReasonNotTested, "no login was sent: %s", no.text)
	}
	if err != nil {
		v.unknown(err, "declared", "declared_rights")
		v.untried = err
		return
	}
	wrong := v.logIn(ctx, mechanism, &channel.Login{User: login.User, Password: rand.Text()}, nil)
	right := v.logIn(ctx, mechanism, login, v.ownRights)
	if _, silent := errors.AsType[*silence](wrong); silent && right == nil {
		v.closes = true
		v.Visit.Evidence("kafka", "a wrong login is answered by closing the connection, the right one is not")
	}
	v.Facts.RandomCredential = v.verdict("random_credential", wrong)
	v.Facts.Declared = v.verdict("declared", right)
	if right != nil {
		v.Visit.UnknownReason("declared_rights", checks.ReasonNotTested, "the login did not succeed")
	}
}

// ownRights finds out what the link's own login may do.
func (v *visit) ownRights(k *session) {
	meta, err := k.metadata(false)
	if err != nil {
		v.Visit.Unknown("declared_rights", err)
		return
	}
	if v.Facts.AdvertisedHosts == nil {
		v.Facts.AdvertisedHosts = others(meta.Brokers, v.Visit.Target())
	}
	v.Facts.DeclaredRights = channel.Rights{}
	v.rights(k, meta, "declared_rights.", &v.Facts.DeclaredRights)
}

// verdict is what an attempt at a login showed.
func (v *visit) verdict(fact string, err error) *string {
	no, refused := errors.AsType[*refusal](err)
	_, silent := errors.AsType[*silence](err)
	switch {
	case err == nil:
		v.Visit.Evidence("kafka", fact+": the login is accepted")
		return new(channel.Accepted)
	case refused:
		v.Visit.Evidence("kafka", fact+": "+no.Error())
		return new(channel.Refused)
	case silent && v.closes:
		v.verbose(false)
		return new(channel.Refused)
	default:
		v.Visit.Unknown(fact, err)
		return nil
	}
}

// preferred are the mechanisms that can be used here, best first.
//
//nolint:gochecknoglobals // a table
var preferred = []string{"SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"}

const mechanismToken = "OAUTHBEARER"

// choose picks the mechanism that the inventory states, or else the best that
// is offered. A refusal is that the broker offers none of the kind.
func (v *visit) choose(login *channel.Login) (string, error) {
	stated, offered := strings.ToUpper(login.Mechanism), v.Facts.Mechanisms
	if a := v.Visit.Link().Auth; stated == "" && (a.Type == inventory.AuthBearer || a.Type == inventory.AuthOAuth2 || a.Password.IsZero()) {
		stated = mechanismToken
	}
	switch {
	case stated != "" && stated != mechanismToken && !slices.Contains(preferred, stated):
		return "", checks.Because(checks.ReasonNotTested, "the mechanism %s is not known here", stated)
	case offered == nil && stated == "":
		return "", checks.Because(checks.ReasonNotTested, "it is not known which mechanisms are offered")
	case offered != nil && stated != "" && !slices.Contains(offered, stated):
		return "", &refusal{"the broker does not offer " + stated}
	case stated != "":
		return stated, nil
	}
	for _, mechanism := range preferred {
		if slices.Contains(offered, mechanism) {
			return mechanism, nil
		}
	}
	return "", checks.Because(checks.ReasonNotTested, "no mechanism is offered that is known here and takes a password")
}

// logIn tries a login on a connection of its own, and uses the session when it
// is granted. The error says why it was not; see [refusal] and [silence].
func (v *visit) logIn(ctx context.Context, mechanism string, login *channel.Login, use func(*session)) error {
	k, err := v.open(ctx)
	if err != nil {
		return err
	}
	defer v.close(k)
	if err := k.Unproven(); err != nil {
		return err
	}
	if err := v.authenticate(k, mechanism, login); err != nil {
		return err
	}
	if use != nil {
		use(k)
	}
	return nil
}

// authenticate logs in (KIP-152). Brokers before 1.0, which know version 0 of
// SaslHandshake alone and take the tokens of a login outside of any request, are
// not logged in to.
func (v *visit) authenticate(k *session, mechanism string, login *channel.Login) error {
	if strings.ContainsAny(login.User+login.Password, "\x00\x01") {
		return checks.Because(checks.ReasonNotTested, "a login with control characters is not sent")
	}
	req, resp := kmsg.NewPtrSASLHandshakeRequest(), kmsg.NewPtrSASLHandshakeResponse()
	req.Mechanism, req.Version = mechanism, 1
	if err := k.exchange(req, 1, resp); err != nil {
		return err
	}
	switch resp.ErrorCode {
	case 0:
	case codeUnsupportedMechanism:
		return &refusal{"the broker does not offer " + mechanism}
	default:
		return checks.Because(checks.ReasonAmbiguous, "SaslHandshake is answered with error %d", resp.ErrorCode)
	}
	k.user = login.User
	switch mechanism {
	case "PLAIN": // RFC 4616
		_, err := v.token(k, []byte("\x00"+login.User+"\x00"+login.Password))
		return err
	case mechanismToken:
		return v.bearer(k, login.Password)
	default:
		return v.scram(k, newScram(mechanism, login.User, login.Password))
	}
}

func (v *visit) scram(k *session, s *scram) error {
	challenge, err := v.token(k, s.open())
	if err != nil {
		return err
	}
	last, err := s.answer(challenge)
	if err != nil {
		return err
	}
	v.limits = append(v.limits, fmt.Sprintf("scram_rounds=%d", s.rounds))
	final, err := v.token(k, last)
	if err != nil {
		return err
	}
	return s.verify(final)
}

// bearer logs in with a token (RFC 7628). A broker that refuses it says why in
// JSON, and ends the login once the client has taken note.
func (v *visit) bearer(k *session, token string) error {
	why, err := v.token(k, []byte("n,,\x01auth=Bearer "+token+"\x01\x01"))
	if err != nil || len(why) == 0 {
		return err
	}
	var said struct {
		Status string `json:"status"`
	}
	if json.Unmarshal(why, &said) != nil || said.Status == "" {
		return checks.Because(checks.ReasonGarbage, "the broker answers a token with what is neither a refusal nor success")
	}
	_, err = v.token(k, []byte{1})
	if no, ok := errors.AsType[*refusal](err); ok {
		return no
	}
	return &refusal{printable(said.Status, nameMax)}
}

// tokenVersion is the newest version of SaslAuthenticate that is not flexible.
const tokenVersion = 1

// token sends one message of a login and returns the broker's.
func (v *visit) token(k *session, message []byte) ([]byte, error) {
	req, resp := kmsg.NewPtrSASLAuthenticateRequest(), kmsg.NewPtrSASLAuthenticateResponse()
	req.SASLAuthBytes, req.Version = message, tokenVersion
	err := k.exchange(req, 0, resp)
	switch {
	case hungUp(err):
		return nil, &silence{err}
	case err != nil:
		return nil, err
	case resp.ErrorCode == codeAuthentication:
		return nil, v.refused(k, resp.ErrorMessage)
	case resp.ErrorCode != 0:
		return nil, checks.Because(checks.ReasonAmbiguous, "SaslAuthenticate is answered with error %d", resp.ErrorCode)
	}
	if resp.SessionLifetimeMillis > 0 {
		v.limits = append(v.limits, fmt.Sprintf("session_lifetime_ms=%d", resp.SessionLifetimeMillis))
	}
	return resp.SASLAuthBytes, nil
}

// refused reads the text of a refusal.
func (v *visit) refused(k *session, message *string) error {
	text := ""
	if message != nil {
		text = *message
	}
	v.verbose(isTelling(text, k.user))
	return &refusal{"error 58, " + printable(text, 2*nameMax)}
}

// verbose notes whether a refusal was a telling one; one that is will do.
func (v *visit) verbose(telling bool) {
	v.Facts.VerboseErrors = new(telling || v.Facts.VerboseErrors != nil && *v.Facts.VerboseErrors)
}

// isTelling reports a refusal that says which half of a login was wrong, or what
// it was held against. What Kafka itself says names neither half: "invalid
// username or password", "invalid credentials with SASL mechanism ...".
func isTelling(text, user string) bool {
	text = strings.ToLower(text)
	if len(user) >= 3 && strings.Contains(text, strings.ToLower(user)) {
		return true
	}
	for _, half := range []string{
		"unknown user", "no such user", "user not found", "user does not exist", "user is unknown",
		"wrong password", "incorrect password", "password does not match", "password mismatch", "bad password",
		"exception", "ldap", "\tat ",
	} {
		if strings.Contains(text, half) {
			return true
		}
	}
	return false
}
