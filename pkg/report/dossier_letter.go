package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// letterPart is a piece of the letter: what the two writers have in common.
// One of its fields is set.
type letterPart struct {
	Heading string
	Break   bool          // the heading begins a page
	Sub     string        // a heading below Heading
	Text    []proseSpan   // a paragraph
	Note    []proseSpan   // a paragraph in small print
	Items   [][]proseSpan // a list
	Fields  [][2]string   // names and values
	Head    []string      // a table
	Rows    [][][]proseSpan
	Prose   prose
}

func words(text string) []proseSpan { return []proseSpan{{Text: text}} }

func day(t time.Time) string { return t.Format("2 January 2006") }

// until is " by " a day, or nothing where there is none.
func until(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " by " + day(t)
}

// title is the subject of the letter.
func (d *Dossier) title() string {
	return "What we saw at the interfaces of " + d.Name + " that we use"
}

// letter is the whole of the letter below its title: a page or so to read, and
// the details as annexes.
func (d *Dossier) letter() []letterPart {
	return slices.Concat(d.opening(), d.plan(), d.claimsPart(), d.goodPart(), d.closing(), annexes(d.details(), d.gapsPart(), d.linksPart()))
}

// annexes numbers those that there are.
func annexes(parts ...[]letterPart) []letterPart {
	var all []letterPart
	n := 0
	for _, annex := range parts {
		if len(annex) == 0 {
			continue
		}
		n++
		annex[0].Heading = fmt.Sprintf("Annex %d: %s", n, annex[0].Heading)
		annex[0].Break = n == 1
		all = append(all, annex...)
	}
	return all
}

// opening says who writes to whom, what was done and what it came to.
func (d *Dossier) opening() []letterPart {
	to := d.Name
	if len(d.Contacts) > 0 {
		to += " (" + strings.Join(d.Contacts, ", ") + ")"
	}
	fields := [][2]string{{"To", to}}
	if d.From != "" {
		fields = append(fields, [2]string{"From", d.From})
	}
	if d.ReplyTo != "" {
		fields = append(fields, [2]string{"Answers to", d.ReplyTo})
	}
	fields = append(fields, [2]string{"Date", day(d.Date)})

	parts := []letterPart{
		{Fields: fields},
		{Text: words("Dear colleagues,")},
		{Text: words(fmt.Sprintf("on %s we looked at %s of yours that we use, %s, to see how well our exchange is protected: who can read it, change it, or pass for one of us. %s",
			day(d.Started), count(len(d.Links), "interface"), vantageInWords(d.Vantage), d.outcome()))},
	}
	if !d.Complete {
		parts = append(parts, letterPart{Text: words("Our scan was interrupted. This letter holds what was gathered until then; that something is not in it does not mean that it is in order.")})
	}
	if d.Missed == 0 {
		parts = append(parts, letterPart{Text: words("We ask you to mend nothing.")})
		return parts
	}
	return append(parts, letterPart{Text: words("We ask you to mend what the table lists, by the day that stands beside it. " +
		"What we saw, and what we ask in detail, stands in the annex under the same numbers.")})
}

// outcome counts requirements.
func (d *Dossier) outcome() string {
	judged := d.Met + d.Missed + d.Undecided
	if judged == 0 {
		return "Nothing could be assessed."
	}
	return fmt.Sprintf("We held %s against them, link by link: %d %s met, %d %s not, and %d could not be decided.",
		count(judged, "requirement"), d.Met, oneOrMany(d.Met, "is", "are"), d.Missed, oneOrMany(d.Missed, "is", "are"), d.Undecided)
}

// gapsPart is what could not be assessed.
func (d *Dossier) gapsPart() []letterPart {
	if len(d.Gaps) == 0 {
		return nil
	}
	part := letterPart{Head: []string{"Why", "Interfaces", "Not decided", "What would help"}}
	for _, gap := range d.Gaps {
		part.Rows = append(part.Rows, [][]proseSpan{
			words(capital(gap.Why)), words(strings.Join(gap.Links, ", ")), words(gap.undecided()), words(gap.Help),
		})
	}
	return []letterPart{
		{Heading: "what we could not assess"},
		{Text: words("Here we do not know, and hold nothing against you.")},
		part,
	}
}

// undecided names a few requirements, and counts many.
func (g *DossierGap) undecided() string {
	const named = 3
	switch n := len(g.Undecided); {
	case n == 0:
		return "single facts"
	case n <= named:
		return strings.Join(g.Undecided, "; ")
	default:
		return strings.Join(g.Undecided[:named-1], "; ") + "; and " + fmt.Sprint(n-named+1) + " more"
	}
}

// goodPart says what is in order.
func (d *Dossier) goodPart() []letterPart {
	confirmed := make(map[string]int)
	var titles []string
	for _, c := range d.Claims {
		if c.State != risk.ClaimConfirmed || c.Link == "" {
			continue
		}
		if confirmed[c.Title]++; confirmed[c.Title] == 1 {
			titles = append(titles, c.Title)
		}
	}
	if len(d.Good) == 0 && len(titles) == 0 {
		return nil
	}
	parts := []letterPart{{Heading: "What is in order"}}
	if len(d.Good) > 0 {
		parts = append(parts, letterPart{Text: words("Met wherever it could be decided, among others: " + strings.Join(d.Good, "; ") + ".")})
	}
	if len(titles) > 0 {
		for i, title := range titles {
			titles[i] = title + " on " + count(confirmed[title], "interface")
		}
		parts = append(parts, letterPart{Text: words("Agreed, and seen to be so: " + strings.Join(titles, ", ") + ".")})
	}
	return parts
}

// linksPart says what was looked at, and how.
func (d *Dossier) linksPart() []letterPart {
	part := letterPart{Head: []string{"Interface", "Kind", "Address", "Outcome"}}
	for _, link := range d.Links {
		part.Rows = append(part.Rows, [][]proseSpan{
			words(link.Name), words(link.Kind), {{Text: link.Address, Code: true}}, words(link.Outcome),
		})
	}
	parts := []letterPart{
		{Heading: "what we looked at, and how"},
		{Text: words(fmt.Sprintf("On %s, %s UTC, with %s and %s. To find us in your logs: requests over HTTP carry a User-Agent that begins with m2mscan. %s",
			day(d.Started), d.times(), count(d.Connections, "connection"), count(d.Requests, "request"), levelInWords(d.Level)))},
	}
	if len(d.Links) > 0 {
		parts = append(parts, part)
	}
	return parts
}

// times are when the scan began and ended, to the minute; the day of the end
// stands with it where it is another one.
func (d *Dossier) times() string {
	began, ended := d.Started.Format("15:04"), d.Finished.Format("15:04")
	if d.Finished.Format(time.DateOnly) != d.Started.Format(time.DateOnly) {
		return "from " + began + " to " + day(d.Finished) + ", " + ended
	}
	if began == ended {
		return "at " + began
	}
	return "from " + began + " to " + ended
}

// closing says how to answer.
func (d *Dossier) closing() []letterPart {
	whom := "whoever sent you this letter"
	if d.ReplyTo != "" {
		whom = d.ReplyTo
	}
	parts := []letterPart{
		{Heading: "If you see it differently"},
		{Text: words("Answer to " + whom + ", with the number of the point and what shows it: an excerpt of the configuration, a line of a log, a document. " +
			"We look again. Where you are right, or where we agree that a point may stay as it is, we record that on our side with an end date, and do not ask again until then. " +
			"Where a date cannot be kept, tell us the one that can, and what protects the interface until then.")},
		{Text: words("Please share this letter only with those who need it to mend what it lists.")},
	}
	if d.From != "" {
		parts = append(parts, letterPart{Text: words("With kind regards, " + d.From)})
	}
	return append(parts, letterPart{Note: words("Written with " + d.Tool + " from its scan of " + d.Started.Format("2006-01-02 15:04") + " UTC.")})
}
