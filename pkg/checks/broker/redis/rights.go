package redis

import (
	"crypto/rand"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
)

// rights finds out what the user of a session may do, without doing it. prefix
// is how its facts begin.
func (v *visit) rights(c *channel.Conn, user, prefix string, to *channel.Rights) {
	who, err := ask(c, "ACL", "WHOAMI")
	switch {
	case err != nil:
		v.Visit.Unknown(strings.TrimSuffix(prefix, "."), err)
		return
	case who.kind == kindText:
		user = who.text
		v.Visit.Evidence("redis", "ACL WHOAMI: "+user)
	case strings.HasPrefix(strings.ToLower(who.text), "err unknown command"):
		v.withoutACL(c, prefix, to)
		return
	}
	key := "m2mscan:" + rand.Text()
	for _, q := range []struct {
		fact string
		to   **bool
		run  []string
	}{
		{"subscribe_all", &to.SubscribeAll, []string{"GET", key}},
		{"publish", &to.Publish, []string{"SET", key, "x"}},
		{"admin", &to.Admin, []string{"FLUSHALL"}},
	} {
		may, err := v.dryRun(c, user, q.run)
		if err != nil {
			v.fallBack(c, prefix, to, err)
			return
		}
		*q.to = new(may)
		v.Visit.Evidence("redis", "ACL DRYRUN "+user+" "+q.run[0]+": "+map[bool]string{true: "OK", false: "refused"}[may])
	}
	to.Proof = new("introspection")
}

// dryRun asks whether a user may run a command (ACL DRYRUN, Redis 7.0).
func (v *visit) dryRun(c *channel.Conn, user string, words []string) (bool, error) {
	answer, err := ask(c, append([]string{"ACL", "DRYRUN", user}, words...)...)
	switch {
	case err != nil:
		return false, err
	case answer.kind == kindText && answer.text == "OK":
		return true, nil
	case answer.kind == kindText && strings.Contains(answer.text, "no permissions"):
		return false, nil
	case answer.code() == "NOPERM":
		return false, errDenied
	default:
		return false, checks.Because(checks.ReasonAmbiguous, "ACL DRYRUN: %s", answer.text)
	}
}

// errDenied is what a user without the right to look at rights is told.
var errDenied = checks.Because(checks.ReasonAmbiguous, "the user may not look at rights")

// fallBack covers servers without ACL DRYRUN, and users who may not use it: who
// is denied ACL is no administrator, and a key that does not exist can be read
// without reading anything.
func (v *visit) fallBack(c *channel.Conn, prefix string, to *channel.Rights, why error) {
	*to = channel.Rights{}
	if why == errDenied { //nolint:errorlint // compared with what this file returns
		to.Admin = new(false)
	} else if all, err := v.allowedEverything(c); err == nil {
		to.Admin = new(all)
	} else {
		v.Visit.Unknown(prefix+"admin", why)
	}
	v.Visit.UnknownReason(prefix+"publish", checks.ReasonNotTested, "only a write would tell")
	answer, err := ask(c, "GET", "m2mscan:"+rand.Text())
	switch {
	case err != nil:
		v.Visit.Unknown(prefix+"subscribe_all", err)
	case answer.kind == kindNull:
		to.SubscribeAll = new(true)
	case answer.code() == "NOPERM":
		to.SubscribeAll = new(false)
	default:
		v.Visit.UnknownReason(prefix+"subscribe_all", checks.ReasonAmbiguous, "GET of a key that does not exist: "+answer.text)
	}
	to.Proof = new("denial")
	if to.Admin == nil && to.SubscribeAll == nil {
		to.Proof = nil
		v.Visit.UnknownReason(prefix+"proof", checks.ReasonAmbiguous, "no right could be learned")
	}
}

// allowedEverything reads the user's rules (ACL GETUSER, Redis 6.0).
func (v *visit) allowedEverything(c *channel.Conn) (bool, error) {
	user, err := ask(c, "ACL", "GETUSER", "default")
	if err != nil {
		return false, err
	}
	commands, ok := user.field("commands")
	if !ok {
		return false, checks.Because(checks.ReasonAmbiguous, "ACL GETUSER: %s", user.text)
	}
	return strings.HasPrefix(commands.text, "+@all") && !strings.Contains(commands.text, "-@dangerous"), nil
}

// withoutACL covers servers before Redis 6.0: who is let in may do everything
// that was not renamed away.
func (v *visit) withoutACL(c *channel.Conn, prefix string, to *channel.Rights) {
	info, err := ask(c, "COMMAND", "INFO", "get", "set", "flushall")
	if err != nil {
		v.Visit.Unknown(strings.TrimSuffix(prefix, "."), err)
		return
	}
	if len(info.items) != 3 {
		v.Visit.UnknownReason(strings.TrimSuffix(prefix, "."), checks.ReasonAmbiguous, "neither ACL nor COMMAND is answered")
		return
	}
	exists := func(i int) *bool { return new(info.items[i].kind == kindList) }
	to.SubscribeAll, to.Publish, to.Admin, to.Proof = exists(0), exists(1), exists(2), new("introspection")
}
