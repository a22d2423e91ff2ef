package verbose

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// patternFiles hold what is known of error messages.
//
//go:embed patterns/*.yaml
var patternFiles embed.FS

const edgesFile = "patterns/edges.yaml"

// kind is what a pattern recognises.
type kind string

const (
	kindFrame   kind = "frame"   // one stack frame
	kindTrace   kind = "trace"   // enough of a stack trace to know it by
	kindDebug   kind = "debug"   // a page or message of a debug mode
	kindSQL     kind = "sql"     // an error of a database
	kindPath    kind = "path"    // an absolute path
	kindHost    kind = "host"    // a private address, an internal name
	kindVersion kind = "version" // an exact version
	kindSecret  kind = "secret"  // a credential
)

// kinds are all of them, in the order of their weight.
var kinds = []kind{kindSecret, kindDebug, kindTrace, kindFrame, kindSQL, kindPath, kindHost, kindVersion}

// incidental reports what an ordinary answer may well hold.
func (k kind) incidental() bool { return k == kindPath || k == kindHost || k == kindVersion }

// expression is a regular expression in a file; nil when none is given.
type expression struct{ *regexp.Regexp }

// UnmarshalYAML compiles it.
func (e *expression) UnmarshalYAML(node *yaml.Node) error {
	compiled, err := regexp.Compile(node.Value)
	e.Regexp = compiled
	return err
}

// pattern recognises one form of message. A match must hold one of Needs, not
// further from its ends than the pattern reaches.
type pattern struct {
	ID      string     `yaml:"id"`
	Kind    kind       `yaml:"kind"`
	Family  string     `yaml:"family"` // what facts and evidence call it
	Needs   []string   `yaml:"needs"`  // in lower case
	Pattern expression `yaml:"pattern"`

	Unless    expression `yaml:"unless"`     // matches of which these match do not count
	NotAfter  expression `yaml:"not_after"`  // what must not stand before a match; ends with $
	NotBefore expression `yaml:"not_before"` // what must not follow a match; begins with ^
	// After and Before are two things of which one must hold, if any is given:
	// what stands before a match, and what follows it.
	After  expression `yaml:"after"`
	Before expression `yaml:"before"`
	// Always is for what only a runtime writes: it counts in a normal answer, too.
	Always bool `yaml:"always"`
	Far    bool `yaml:"far"` // it matches several lines, or long ones

	Matches []string `yaml:"matches"` // examples: each holds a match
	Misses  []string `yaml:"misses"`  // examples: none holds one
}

// reach is how far a match may begin before the end of a needle, and how far
// behind it it may end. A longer match is cut.
func (p *pattern) reach() (back, ahead int) {
	if p.Far {
		return farBack, farAhead
	}
	return reachBack, reachAhead
}

// aside is how much of the text beside a match its surroundings are looked up in.
const aside = 48

// stands reports whether the match of text from start to end counts.
func (p *pattern) stands(text string, start, end int) bool {
	before, after := text[max(0, start-aside):start], text[end:min(len(text), end+aside)]
	if p.Unless.Regexp != nil && p.Unless.MatchString(text[start:end]) ||
		p.NotAfter.Regexp != nil && p.NotAfter.MatchString(before) ||
		p.NotBefore.Regexp != nil && p.NotBefore.MatchString(after) {
		return false
	}
	if p.After.Regexp == nil && p.Before.Regexp == nil {
		return true
	}
	return p.After.Regexp != nil && p.After.MatchString(before) ||
		p.Before.Regexp != nil && p.Before.MatchString(after)
}

// catalogue is all that is recognised.
type catalogue struct {
	patterns []*pattern
	edges    []edge
	needles  *needles
	wanting  [][]int // of a needle: the patterns that need it, by their index
}

// loaded is the catalogue of the embedded files. An error is a defect, which
// the tests of this package meet.
var loaded = sync.OnceValues(func() (*catalogue, error) { return loadCatalogue(patternFiles) })

func loadCatalogue(files fs.FS) (*catalogue, error) {
	names, err := fs.Glob(files, "patterns/*.yaml")
	if err != nil {
		return nil, err
	}
	c := &catalogue{}
	for _, name := range names {
		if name == edgesFile {
			err = decode(files, name, &c.edges)
		} else {
			var some []*pattern
			err = decode(files, name, &some)
			c.patterns = append(c.patterns, some...)
		}
		if err != nil {
			return nil, err
		}
	}
	return c, c.index()
}

func decode(files fs.FS, name string, into any) error {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// index checks the patterns and builds what finds their needles.
func (c *catalogue) index() error {
	numbers := make(map[string]int)
	var words []string
	for i, p := range c.patterns {
		if p.ID == "" || p.Family == "" || p.Pattern.Regexp == nil || len(p.Needs) == 0 || !slices.Contains(kinds, p.Kind) {
			return fmt.Errorf("pattern %q lacks a part", p.ID)
		}
		for _, need := range p.Needs {
			if need == "" || need != strings.ToLower(need) {
				return fmt.Errorf("pattern %s: needs %q is not in lower case", p.ID, need)
			}
			number, known := numbers[need]
			if !known {
				number = len(words)
				numbers[need] = number
				words = append(words, need)
				c.wanting = append(c.wanting, nil)
			}
			c.wanting[number] = append(c.wanting[number], i)
		}
	}
	c.needles = newNeedles(words)
	return nil
}
