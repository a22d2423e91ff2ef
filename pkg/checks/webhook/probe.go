// Package webhook finds out what a receiver of webhook calls takes: calls in
// the clear and, with the consent of its owner, calls that are signed wrongly,
// late, or not at all.
package webhook

import (
	"context"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/checks/signing"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Probe gathers the facts of namespace "webhook". By default it sends one GET
// to port 80; the test events take level consented, the consent
// send_test_event on the link, a secret and a proven peer.
func Probe() checks.Probe {
	return checks.New(checks.Spec{
		Name:  "webhook",
		Doc:   "Looks whether the receiver answers without TLS, and with consent sends test events that are signed rightly, wrongly and not at all.",
		Level: checks.Observe,
		Applies: func(l *inventory.Link) bool {
			return l.Kind == inventory.KindWebhook && l.Target().HTTP()
		},
		Plan: plan,
	}, observe)
}

// plan counts the conversation's connection, and that to the twin.
func plan(s checks.Scope) checks.Cost {
	var cost checks.Cost
	if t := twinOf(s.Link); t.exists {
		cost.Connections++
		cost.Asks = append(cost.Asks, twinName)
		if t.comparable() {
			cost.Connections++
			cost.Asks = append(cost.Asks, httpclient.Names(control)...)
		}
	}
	if agreed := agreementOf(s.Link); agreed.notAsked(s.Level) == "" && s.Link.Target().TLS() {
		cost.Connections++
		for _, step := range agreed.steps() {
			cost.Asks = append(cost.Asks, httpclient.Names(agreed.request(step, nil, nil, nil))...)
		}
	}
	return cost
}

func observe(ctx context.Context, v *checks.Visit) (*Facts, error) {
	l := v.Link()
	f := &Facts{SecretInURL: new(len(l.URLSecrets()) > 0)}
	var err error
	if f.PlaintextTwin, err = observeTwin(ctx, v); err != nil {
		v.Unknown("plaintext_twin", err)
		if outcome, _ := checks.Classify(err); outcome == checks.Unreachable && !v.Address().IsValid() {
			return f, err
		}
	}
	agreed := agreementOf(l)
	if agreed.signature.Scheme == "" {
		v.UnknownReason("", checks.ReasonNotAsked, agreed.notAsked(v.Level()))
		return f, nil
	}
	f.SignatureHasTimestamp = new(signing.HasTimestamp(agreed.signature))
	if why := agreed.notAsked(v.Level()); why != "" {
		v.UnknownReason("", checks.ReasonNotAsked, why)
		return f, nil
	}
	t := &trial{visit: v, talk: httpclient.Talk(v), agreement: agreed}
	if err := t.run(ctx); err != nil {
		v.Unknown("", err)
		if outcome, _ := checks.Classify(err); outcome == checks.Unreachable {
			return f, err
		}
		return f, nil
	}
	t.judge(f)
	return f, nil
}
