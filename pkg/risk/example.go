package risk

import (
	"fmt"
	"math"
	"slices"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// ExampleFailure is an example that does not hold, or a rule whose examples
// do not prove it.
type ExampleFailure struct {
	Rule    string
	Index   int     // place among the rule's examples, from 0; -1 for the rule as a whole
	Name    string  // of the example, if it has one
	Want    Verdict // empty when the example could not be run
	Got     Verdict
	Message string // what is wrong
	Hint    string // may be empty
}

// String names the rule, the example and what is wrong.
func (f ExampleFailure) String() string {
	s := "rule " + f.Rule
	if f.Index >= 0 {
		s += fmt.Sprintf(", examples[%d]", f.Index)
	}
	if f.Name != "" {
		s += fmt.Sprintf(" (%s)", f.Name)
	}
	s += ": " + f.Message
	if f.Hint != "" {
		s += "\n  hint: " + f.Hint
	}
	return s
}

// TestExamples runs the examples of every rule, and returns those that fail in
// the order of the rules. In an example, a declared fact that is not given is
// empty, and an observed one is unknown.
//
// Beside a wrong verdict it reports: facts that do not exist or have another
// type, a failing example whose message cannot be evaluated on its facts, and
// a rule that none of its examples makes pass, or fail.
func (j *Judge) TestExamples() []ExampleFailure {
	var failures []ExampleFailure
	for i := range j.rules {
		failures = append(failures, j.testRule(&j.rules[i])...)
	}
	return failures
}

func (j *Judge) testRule(r *Rule) []ExampleFailure {
	compiled := j.compiledOf(r)
	got := make(map[Verdict]bool)
	var failures []ExampleFailure
	for i, e := range r.Examples {
		failure := ExampleFailure{Rule: r.ID, Index: i, Name: e.Name}
		verdict, message, hint := j.runExample(compiled, e)
		got[verdict] = true
		if message != "" {
			failure.Want, failure.Got, failure.Message, failure.Hint = e.Verdict, verdict, message, hint
			failures = append(failures, failure)
		}
	}
	for _, v := range []Verdict{Pass, Fail} {
		if !got[v] {
			failures = append(failures, ExampleFailure{Rule: r.ID, Index: -1, Want: v,
				Message: fmt.Sprintf("no example gives the verdict %s: nothing shows that the rule can", v)})
		}
	}
	return failures
}

// compiledOf finds the compiled form of one of the judge's own rules.
func (j *Judge) compiledOf(r *Rule) *compiledRule {
	list := j.links
	if r.Scope == ScopeVendor {
		list = j.vendors
	}
	i := slices.IndexFunc(list, func(c compiledRule) bool { return c.Rule == r })
	return &list[i]
}

// runExample judges one example. The message is empty when it holds.
func (j *Judge) runExample(r *compiledRule, e Example) (got Verdict, message, hint string) {
	c, message, hint := j.stage(j.schemaOf(r.Rule), e)
	if c == nil {
		return "", message, hint
	}
	f := Finding{Target: "example"}
	c.judge(r, &f)
	switch {
	case f.Verdict != e.Verdict:
		return f.Verdict, fmt.Sprintf("is %s (%s), and should be %s", f.Verdict, f.Message, e.Verdict), ""
	case f.Verdict == Fail:
		if _, ok := r.say(c.vars(r)); !ok {
			return f.Verdict, "its message cannot be evaluated", "give the example every fact that the message names"
		}
	}
	return f.Verdict, "", ""
}

// stage sets up the facts of an example. The court is nil when a fact does
// not exist or has another type.
func (j *Judge) stage(s *schema, e Example) (c *court, message, hint string) {
	c = &court{schema: s, shared: &s.shared, declared: make(map[string]any, len(s.leaves)), facts: Facts{
		Values: make(map[string]any, len(e.Facts)), Namespaces: j.namespaces,
	}}
	for _, namespace := range j.namespaces {
		c.facts.Unknown = append(c.facts.Unknown,
			checks.Unknown{Fact: namespace, Reason: checks.ReasonNotTested, Detail: "the example does not give it"})
	}
	c.declareRest()
	for _, name := range sortedKeys(e.Facts) {
		l, known := s.leaves[name]
		if !known {
			return nil, fmt.Sprintf("there is no fact %q", name), didYouMean(name, s.names)
		}
		v, ok := factAs(l.Kind, e.Facts[name])
		if !ok {
			hint = ""
			if l.Kind == checks.LeafString {
				hint = fmt.Sprintf("put it in quotes: \"%v\"", e.Facts[name])
			}
			return nil, fmt.Sprintf("the fact %s is of type %s, and its value is %v", name, l.Kind, e.Facts[name]), hint
		}
		if l.declared {
			c.declared[name] = v
		} else {
			c.facts.Values[name] = v
		}
	}
	return c, "", ""
}

// factAs gives a value from an example the type of the fact, if it can have
// it without a loss: 3 may stand for 3.0, and the other way round.
func factAs(k checks.LeafKind, v any) (any, bool) {
	switch v := v.(type) {
	case bool:
		return v, k == checks.LeafBool
	case string:
		return v, k == checks.LeafString
	case []string:
		return v, k == checks.LeafStrings
	case []any: // from JSON
		return stringsOf(v, k)
	case int:
		return factAs(k, int64(v))
	case int64:
		if k == checks.LeafDouble {
			return float64(v), true
		}
		return v, k == checks.LeafInt
	case float64:
		if k == checks.LeafInt && v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v), true
		}
		return v, k == checks.LeafDouble
	default:
		return nil, false
	}
}

func stringsOf(items []any, k checks.LeafKind) (any, bool) {
	list := make([]string, len(items))
	for i, item := range items {
		s, isString := item.(string)
		if !isString {
			return nil, false
		}
		list[i] = s
	}
	return list, k == checks.LeafStrings
}
