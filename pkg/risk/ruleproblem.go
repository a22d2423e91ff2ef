package risk

import (
	"fmt"
	"strings"
)

// RuleProblem is one thing wrong with a rule.
type RuleProblem struct {
	Rule  string // id of the rule; empty when it could not be read
	Field string // such as "assert" or "examples[2].facts"; empty for the rule as a whole

	// File is the pack the rule stands in. It is empty for a rule that did not
	// come from a file, and for an expression that does not compile: Line and
	// Column then count within the expression.
	File   string
	Line   int // from 1; 0 when there is no place to show
	Column int // from 1, in characters

	Message string // in lower case, without a full stop
	Hint    string // how to mend it; may be empty
	Text    string // the line at fault
	Width   int    // how many characters the caret underlines
}

// Error prints the problem as inventory problems are printed: place, rule and
// field, message, the line with a caret below it, and the hint.
func (p RuleProblem) Error() string {
	var b strings.Builder
	if p.File != "" {
		fmt.Fprintf(&b, "%s:%d:%d: ", p.File, p.Line, p.Column)
	}
	var place []string
	if p.Rule != "" {
		place = append(place, "rule "+p.Rule)
	}
	if p.Field != "" {
		place = append(place, p.Field)
	}
	if p.File == "" && p.Line > 0 {
		place = append(place, fmt.Sprintf("%d:%d", p.Line, p.Column))
	}
	if len(place) > 0 {
		b.WriteString(strings.Join(place, ", ") + ": ")
	}
	b.WriteString(p.Message)
	if p.Text != "" && p.Column > 0 {
		caret := strings.Repeat(" ", p.Column-1) + strings.Repeat("^", max(1, p.Width))
		fmt.Fprintf(&b, "\n  %s\n  %s", strings.ReplaceAll(p.Text, "\t", " "), caret)
	}
	if p.Hint != "" {
		b.WriteString("\n  hint: " + p.Hint)
	}
	return b.String()
}

// RuleProblems is every problem found at once. As an error it prints all of
// them.
type RuleProblems []RuleProblem

// Error prints every problem, one below the other.
func (ps RuleProblems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives errors.As each problem.
func (ps RuleProblems) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}

// orNil is ps as an error: nil when there is none, so that callers never hold
// a non-nil error without a problem.
func (ps RuleProblems) orNil() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}
