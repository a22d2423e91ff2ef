package risk

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// Bounds in bytes. A message may quote what a server said, and a hostile one
// says a lot.
const (
	maxMessage = 400
	maxDetail  = 160 // as checks.Unknown says
)

// court judges rules over the facts of one link or vendor.
type court struct {
	schema   *schema
	shared   *interned
	declared map[string]any // all that can be declared, stated or not
	facts    Facts
}

// declareRest makes empty what was not declared.
func (c *court) declareRest() {
	for name, l := range c.schema.leaves {
		if _, stated := c.declared[name]; l.declared && !stated {
			c.declared[name] = zeroOf(l.Kind)
		}
	}
}

// ResolveName gives an expression the value of a fact.
func (c *court) ResolveName(name string) (any, bool) {
	if v, ok := c.declared[name]; ok {
		return v, true
	}
	v, ok := c.facts.Values[name]
	return v, ok
}

// Parent is nil: there are no facts beyond these.
func (c *court) Parent() cel.Activation { return nil }

// judge gives the verdict of one rule:
//
//   - when is false: not applicable;
//   - assert is true or false: pass or fail, even when facts are unknown that
//     the answer does not depend on;
//   - either depends on an unknown fact: inconclusive, naming it, unless no
//     probe of that fact's namespace applies here, or the peer positively
//     answered without the TLS the fact is about: then not applicable. That
//     there is no TLS is a finding of its own, and judging TLS, certificate
//     and mTLS on top of it would only drown that in doubt;
//   - either cannot be evaluated, such as the first name of an empty list:
//     inconclusive. The peer is not to blame for a defect of the rule, so it
//     is no weakness; but nothing was shown either. Missing then names
//     "rule.when" or "rule.assert", for the reason bug, or budget when the
//     expression went over its cost limit.
func (c *court) judge(r *compiledRule, f *Finding) {
	f.Rule, f.Severity = r.ID, r.Severity
	f.Missing = []checks.Unknown{}
	f.Fingerprint = fingerprint(r.ID, f.Target)
	vars := c.vars(r)
	if r.when != nil {
		got := r.when.eval(vars)
		if got.value != nil && !got.isTrue() {
			f.Verdict = NotApplicable
			f.Message = "does not apply: " + firstLine(r.When) + " is false"
			f.Facts = c.valuesOf(r.when.reads)
			return
		}
		if got.value == nil {
			c.undecided(r, f, got, "rule.when")
			return
		}
	}
	f.Facts = c.valuesOf(r.reads)
	switch got := r.assert.eval(vars); {
	case got.value == nil:
		c.undecided(r, f, got, "rule.assert")
	case got.isTrue():
		f.Verdict, f.Message = Pass, r.Title
	default:
		f.Verdict, f.Message = Fail, clip(c.message(r, vars), maxMessage)
	}
}

// vars are the facts as the rule's expressions see them, with those marked
// that are not known.
func (c *court) vars(r *compiledRule) cel.Activation {
	var unknown []*cel.AttributePatternType
	for _, name := range r.reads {
		if _, known := c.ResolveName(name); !known {
			unknown = append(unknown, c.schema.leaves[name].unknown)
		}
	}
	if unknown == nil {
		return c
	}
	partial, err := cel.PartialVars(c, unknown...)
	if err != nil { // only for a value that is no activation
		return c
	}
	return partial
}

// undecided fills in a finding without an answer.
func (c *court) undecided(r *compiledRule, f *Finding, got result, field string) {
	f.Facts = c.valuesOf(r.reads)
	if got.err != nil {
		f.Verdict = Inconclusive
		f.Missing = []checks.Unknown{{Fact: field, Reason: reasonOf(got.err), Detail: clip(got.err.Error(), maxDetail)}}
		f.Message = clip("the rule could not be evaluated: "+got.err.Error(), maxMessage)
		return
	}
	for _, fact := range got.missing {
		if namespace := namespaceOf(fact); !slices.Contains(c.facts.Namespaces, namespace) {
			f.Verdict = NotApplicable
			f.Message = "does not apply: there is no " + namespace + " to look at on this link"
			return
		}
	}
	for _, fact := range got.missing {
		why := c.facts.why(fact)
		if why.Reason == checks.ReasonPlaintext {
			f.Verdict, f.Missing = NotApplicable, []checks.Unknown{}
			f.Message = "does not apply: the peer answered without TLS"
			return
		}
		f.Missing = append(f.Missing, why)
	}
	if why, moot := onlyNotAsked(f.Missing); moot {
		f.Verdict, f.Missing = NotApplicable, []checks.Unknown{}
		f.Message = clip("does not apply: "+why, maxMessage)
		return
	}
	f.Verdict = Inconclusive
	f.Message = clip(whyInconclusive(f.Missing), maxMessage)
}

// onlyNotAsked reports that nothing is missing but what nobody asked for, and
// what it would have taken.
func onlyNotAsked(missing []checks.Unknown) (why string, ok bool) {
	for _, u := range missing {
		if u.Reason != checks.ReasonNotAsked {
			return "", false
		}
	}
	if len(missing) == 0 {
		return "", false
	}
	return cmp.Or(missing[0].Detail, inWords(checks.ReasonNotAsked)), true
}

// message says what failed. A message that cannot be evaluated must not cost
// the finding: the title and the facts take its place.
func (c *court) message(r *compiledRule, vars cel.Activation) string {
	if s, ok := r.say(vars); ok {
		return s
	}
	return r.Title + ": not so (" + describe(c.valuesOf(r.reads)) + ")"
}

// say evaluates the rule's own message.
func (r *compiledRule) say(vars cel.Activation) (string, bool) {
	s, ok := r.message.eval(vars).value.(types.String)
	return string(s), ok && s != ""
}

// valuesOf picks the facts that are known. It is never nil.
func (c *court) valuesOf(names []string) map[string]any {
	return c.shared.share(names, c.ResolveName)
}

// describe writes facts as a=1, b="x", sorted by name.
func describe(values map[string]any) string {
	var b strings.Builder
	for i, name := range sortedKeys(values) {
		if i > 0 {
			b.WriteString(", ")
		}
		switch v := values[name].(type) {
		case string, []string:
			fmt.Fprintf(&b, "%s=%q", name, v)
		default:
			fmt.Fprintf(&b, "%s=%v", name, v)
		}
	}
	return b.String()
}

// fingerprint is the same for a rule and target for ever.
func fingerprint(rule, target string) string {
	sum := sha256.Sum256([]byte(rule + "\x00" + target))
	return hex.EncodeToString(sum[:])
}

// clip cuts s to n bytes, between characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	end := n - len("…")
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
