package risk

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"cel.dev/cel-go/cel"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Judge holds facts against rules. It never changes once made, and is safe
// for concurrent use.
type Judge struct {
	rules   []Rule
	place   map[string]int // id → place in rules
	links   []compiledRule // of scope link, in the order of rules
	vendors []compiledRule // of scope vendor
	digest  string

	link, vendor *schema
	namespaces   []string // of all probes
}

// compiledRule is a rule ready to be judged.
type compiledRule struct {
	*Rule
	when    *expression // nil when the rule always applies
	assert  *expression
	message *expression
	reads   []string // the facts any of them names, sorted
}

// NewJudge compiles the rules that are not disabled against the facts of the
// probes, on all processors at once. The error is of type [RuleProblems]: a
// fact that does not exist, a wrong type, a syntax error, each with the rule,
// the field and the place in the expression. All of them are reported.
func NewJudge(rules []Rule, probes []checks.Probe) (*Judge, error) {
	j := &Judge{place: make(map[string]int, len(rules))}
	for _, r := range rules {
		if r.Disabled {
			continue
		}
		if _, twice := j.place[r.ID]; twice {
			return nil, RuleProblems{{Rule: r.ID, Field: "id", Message: "stands twice"}}
		}
		j.place[r.ID] = len(j.rules)
		j.rules = append(j.rules, r)
	}
	for _, p := range probes {
		j.namespaces = append(j.namespaces, p.Name)
	}
	var err error
	if j.digest, err = Digest(j.rules); err != nil {
		return nil, err
	}
	if j.link, err = linkSchema(probes); err != nil {
		return nil, err
	}
	if j.vendor, err = vendorSchema(); err != nil {
		return nil, err
	}
	return j, j.compile()
}

// Rules lists the rules judged, in order.
func (j *Judge) Rules() []Rule { return slices.Clone(j.rules) }

// Rule finds a rule by its id.
func (j *Judge) Rule(id string) (Rule, bool) {
	i, ok := j.place[id]
	if !ok {
		return Rule{}, false
	}
	return j.rules[i], true
}

// Digest is the [Digest] of the rules judged.
func (j *Judge) Digest() string { return j.digest }

// compile compiles all rules; problems come in the order of the rules,
// whichever was found first.
func (j *Judge) compile() error {
	compiled := make([]compiledRule, len(j.rules))
	problems := make([]RuleProblems, len(j.rules))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(j.rules)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(j.rules)); i = next.Add(1) - 1 {
				compiled[i], problems[i] = j.schemaOf(&j.rules[i]).compileRule(&j.rules[i])
			}
		})
	}
	wg.Wait()
	if err := slices.Concat(problems...).orNil(); err != nil {
		return err
	}
	for _, c := range compiled {
		if c.Scope == ScopeVendor {
			j.vendors = append(j.vendors, c)
		} else {
			j.links = append(j.links, c)
		}
	}
	return nil
}

func (j *Judge) schemaOf(r *Rule) *schema {
	if r.Scope == ScopeVendor {
		return j.vendor
	}
	return j.link
}

func (s *schema) compileRule(r *Rule) (compiledRule, RuleProblems) {
	c := compiledRule{Rule: r}
	var problems RuleProblems
	compile := func(field, text string, want *cel.Type) *expression {
		e, err := s.compile(text, want)
		if err == nil {
			c.reads = append(c.reads, e.reads...)
			return e
		}
		found, ok := errors.AsType[RuleProblems](err)
		if !ok {
			found = RuleProblems{{Message: err.Error()}}
		}
		for _, p := range found {
			p.Rule, p.Field = r.ID, field
			problems = append(problems, p)
		}
		return nil
	}
	if r.When != "" {
		c.when = compile("when", r.When, cel.BoolType)
	}
	c.assert = compile("assert", r.Assert, cel.BoolType)
	c.message = compile("message", r.Message, cel.StringType)
	slices.Sort(c.reads)
	c.reads = slices.Compact(c.reads)
	return c, problems
}

// Link judges every rule of scope link: one finding for each, in the order of
// the rules, those that do not apply included. The position is the link's in
// the inventory.
func (j *Judge) Link(d Declared, f Facts, at inventory.Position) []Finding {
	declared := make(map[string]any, len(j.link.leaves))
	checks.Flatten("", d, declared)
	return j.link.judge(j.links, declared, f, Finding{Target: d.Link.ID, Vendor: d.Vendor.ID, Location: at})
}

// Vendor judges every rule of scope vendor, in the order of the rules. The
// position is the vendor's in the inventory.
func (j *Judge) Vendor(d DeclaredVendor, at inventory.Position) []Finding {
	declared := make(map[string]any, len(j.vendor.leaves))
	checks.Flatten("vendor", d, declared)
	return j.vendor.judge(j.vendors, declared, Facts{}, Finding{Target: d.ID, Vendor: d.ID, Location: at})
}

// judge fills in one copy of form for each rule.
func (s *schema) judge(rules []compiledRule, declared map[string]any, f Facts, form Finding) []Finding {
	c := &court{schema: s, shared: &s.shared, declared: declared, facts: f}
	c.declareRest()
	findings := make([]Finding, len(rules))
	for i := range rules {
		findings[i] = form
		c.judge(&rules[i], &findings[i])
	}
	return findings
}
