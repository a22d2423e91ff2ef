package risk

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Patterns of this package are compiled at first use: a command that reads no
// rule does not pay for them.
var (
	idPattern    = pattern(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	cwePattern   = pattern(`^CWE-[1-9][0-9]*$`)
	owaspPattern = pattern(`^API([1-9]|10):2023$`)
)

func pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

// Validate holds rules that did not come from a file to the same demands as
// [LoadRules] does, apart from unknown keys. The error is of type
// [RuleProblems].
func Validate(rules []Rule) error {
	var problems RuleProblems
	seen := make(map[string]bool, len(rules))
	for _, r := range rules {
		for _, f := range faultsOf(r) {
			problems = append(problems, RuleProblem{Rule: r.ID, Field: f.field, Message: f.message, Hint: f.hint})
		}
		if r.ID != "" && seen[r.ID] {
			problems = append(problems, RuleProblem{Rule: r.ID, Field: "id", Message: "stands twice"})
		}
		seen[r.ID] = true
	}
	return problems.orNil()
}

// fault is one thing wrong with a rule, wherever it came from.
type fault struct{ field, message, hint string }

// faultsOf lists what is wrong with a rule by itself. An entry that only
// switches a rule off needs nothing but the rule's id.
func faultsOf(r Rule) []fault {
	var faults []fault
	add := func(field, message, hint string) { faults = append(faults, fault{field, message, hint}) }
	switch {
	case r.ID == "":
		add("id", "is missing", "")
	case !idPattern().MatchString(r.ID):
		add("id", fmt.Sprintf("%q is not an id", r.ID), "use lower case words joined by hyphens: broker-refuses-anonymous")
	}
	if switchesOff(r) {
		return faults
	}
	for _, f := range []struct{ name, value string }{
		{"title", r.Title}, {"severity", string(r.Severity)}, {"category", string(r.Category)},
		{"assert", r.Assert}, {"message", r.Message}, {"remedy", r.Remedy},
	} {
		if strings.TrimSpace(f.value) == "" {
			add(f.name, "is missing", "")
		}
	}
	faults = append(faults, enumFaults(r)...)
	faults = append(faults, referenceFaults(r)...)
	return append(faults, exampleFaults(r)...)
}

// switchesOff reports whether r says nothing but that a rule is disabled.
func switchesOff(r Rule) bool { return r.Disabled && r.Assert == "" }

func enumFaults(r Rule) []fault {
	var faults []fault
	check := func(field, value string, allowed []string) {
		if value == "" || slices.Contains(allowed, value) {
			return
		}
		hint := didYouMean(value, allowed)
		if hint == "" {
			hint = "use one of " + strings.Join(allowed, ", ")
		}
		faults = append(faults, fault{field, fmt.Sprintf("unknown %s %q", field, value), hint})
	}
	check("severity", string(r.Severity), toStrings(Severities))
	check("category", string(r.Category), toStrings(Categories))
	check("scope", string(r.Scope), toStrings([]Scope{ScopeLink, ScopeVendor}))
	check("cap", string(r.Cap), toStrings([]Grade{GradeC, GradeD, GradeF}))
	check("claim", string(r.Claim), toStrings(ClaimNames()))
	if r.Claim != "" && r.Cap == "" {
		faults = append(faults, fault{"cap", "is missing: a claim that does not hold limits the grade", "write cap: C"})
	}
	return faults
}

func referenceFaults(r Rule) []fault {
	var faults []fault
	if len(r.Cites) == 0 {
		faults = append(faults, fault{"cites", "is missing", "name the standard and section that demands this"})
	}
	for i, c := range r.Cites {
		if strings.TrimSpace(c) == "" {
			faults = append(faults, fault{fmt.Sprintf("cites[%d]", i), "a citation is empty", ""})
		}
	}
	if r.CWE != "" && !cwePattern().MatchString(r.CWE) {
		faults = append(faults, fault{"cwe", fmt.Sprintf("%q is not a CWE id", r.CWE), "write CWE-319"})
	}
	if r.OWASP != "" && !owaspPattern().MatchString(r.OWASP) {
		faults = append(faults, fault{"owasp", fmt.Sprintf("%q is not an entry of the OWASP API Security Top 10", r.OWASP),
			"write API1:2023 to API10:2023"})
	}
	return faults
}

// exampleFaults demands the examples without which nobody knows that a rule
// can pass, can fail, and does not apply where it should not.
func exampleFaults(r Rule) []fault {
	var faults []fault
	verdicts := []Verdict{Pass, Fail, Inconclusive, NotApplicable}
	has := make(map[Verdict]bool, len(verdicts))
	for i, e := range r.Examples {
		field := fmt.Sprintf("examples[%d]", i)
		switch {
		case e.Verdict == "":
			faults = append(faults, fault{field + ".verdict", "is missing", ""})
		case !slices.Contains(verdicts, e.Verdict):
			faults = append(faults, fault{field + ".verdict", fmt.Sprintf("unknown verdict %q", e.Verdict),
				didYouMean(string(e.Verdict), toStrings(verdicts))})
		}
		has[e.Verdict] = true
	}
	needed := []Verdict{Pass, Fail}
	if r.When != "" {
		needed = append(needed, NotApplicable)
	}
	for _, v := range needed {
		if !has[v] {
			faults = append(faults, fault{"examples", fmt.Sprintf("no example with the verdict %s", v),
				fmt.Sprintf("add {verdict: %s, facts: {...}}", v)})
		}
	}
	return faults
}
