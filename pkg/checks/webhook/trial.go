package webhook

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/checks/signing"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// agreement is how the calls of a webhook are signed, as the inventory says.
type agreement struct {
	link      *inventory.Link
	signature inventory.Signature
	byAuth    bool // it stands under auth, as type hmac
}

// agreementOf reads the signature, or the auth type hmac, which signs the calls
// just as well.
func agreementOf(l *inventory.Link) agreement {
	if l.Signature.Scheme == "" && l.Auth.Type == inventory.AuthHMAC {
		s := inventory.Signature{Scheme: inventory.SignatureHMAC, Secret: l.Auth.Key, Signing: l.Auth.Signing}
		return agreement{link: l, signature: s, byAuth: true}
	}
	return agreement{link: l, signature: l.Signature}
}

// notAsked says what the trial lacks, or nothing when it may be held.
func (a agreement) notAsked(level checks.Level) string {
	switch {
	case a.signature.Scheme == "":
		return "the inventory names no signature scheme for this webhook"
	case a.signature.Secret.IsZero():
		return "the inventory names no secret of the signature"
	case !slices.Contains(a.link.Probe.Consent, inventory.ConsentSendTestEvent):
		return "a test event takes the consent send_test_event of the link's owner"
	case !level.Allows(checks.Consented):
		return "a test event is sent with --level consented"
	}
	return ""
}

// step is one call of the trial. Its name stands in plans and in evidence.
type step string

// The steps, in their order. The valid call comes behind those that ought to be
// refused, so that no receiver knows its id by then, and comes again at last.
const (
	unsigned  step = "unsigned"
	forged    step = "signed with another key"
	late      step = "signed 10 minutes ago"
	early     step = "signed 10 minutes ahead"
	tampered  step = "altered after it was signed"
	valid     step = "rightly signed"
	duplicate step = "rightly signed, again"
)

// shift is how far off the clock a call is that is late or early: twice what
// the libraries of the schemes allow.
const shift = 10 * time.Minute

// steps are those of the trial that say something of the scheme.
func (a agreement) steps() []step {
	if !signing.HasTimestamp(a.signature) {
		return []step{unsigned, forged, tampered, valid, duplicate}
	}
	return []step{unsigned, forged, late, early, tampered, valid, duplicate}
}

// request is the call of a step. Its name depends on the step and the link
// alone.
func (a agreement) request(s step, own *httpclient.Credential, header http.Header, body []byte) httpclient.Request {
	return httpclient.Request{
		Method: http.MethodPost, Body: body, Header: http.Header{"Content-Type": {mediaType(body)}},
		Credential:  httpclient.Sealed(string(s), a.link, own, header),
		Certificate: !a.link.TLS.ClientCert.IsZero(),
	}
}

// answer is what became of a call.
type answer struct {
	*httpclient.Response
	err error
}

// accepted reads an answer. A server that is busy or fails has not refused.
func (a answer) accepted() (bool, error) {
	switch {
	case a.err != nil:
		return false, a.err
	case a.Throttled():
		return false, checks.Because(checks.ReasonThrottled, "answered HTTP %d", a.Status)
	case a.Status >= http.StatusInternalServerError:
		return false, checks.Because(checks.ReasonAmbiguous, "answered HTTP %d, which is no refusal", a.Status)
	}
	return a.Status >= http.StatusOK && a.Status < http.StatusMultipleChoices, nil
}

// trial sends the calls of one link and keeps the answers.
type trial struct {
	agreement

	visit   *checks.Visit
	talk    *httpclient.Conversation
	scheme  *signing.Scheme
	own     *httpclient.Credential // nil when the link has none besides the signature
	client  string
	uri     string
	event   event
	header  http.Header // of the valid call
	body    []byte
	answers map[step]answer
}

// run sends one call after the other. It stops when the receiver asks for less.
// The error says why nothing was sent, or that the receiver cannot be reached.
func (t *trial) run(ctx context.Context) error {
	if err := t.prepare(ctx); err != nil {
		return err
	}
	t.answers = make(map[step]answer)
	var stop error
	for _, s := range t.steps() {
		if stop != nil {
			t.answers[s] = answer{err: stop}
			continue
		}
		got := t.send(ctx, s)
		t.answers[s] = got
		if outcome, _ := checks.Classify(got.err); outcome == checks.Unreachable {
			return got.err
		}
		if got.err == nil && got.Throttled() {
			stop = checks.Because(checks.ReasonThrottled, "not sent: the receiver answered HTTP %d to the one before", got.Status)
		}
	}
	return nil
}

// prepare resolves what the inventory names.
func (t *trial) prepare(ctx context.Context) error {
	if !t.visit.Target().TLS() {
		return checks.Because(checks.ReasonNotTested, "signed events are not sent without TLS")
	}
	secret, err := t.signature.Secret.Resolve()
	if err != nil {
		return checks.Because(checks.ReasonNotTested, "the secret of the signature: %w", err)
	}
	if t.scheme, err = signing.For(t.signature, secret); err != nil {
		return err
	}
	whole, err := t.link.RequestURL()
	if err != nil {
		return checks.Because(checks.ReasonNotTested, "the declared URL: %w", err)
	}
	t.uri = whole.RequestURI()
	if t.event, err = newEvent(t.link, t.signature.Scheme); err != nil {
		return err
	}
	if !t.byAuth {
		t.own, err = t.talk.Declared(ctx)
		if _, reason := checks.Classify(err); err != nil && reason != checks.ReasonNotAsked {
			return err
		}
		return nil
	}
	if !t.link.Auth.ClientID.IsZero() {
		if t.client, err = t.link.Auth.ClientID.Resolve(); err != nil {
			return checks.Because(checks.ReasonNotTested, "auth.client_id: %w", err)
		}
	}
	return nil
}

// send makes and sends the call of a step.
func (t *trial) send(ctx context.Context, s step) answer {
	header, body, err := t.call(s)
	if err != nil {
		return answer{err: err}
	}
	e, err := t.talk.Ask(ctx, t.request(s, t.own, header, body))
	if err != nil {
		return answer{err: err}
	}
	t.visit.Evidence("http", fmt.Sprintf("event %s: %s", s, e.Response))
	return answer{Response: e.Response}
}

// call is the header and the body of a step. The last is the valid one over
// again, to the byte.
func (t *trial) call(s step) (http.Header, []byte, error) {
	if s == duplicate {
		return t.header, t.body, nil
	}
	m := signing.Message{ID: t.event.id(), Time: time.Now(), Method: http.MethodPost, URI: t.uri, Client: t.client}
	switch s {
	case late:
		m.Time = m.Time.Add(-shift)
	case early:
		m.Time = m.Time.Add(shift)
	default: // the others are of now
	}
	m.Body = t.event.body(m.ID, m.Time)
	sign := t.scheme.Sign
	switch s {
	case unsigned:
		sign = t.scheme.Unsigned
	case forged:
		sign = t.scheme.Forge
	default: // the others are signed
	}
	header, err := sign(m)
	body := m.Body
	switch s {
	case tampered:
		body = alter(body)
	case valid:
		t.header, t.body = header, body
	default: // the others are sent once, as they were signed
	}
	return header, body, err
}

// judge fills in the facts. All of them rest on the valid call: a receiver that
// refuses that one may refuse the others for the same reason.
func (t *trial) judge(f *Facts) {
	good, err := t.answers[valid].accepted()
	if err == nil {
		f.ValidAccepted = &good
	} else {
		t.visit.Unknown("valid_accepted", err)
		err = fmt.Errorf("the valid event: %w", err)
	}
	if err == nil && !good {
		err = checks.Because(checks.ReasonAmbiguous, "the valid event is answered HTTP %d%s: the secret, the event or the URL may not be this receiver's",
			t.answers[valid].Status, t.clocks())
	}
	for _, fact := range []struct {
		name string
		step step
		set  **bool
	}{
		{"unsigned_accepted", unsigned, &f.UnsignedAccepted},
		{"bad_signature_accepted", forged, &f.BadSignatureAccepted},
		{"replay_accepted", late, &f.ReplayAccepted},
		{"future_timestamp_accepted", early, &f.FutureTimestampAccepted},
		{"tampered_accepted", tampered, &f.TamperedAccepted},
		{"duplicate_accepted", duplicate, &f.DuplicateAccepted},
	} {
		if !slices.Contains(t.steps(), fact.step) {
			t.visit.UnknownReason(fact.name, checks.ReasonNotAsked, "scheme "+string(t.signature.Scheme)+" signs no timestamp")
			continue
		}
		if err != nil {
			t.visit.Unknown(fact.name, err)
			continue
		}
		yes, err := t.answers[fact.step].accepted()
		if err != nil {
			t.visit.Unknown(fact.name, err)
			continue
		}
		*fact.set = &yes
	}
}

// clockMax is a difference of clocks that a receiver may refuse a call for.
const clockMax = 4 * time.Minute

// clocks says how far the receiver's clock is off ours, when that may be why
// it refuses.
func (t *trial) clocks() string {
	response := t.answers[valid].Response
	theirs, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil || response.Sent.IsZero() {
		return ""
	}
	if off := theirs.Sub(response.Sent).Round(time.Second); off.Abs() > clockMax {
		return fmt.Sprintf(" (the clocks differ by %s)", off.Abs())
	}
	return ""
}
