package risk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// LoadRules reads every *.yaml file at the top of fsys, in the order of their
// names. Each holds a list of rules.
//
// Reading is strict, and all that is wrong is reported at once, as
// [RuleProblems] with file, line and column: unknown keys, values outside of
// an enumeration, missing fields, duplicate ids, and rules without examples
// that pass, fail and, if they have a condition, do not apply. Expressions
// are held against the facts later, by [NewJudge]. Any other error means that
// a file could not be read, or that there is none.
func LoadRules(fsys fs.FS) ([]Rule, error) {
	var rules []Rule
	err := readPacks(fsys, func(p *pack, root *yaml.Node) {
		if root != nil { // an empty pack is a pack without rules
			p.readList(root)
		}
		rules = append(rules, p.rules...)
	})
	if err != nil {
		return nil, err
	}
	return rules, nil
}

// readPacks hands the root of every *.yaml file at the top of fsys to read, in
// the order of their names; nil where a file holds nothing. Problems are
// gathered over all files.
func readPacks(fsys fs.FS, read func(p *pack, root *yaml.Node)) error {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return fmt.Errorf("read rules: %w", err)
	}
	var problems RuleProblems
	first := make(map[string]string) // id → where it stands first
	found := false
	for _, e := range entries {
		if e.IsDir() || path.Ext(e.Name()) != ".yaml" || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		found = true
		text, err := fs.ReadFile(fsys, e.Name())
		if err != nil {
			return fmt.Errorf("read rules: %w", err)
		}
		p := &pack{file: e.Name(), lines: strings.Split(string(text), "\n"), first: first}
		if root, ok := p.parse(text); ok {
			read(p, root)
		}
		problems = append(problems, p.problems...)
	}
	if !found {
		return errors.New("read rules: no *.yaml file")
	}
	return problems.orNil()
}

// pack is one file of rules while it is read.
type pack struct {
	file     string
	prefix   string // what the id of each rule begins with; may be empty
	lines    []string
	first    map[string]string
	rules    []Rule
	problems RuleProblems
}

// parse returns the root of a file, nil when it holds nothing. Of a file that
// is not one YAML document there is nothing to read.
func (p *pack) parse(text []byte) (root *yaml.Node, ok bool) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, true
	case err != nil:
		p.syntaxProblem(err)
		return nil, false
	}
	switch err := decoder.Decode(new(yaml.Node)); {
	case err == nil:
		p.problem(nil, "", "", "a pack is one YAML document, and this file holds several", "write all rules into one list")
	case !errors.Is(err, io.EOF):
		p.syntaxProblem(err)
	}
	if len(document.Content) == 0 || document.Content[0].ShortTag() == "!!null" {
		return nil, true
	}
	return document.Content[0], true
}

func (p *pack) readList(root *yaml.Node) {
	if root.Kind != yaml.SequenceNode {
		p.problem(root, "", "", "a pack is a list of rules", `begin each rule with "- id: "`)
		return
	}
	for _, n := range root.Content {
		p.readRule(n)
	}
}

// yamlLine finds the line in an error of the YAML reader, which has no type
// of its own for syntax errors.
var yamlLine = pattern(`^yaml: (?:line (\d+): )?(.*)$`)

func (p *pack) syntaxProblem(err error) {
	problem := RuleProblem{File: p.file, Line: 1, Column: 1, Message: err.Error()}
	if m := yamlLine().FindStringSubmatch(err.Error()); m != nil {
		problem.Message = "not valid YAML: " + m[2]
		if line, err := strconv.Atoi(m[1]); err == nil && line >= 1 && line <= len(p.lines) {
			problem.Line = line
			problem.Text = p.lines[line-1]
			problem.Column = 1 + len(problem.Text) - len(strings.TrimLeft(problem.Text, " \t"))
		}
	}
	p.problems = append(p.problems, problem)
}

// problem records what is wrong at a node; without one, at the file's start.
func (p *pack) problem(n *yaml.Node, rule, field, message, hint string) {
	problem := RuleProblem{
		Rule: rule, Field: field, File: p.file, Line: 1, Column: 1, Width: 1, Message: message, Hint: hint,
	}
	if n != nil && n.Line >= 1 && n.Line <= len(p.lines) {
		problem.Line, problem.Column = n.Line, n.Column
		problem.Text = strings.TrimRight(p.lines[n.Line-1], "\r")
		problem.Width = widthOf(n, problem.Text)
	}
	p.problems = append(p.problems, problem)
}

// widthOf is how many characters of the line a scalar takes; 1 for anything
// else.
func widthOf(n *yaml.Node, line string) int {
	if n.Kind != yaml.ScalarNode || n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return 1
	}
	width := utf8.RuneCountInString(n.Value)
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		width += 2
	}
	return max(1, min(width, utf8.RuneCountInString(line)-n.Column+1))
}

// readRule reads one entry of the list and checks what could be read of it. A
// field gets one complaint: what could not be read is not missing as well.
func (p *pack) readRule(n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		p.problem(n, "", "", "a rule is a mapping", `begin it with "- id: "`)
		return
	}
	before := len(p.problems)
	r := ruleReader{pack: p, id: idOf(n), at: map[string]*yaml.Node{"": n}, broken: make(map[string]bool)}
	r.read(n)
	if r.rule.Scope == "" {
		r.rule.Scope = ScopeLink
	}
	for _, f := range faultsOf(r.rule) {
		if !r.broken[topOf(f.field)] {
			p.problem(r.nearestNode(f.field), r.id, f.field, f.message, f.hint)
		}
	}
	if id := r.rule.ID; id != "" {
		if !strings.HasPrefix(id, p.prefix) {
			p.problem(r.at["id"], id, "id", fmt.Sprintf("does not begin with %q, as every rule of this policy does", p.prefix), "")
		}
		if where, twice := p.first[id]; twice {
			p.problem(r.at["id"], id, "id", "stands twice; first at "+where, "give one of them another id")
		} else {
			p.first[id] = fmt.Sprintf("%s:%d", p.file, r.at["id"].Line)
		}
	}
	if len(p.problems) == before {
		p.rules = append(p.rules, r.rule)
	}
}
