package inventory

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"path/filepath"
	"strings"
)

// WaiverFile is the name of the waiver file beside an inventory. Load leaves it
// out of a directory of inventories.
const WaiverFile = "waivers.yaml"

// maxWaiverDays is how far ahead a waiver may expire: a year, so that each is
// looked at once in one.
const maxWaiverDays = 366

// Waiver is the acceptance of failed findings until a day.
type Waiver struct {
	Rule     string // pattern of path.Match over rule ids
	Target   string // pattern of path.Match over "vendor/link" and "vendor"
	Reason   string
	Owner    string
	Expires  Date   // the last day it holds
	Evidence string // a reference; never fetched
	Pos      Position
}

// LoadWaivers reads a waiver file as strictly as an inventory: every problem
// comes with its line, and an unknown key is one, for a misspelt expiry would
// be a waiver for ever. The list is nil when a problem is not a warning. That
// a waiver has expired is none: it is said where the findings are. The name
// "-" is standard input, as for [Load].
func LoadWaivers(name string, o Options) ([]Waiver, Problems, error) {
	f := filePath{path: name, name: name, dir: filepath.Dir(name)}
	if name == "-" {
		f.name = cmp.Or(o.StdinName, "stdin")
	}
	raw, err := f.read(o)
	if err != nil {
		return nil, nil, err
	}
	sum := sha256.Sum256(raw)
	r := &reading{file: File{Path: f.name, Digest: hex.EncodeToString(sum[:])}, dir: f.dir, raw: raw, cut: waiverParts}
	r.parse()
	b := newBuilder(o.Now)
	b.problems = r.problems
	for _, f := range r.faults {
		b.problems = append(b.problems, f.problem)
		if f.node != nil {
			b.refused[f.node] = true
		}
	}
	waivers := []Waiver{}
	if r.root != nil {
		for _, item := range (object{b, r.source, r.root}).list("waivers") {
			waivers = append(waivers, item.waiver())
		}
	}
	problems := finishProblems([]*source{r.source}, b.problems)
	if problems.Errors() > 0 {
		return nil, problems, nil
	}
	return waivers, problems, nil
}

func (o object) waiver() Waiver {
	w := Waiver{
		Rule: o.checked("rule", checkPattern), Target: o.checked("target", checkTarget),
		Reason: o.text("reason"), Owner: o.text("owner"), Expires: o.date("expires"),
		Evidence: o.checked("evidence", checkEvidence), Pos: o.source.pos(o.node.line, o.node.column),
	}
	if rule := o.node.get("rule"); rule != nil {
		w.Pos = o.source.pos(rule.line, rule.column)
	}
	if !o.now.IsZero() && !w.Expires.IsZero() && w.Expires.After(o.now.AddDate(0, 0, maxWaiverDays)) {
		o.report(o.node.get("expires"), "expires-too-late",
			fmt.Sprintf("a waiver holds for %d days at most", maxWaiverDays),
			"no later than "+o.now.AddDate(0, 0, maxWaiverDays).UTC().Format("2006-01-02")+"; look at it again then")
	}
	return w
}

// checkPattern explains why a text is no pattern.
func checkPattern(text string) *wrong {
	if _, err := path.Match(text, ""); err != nil {
		return &wrong{"bad-pattern", quote(text) + " is not a pattern: a bracket is not closed, or a backslash ends it", "such as tls-* or acme-pay/*"}
	}
	return nil
}

// checkTarget explains why a text is no pattern of targets.
func checkTarget(text string) *wrong {
	if w := checkPattern(text); w != nil {
		return w
	}
	if strings.Count(text, "/") > 1 {
		return &wrong{"bad-target", quote(text) + " holds more than one slash", "a target is vendor/link, or vendor by itself"}
	}
	return nil
}
