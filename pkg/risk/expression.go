package risk

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

const (
	// maxExpression bounds the text of one expression, in characters.
	maxExpression = 4096
	// maxCost bounds what one evaluation may do, in CEL's cost units, of which
	// a step of a loop takes a handful. Two nested loops over a hundred names
	// of a certificate stay well below it; over ten thousand names, which only
	// a hostile certificate has, they end here.
	maxCost = 250_000
)

// expression is one compiled CEL expression. It is safe for concurrent use.
type expression struct {
	program cel.Program
	reads   []string // the facts it names, sorted
}

// compile checks an expression against the facts and demands its type. The
// error is a [RuleProblems] whose positions count within the expression.
func (s *schema) compile(text string, want *cel.Type) (*expression, error) {
	checked, issues := s.env.Compile(text)
	if issues.Err() != nil {
		return nil, s.explain(text, issues)
	}
	if got := checked.OutputType(); !got.IsExactType(want) {
		return nil, RuleProblems{{
			Line: 1, Column: 1, Text: firstLine(text), Width: utf8.RuneCountInString(firstLine(text)),
			Message: fmt.Sprintf("the expression is of type %s, and must be of type %s", got, want),
		}}
	}
	program, err := s.env.Program(checked, programOptions(checked.NativeRep())...)
	if err != nil {
		return nil, RuleProblems{{Line: 1, Column: 1, Text: firstLine(text), Message: err.Error()}}
	}
	return &expression{program: program, reads: s.readsOf(checked.NativeRep())}, nil
}

// programOptions bound the cost of expressions that loop. Any other costs no
// more than its own text and facts, and is spared the bookkeeping.
func programOptions(a *ast.AST) []cel.ProgramOption {
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize, cel.OptPartialEval)}
	loops := false
	ast.PreOrderVisit(a.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		loops = loops || e.Kind() == ast.ComprehensionKind
	}))
	if loops {
		options = append(options, cel.CostTracking(joinCost{}), cel.CostLimit(maxCost))
	}
	return options
}

// joinCost prices join by what it writes; CEL prices its own functions.
type joinCost struct{}

// CallCost is one unit for each ten bytes of the result, as CEL counts for
// strings, and nil for any function but join.
func (joinCost) CallCost(function, _ string, _ []ref.Val, result ref.Val) *uint64 {
	s, isString := result.(types.String)
	if function != "join" || !isString {
		return nil
	}
	return new(1 + uint64(len(s))/10)
}

// readsOf lists the facts an expression names.
func (s *schema) readsOf(a *ast.AST) []string {
	var reads []string
	for _, reference := range a.ReferenceMap() {
		if _, known := s.leaves[reference.Name]; known {
			reads = append(reads, reference.Name)
		}
	}
	slices.Sort(reads)
	return slices.Compact(reads)
}

// explain turns CEL's issues into problems with the line, a caret and the
// nearest name.
func (s *schema) explain(text string, issues *cel.Issues) RuleProblems {
	lines := strings.Split(text, "\n")
	var problems RuleProblems
	for _, e := range issues.Errors() {
		p := RuleProblem{Line: 1, Column: 1, Width: 1}
		if line := e.Location.Line(); line >= 1 && line <= len(lines) {
			p.Line, p.Column, p.Text = line, e.Location.Column()+1, lines[line-1]
		}
		s.reword(e.Message, &p)
		problems = append(problems, p)
	}
	if len(problems) == 0 { // too long to be parsed at all
		problems = RuleProblems{{Line: 1, Column: 1, Message: issues.Err().Error()}}
	}
	return problems
}

// What CEL says. The tests hold its wording; anything else is passed on as it
// is.
var (
	undeclared = pattern(`^undeclared reference to '([^']+)'`)
	overload   = pattern(`^found no matching overload for '_([^_]+)_' applied to '\((.+), (.+)\)'$`)
	expecting  = pattern(`^Syntax error: (.*?)(?: expecting .*)?$`)
)

// reword says in a rule author's words what CEL says of its own.
func (s *schema) reword(message string, p *RuleProblem) {
	p.Message = message
	if m := undeclared().FindStringSubmatch(message); m != nil {
		p.Message = fmt.Sprintf("there is no fact or function %q", m[1])
		p.Hint = s.hintFor(m[1])
		p.Column, p.Width = spanOf(m[1], p.Text, p.Column)
	} else if m := overload().FindStringSubmatch(message); m != nil {
		p.Message = fmt.Sprintf("%s does not work on %s and %s", m[1], m[2], m[3])
		p.Width = len(m[1])
		if m[1] == "+" && m[2] == "string" {
			p.Hint = "turn a number into text with string(...), and a list with .join(\", \")"
		}
	} else if m := expecting().FindStringSubmatch(message); m != nil {
		p.Message = "syntax error: " + strings.ReplaceAll(m[1], "mismatched input '<EOF>'", "the expression ends too early")
		if strings.Contains(m[1], "'null'") {
			p.Hint = "null is a word of the language; put it into backticks where it ends a fact: tls.weak.`null`"
		}
	}
}

// hintFor suggests what a name that does not exist was meant to be.
func (s *schema) hintFor(name string) string {
	if hint := didYouMean(name, s.names); hint != "" {
		return hint
	}
	for _, fact := range s.names {
		if strings.HasPrefix(fact, name+".") {
			return fmt.Sprintf("name a fact in full, such as %s", fact)
		}
	}
	return didYouMean(name, []string{"all", "contains", "endsWith", "exists", "exists_one",
		"filter", "join", "map", "matches", "size", "startsWith", "string"})
}

// spanOf finds the start and width of a name that CEL points into the middle
// of. Columns count characters.
func spanOf(name, line string, column int) (start, width int) {
	runes := []rune(line)
	sought := []rune(name)
	for start := min(column, len(runes)) - 1; start >= 0; start-- {
		end := start + len(sought)
		if end <= len(runes) && end >= column-1 && slices.Equal(runes[start:end], sought) {
			return start + 1, len(sought)
		}
	}
	return column, 1
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// result is what evaluating an expression gave: a value, the facts it could
// not do without, or an error.
type result struct {
	value   ref.Val
	missing []string // sorted
	err     error
}

// isTrue reports whether the value is the boolean true.
func (r result) isTrue() bool { return r.value == types.True }

// eval evaluates over the facts that vars gives.
func (e *expression) eval(vars cel.Activation) result {
	value, _, err := e.program.Eval(vars)
	if err != nil {
		return result{err: err}
	}
	unknown, isUnknown := value.(*types.Unknown)
	if !isUnknown {
		return result{value: value}
	}
	var missing []string
	for _, id := range unknown.IDs() {
		trails, _ := unknown.GetAttributeTrails(id)
		for _, t := range trails {
			missing = append(missing, t.Variable())
		}
	}
	slices.Sort(missing)
	return result{missing: slices.Compact(missing)}
}

// reasonOf says why an evaluation failed: a rule that costs too much has used
// up its budget; any other error is a defect of the rule.
func reasonOf(err error) checks.Reason {
	if cancelled, ok := errors.AsType[interpreter.EvalCancelledError](err); ok && cancelled.Cause == interpreter.CostLimitExceeded {
		return checks.ReasonBudget
	}
	return checks.ReasonBug
}
