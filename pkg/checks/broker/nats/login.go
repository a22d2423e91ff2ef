package nats

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// answerWait is how long an answer may take that comes from elsewhere in a
// cluster, once the server itself has answered.
const answerWait = time.Second

func soon() time.Time { return time.Now().Add(answerWait) }

// plaintext finds out whether a client that declines the offered TLS is served.
func (v *visit) plaintext(ctx context.Context) {
	if !v.Visit.Target().TLS() {
		v.Absent("tls_downgrade", "the link is agreed to be without TLS")
		return
	}
	if v.info.TLSRequired || !v.info.TLSAvailable { // required, or TLS comes first of all
		v.Facts.TLSDowngrade, v.Facts.Plaintext, v.Facts.PlaintextLogin = new(false), new(false), new(false)
		return
	}
	let, err := v.withoutTLS(ctx)
	if err != nil {
		for _, fact := range []string{"tls_downgrade", "plaintext", "plaintext_login"} {
			v.Visit.Unknown(fact, err)
		}
		return
	}
	v.Visit.Evidence("nats", "tls_available without tls_required, and CONNECT without TLS is answered")
	v.Facts.TLSDowngrade, v.Facts.Plaintext = new(true), new(true)
	v.Facts.PlaintextLogin = new(!let || v.info.AuthRequired)
}

func (v *visit) withoutTLS(ctx context.Context) (bool, error) {
	raw, err := v.Visit.Dial(ctx)
	if err != nil {
		return false, err
	}
	c := channel.Over(raw, fmt.Errorf("the connection is not encrypted"))
	defer c.Close()
	if _, err := v.greet(c); err != nil {
		return false, err
	}
	return v.connect(c, connect{})
}

// declared logs in with the link's own credential, once, and once with a wrong
// one for the same user.
func (v *visit) declared(ctx context.Context) {
	login, err := v.Declared()
	if err != nil {
		v.Visit.Unknown("declared", err)
		v.Visit.Unknown("declared_rights", err)
		v.Visit.Unknown("random_credential", err)
		v.CompareRights()
		return
	}
	isToken := v.Visit.Link().Auth.Type == inventory.AuthBearer
	as := func(secret string) connect {
		if isToken {
			return connect{Token: secret}
		}
		return connect{User: login.User, Password: secret}
	}
	v.Facts.RandomCredential = v.logIn(ctx, "random_credential", as(rand.Text()), nil)
	v.Facts.Declared = v.logIn(ctx, "declared", as(login.Password), func(c *channel.Conn) {
		v.rights(c, "declared_rights.", &v.Facts.DeclaredRights)
	})
	if v.Facts.Declared == nil || *v.Facts.Declared != channel.Accepted {
		v.Visit.UnknownReason("declared_rights", checks.ReasonNotTested, "the login did not succeed")
	}
	v.CompareRights()
}

func (v *visit) logIn(ctx context.Context, fact string, as connect, use func(*channel.Conn)) *string {
	c, err := v.Open(ctx)
	if err == nil {
		defer c.Close()
		if err = c.Unproven(); err == nil {
			_, err = v.greet(c)
		}
	}
	let := false
	if err == nil {
		let, err = v.connect(c, as)
	}
	switch {
	case err != nil:
		v.Visit.Unknown(fact, err)
		return nil
	case !let:
		return new(channel.Refused)
	}
	if use != nil {
		use(c)
	}
	return new(channel.Accepted)
}

// monitoringPort is where NATS serves its monitoring pages.
const monitoringPort = 8222

// monitoring looks at the page that NATS has beside its own port.
func (v *visit) monitoring(ctx context.Context) {
	c, err := v.Visit.DialBeside(ctx, monitoringPort)
	if err != nil {
		if outcome, reason := checks.Classify(err); outcome == checks.Unreachable && reason == checks.ReasonRefused {
			v.Facts.MonitoringOpen = new(false)
			return
		}
		v.Visit.Unknown("monitoring_open", err)
		return
	}
	defer c.Close()
	page, err := get(c, v.Visit.Target().Host, v.Visit.UserAgent())
	if err != nil {
		v.Visit.Unknown("monitoring_open", err)
		return
	}
	v.Facts.MonitoringOpen = new(bytes.HasPrefix(page, []byte("HTTP/1.")) && bytes.Contains(page, []byte(" 200 ")) && bytes.Contains(page, []byte(`"server_id"`)))
	if *v.Facts.MonitoringOpen {
		v.Visit.Evidence("http", "port 8222 answers /varz with status 200")
	}
}

// pageMax is how much of a monitoring page is read: its first lines suffice.
const pageMax = 2048

func get(c io.ReadWriter, host, agent string) ([]byte, error) {
	clean := strings.NewReplacer("\r", "", "\n", "").Replace(agent)
	if _, err := fmt.Fprintf(c, "GET /varz HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nConnection: close\r\n\r\n", host, clean); err != nil {
		return nil, err
	}
	page, err := io.ReadAll(io.LimitReader(bufio.NewReader(c), pageMax))
	if len(page) == 0 && err == nil {
		err = checks.Because(checks.ReasonReset, "port 8222 closed the connection")
	}
	if len(page) > 0 {
		err = nil
	}
	return page, err
}
