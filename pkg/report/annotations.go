package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// shownAnnotations is how many annotations of one kind GitHub shows for a step.
const shownAnnotations = 10

// longestAnnotation bounds a message, in bytes before it is escaped.
const longestAnnotation = 1000

// Kinds of annotations are workflow commands of GitHub.
const (
	annotateError   = "error"
	annotateWarning = "warning"
	annotateNotice  = "notice"
)

// annotation is one workflow command.
type annotation struct {
	file         string // relative to the root of the repository, or empty
	line, column int
	title        string
	message      string
}

// writeAnnotations writes workflow commands that annotate the lines of the
// inventory: an error for what is critical or high, a warning for what is
// medium, a notice for the rest and for waivers that expire soon. GitHub shows
// ten of each kind, so the worst ones are written, and the last notice says how
// many more there are.
func writeAnnotations(w io.Writer, r *Report, _ Options) error {
	a := annotator{report: r, w: bufio.NewWriter(w), room: map[string]int{
		annotateError: shownAnnotations, annotateWarning: shownAnnotations, annotateNotice: shownAnnotations - 1,
	}}
	a.uris = make(map[string]string, len(r.Inventory.Files))
	for _, f := range r.Inventory.Files {
		a.uris[f.Path] = f.URI
	}
	if r.Decision.Incomplete || !r.Complete {
		a.add(annotateWarning, annotation{title: "m2mscan: incomplete", message: incompleteInWords(r)})
	}
	for i := range r.Waivers {
		if wa := &r.Waivers[i]; wa.State == risk.WaiverExpiring {
			a.add(annotateNotice, annotation{
				file: a.uris[wa.Location.File], line: wa.Location.Line, column: wa.Location.Column,
				title:   "waiver expires soon",
				message: fmt.Sprintf("the waiver of %s for %s holds until %s (%s)", wa.Rule, wa.Target, wa.Expires, wa.Owner),
			})
		}
	}
	for _, f := range r.open() {
		a.add(annotationKind(f.Severity), annotation{
			file: a.uris[f.Location.File], line: f.Location.Line, column: f.Location.Column,
			title: string(f.Severity) + ": " + f.Rule, message: f.Target + ": " + f.Message,
		})
	}
	a.rest()
	if err := a.w.Flush(); err != nil {
		return fmt.Errorf("write annotations: %w", err)
	}
	return nil
}

func annotationKind(s risk.Severity) string {
	switch s {
	case risk.SeverityCritical, risk.SeverityHigh:
		return annotateError
	case risk.SeverityMedium:
		return annotateWarning
	default:
		return annotateNotice
	}
}

func incompleteInWords(r *Report) string {
	if !r.Complete {
		return "the scan was interrupted: what is not reported is not known to be well"
	}
	return "not everything was assessed; the decision rests on: " + strings.Join(r.Decision.Reasons, "; ")
}

// annotator writes annotations as long as GitHub has room for them.
type annotator struct {
	report *Report
	w      *bufio.Writer
	uris   map[string]string // of the inventory's files, by path
	room   map[string]int    // for each kind
	left   map[string]int    // what found no room, of each kind
}

func (a *annotator) add(kind string, what annotation) {
	if a.room[kind] == 0 {
		if a.left == nil {
			a.left = make(map[string]int)
		}
		a.left[kind]++
		return
	}
	a.room[kind]--
	a.write(kind, what)
}

// rest says in the last notice how many annotations are left out.
func (a *annotator) rest() {
	var parts []string
	for _, kind := range []string{annotateError, annotateWarning, annotateNotice} {
		if n := a.left[kind]; n > 0 {
			parts = append(parts, count(n, kind))
		}
	}
	if len(parts) == 0 {
		return
	}
	a.write(annotateNotice, annotation{
		title:   "m2mscan: more findings",
		message: strings.Join(parts, ", ") + " more than GitHub shows for a step; the table, Markdown and JSON reports hold all",
	})
}

// write writes one command: "::error file=a.yaml,line=3,title=T::message".
func (a *annotator) write(kind string, what annotation) {
	a.w.WriteString("::" + kind) //nolint:errcheck // Flush gives the first error
	properties := make([]string, 0, 4)
	if what.file != "" {
		properties = append(properties, "file="+commandProperty(what.file))
		if what.line > 0 {
			properties = append(properties, "line="+strconv.Itoa(what.line), "col="+strconv.Itoa(max(what.column, 1)))
		}
	}
	properties = append(properties, "title="+commandProperty(cmp.Or(what.title, "m2mscan")))
	a.w.WriteString(" " + strings.Join(properties, ",") + "::" + commandText(what.message) + "\n") //nolint:errcheck // as above
}

// commandText escapes the message of a workflow command as GitHub's toolkit
// does. What is no printable character is shown as an escape before that, and
// two number signs are kept apart: they begin the commands of older runners
// and of Azure Pipelines, anywhere in a line.
func commandText(s string) string {
	s = clip(printable(s), longestAnnotation)
	for strings.Contains(s, "##") {
		s = strings.ReplaceAll(s, "##", "# #")
	}
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

// commandProperty escapes the value of a property likewise.
func commandProperty(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(commandText(s))
}
