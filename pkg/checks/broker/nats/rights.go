package nats

import (
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
)

// userInfo is the answer to $SYS.REQ.USER.INFO.
type userInfo struct {
	Data *struct {
		User        string       `json:"user"`
		Account     string       `json:"account"`
		Permissions *permissions `json:"permissions"`
	} `json:"data"`
}

type permissions struct {
	Publish   *subjects `json:"publish"`
	Subscribe *subjects `json:"subscribe"`
}

// subjects are allowed, or all are but those denied.
type subjects struct {
	Allow []string `json:"allow"`
	Deny  []string `json:"deny"`
}

// everything reports whether every subject is allowed. Some denied ones, such
// as those of the system, do not change what that means.
func (s *subjects) everything() bool {
	switch {
	case s == nil:
		return true
	case slices.Contains(s.Deny, ">"):
		return false
	default:
		return len(s.Allow) == 0 || slices.Contains(s.Allow, ">")
	}
}

// something reports whether a subject is allowed beside inboxes, which a client
// has for answers to itself.
func (s *subjects) something() bool {
	if s.everything() {
		return true
	}
	return slices.ContainsFunc(s.Allow, func(subject string) bool {
		return !strings.HasPrefix(subject, "_INBOX.") && !strings.HasPrefix(subject, "$SYS.REQ.USER.INFO")
	}) && !slices.Contains(s.Deny, ">")
}

const systemAccount = "$SYS"

// rights asks the server about the user of a session. prefix is how its facts
// begin.
func (v *visit) rights(c *channel.Conn, prefix string, to *channel.Rights) {
	payload, err := v.ask(c, "$SYS.REQ.USER.INFO")
	var user userInfo
	if err == nil && (json.Unmarshal(payload, &user) != nil || user.Data == nil) {
		err = checks.Because(checks.ReasonAmbiguous, "the server does not say what the user may do")
	}
	if err != nil {
		v.trySubscribing(c, prefix, to, err)
		return
	}
	may := user.Data.Permissions
	if may == nil {
		may = &permissions{}
	}
	to.SubscribeAll = new(may.Subscribe.everything())
	to.Publish = new(may.Publish.something())
	to.Admin = new(user.Data.Account == systemAccount)
	to.Proof = new("introspection")
	v.Visit.Evidence("nats", "$SYS.REQ.USER.INFO: account "+user.Data.Account+", "+describe("publish", may.Publish)+", "+describe("subscribe", may.Subscribe))
}

func describe(what string, s *subjects) string {
	if s.everything() {
		return what + " everything"
	}
	return what + " " + strings.Join(s.Allow, " ")
}

// ask sends a request and returns the answer. The PING behind it is answered in
// any case, and its PONG is read, so that it is not taken for a later one's. What
// comes after that is from another server of the cluster.
func (v *visit) ask(c *channel.Conn, subject string) ([]byte, error) {
	inbox := "_INBOX.m2mscan." + rand.Text()
	if err := c.Send(request(inbox, subject)); err != nil {
		return nil, err
	}
	var (
		answer   []byte
		answered = checks.Because(checks.ReasonAmbiguous, "nobody answers %s", subject)
		settled  bool // nothing more is to come
		pinged   bool
	)
	for range linesMax {
		l, err := readLine(c)
		switch {
		case err != nil && pinged:
			return nil, answered
		case err != nil:
			return nil, err
		case l.verb == verbMsg && l.subject == inbox:
			settled, answer = true, l.payload
			if len(answer) > 0 { // it is empty where there is no responder
				answered = nil
			}
		case l.verb == verbErr:
			settled, answered = true, checks.Because(checks.ReasonAmbiguous, "%s: %s", subject, l.rest)
		case l.verb == verbInfo:
			v.again(l.rest)
		case l.verb == verbPong:
			pinged = true
			_ = c.SetReadDeadline(soon())
		}
		if settled && pinged {
			return answer, answered
		}
	}
	return nil, errGarbage
}

// trySubscribing covers servers that do not answer requests about the user: one
// that may not subscribe to everything is told so. It is undone in the same
// write; what arrives in between is not kept.
func (v *visit) trySubscribing(c *channel.Conn, prefix string, to *channel.Rights, why error) {
	for _, right := range []string{"publish", "admin"} {
		v.Visit.Unknown(prefix+right, why)
	}
	unknown := func(err error) {
		v.Visit.Unknown(prefix+"subscribe_all", err)
		v.Visit.Unknown(prefix+"proof", err)
	}
	if !v.Visit.Level().Allows(checks.Active) {
		unknown(why)
		return
	}
	if err := c.Send([]byte("SUB > 9\r\nUNSUB 9\r\nPING\r\n")); err != nil {
		unknown(err)
		return
	}
	for range linesMax {
		l, err := readLine(c)
		switch {
		case err != nil:
			unknown(err)
			return
		case l.verb == verbErr && strings.Contains(strings.ToLower(l.rest), "permissions violation"):
			to.SubscribeAll, to.Proof = new(false), new("denial")
			return
		case l.verb == verbPong:
			to.SubscribeAll, to.Proof = new(true), new("denial") // it was not denied, as it is to who may not
			return
		}
	}
	unknown(errGarbage)
}
