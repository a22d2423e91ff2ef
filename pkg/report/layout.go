package report

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// style is how a piece of text stands out. It never carries meaning alone:
// the words say the same.
type style string

// The palette, as parameters of the ANSI sequence SGR (ECMA-48 8.3.117). They
// are the eight basic colours, which every terminal theme makes readable.
const (
	plain    style = ""
	bold     style = "1"
	faint    style = "2"
	red      style = "31"
	boldRed  style = "1;31"
	green    style = "32"
	yellow   style = "33"
	cyan     style = "36"
	sgrReset       = "\x1b[0m"
)

// page lays out text and tables within a width.
type page struct {
	w     *bufio.Writer
	width int
	color bool
}

// put leaves errors to the last Flush: the writer keeps the first.
func (p *page) put(s string) { _, _ = p.w.WriteString(s) }

func (p *page) paint(s string, st style) string {
	if !p.color || st == plain || s == "" {
		return s
	}
	return "\x1b[" + string(st) + "m" + s + sgrReset
}

// heading starts a section.
func (p *page) heading(title string) {
	p.put("\n" + p.paint(title, bold) + "\n")
}

// paragraph writes text wrapped, its second and later lines indented by
// hanging blanks.
func (p *page) paragraph(text string, st style, hanging int) {
	for i, line := range wrap(printable(text), p.width-hanging) {
		if i > 0 {
			p.put(strings.Repeat(" ", hanging))
		}
		p.put(p.paint(line, st) + "\n")
	}
}

// column is one column of a table. A flexible column shares what the others
// leave, and its cells are wrapped.
type column struct {
	title    string
	flexible bool
}

// cell is one cell; each part starts a line of its own.
type cell []part

type part struct {
	text  string
	style style
}

func text(s string) cell { return cell{{text: s}} }

func styled(s string, st style) cell { return cell{{text: s, style: st}} }

const columnGap = "  "

// table writes rows under their columns' titles. It goes through the rows twice, for the widths and to write them, and
// keeps none. tablewriter never sees a line that it would have to wrap itself,
// because its own wrapping lets a long word widen the column.
//
// Of a very long table it writes the first rows and counts the others: nobody
// reads them here, and laying them out takes longer than everything else.
func (p *page) table(columns []column, all iter.Seq[[]cell]) error {
	rows, more := firstRows(all, maxRows)
	widths := columnWidths(columns, rows, p.width)
	clean := &lineTrimmer{w: p.w}
	t := newTable(clean, widths)
	if err := t.Start(); err != nil {
		return err
	}
	titles := make([]string, len(columns))
	for i, c := range columns {
		titles[i] = p.paint(c.title, faint)
	}
	t.Header(titles)
	for row := range rows {
		lines := make([]string, len(row))
		for i, c := range row {
			lines[i] = p.cellLines(c, widths[i])
		}
		if err := t.Append(lines); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	if more > 0 {
		p.paragraph(fmt.Sprintf("%d rows more are left out of this table; JSON and CSV hold all.", more), yellow, 0)
	}
	return clean.err
}

// maxRows is how many rows of a table are written.
const maxRows = 2000

// firstRows keeps to the first n rows, and counts those that follow.
func firstRows(all iter.Seq[[]cell], n int) (rows iter.Seq[[]cell], more int) {
	total := 0
	for range all {
		total++
	}
	return func(yield func([]cell) bool) {
		left := n
		for row := range all {
			if left--; left < 0 || !yield(row) {
				return
			}
		}
	}, max(total-n, 0)
}

func (p *page) cellLines(c cell, width int) string {
	var lines []string
	for _, part := range c {
		for _, line := range wrap(printable(part.text), width) {
			lines = append(lines, p.paint(line, part.style))
		}
	}
	return strings.Join(lines, "\n")
}

// newTable configures tablewriter: no frame, columns set off by two blanks,
// a line under the titles, everything left-aligned and as it is given.
func newTable(w io.Writer, widths []int) *tablewriter.Table {
	// Text is measured as on every terminal in use; by default the package
	// asks the locale, and the same report would differ between two machines.
	twwidth.SetOptions(twwidth.Options{})
	perColumn := tw.NewMapper[int, int]()
	gaps := make([]tw.Padding, len(widths))
	for i, width := range widths {
		gap := columnGap
		if i == len(widths)-1 {
			gap = ""
		}
		gaps[i] = tw.Padding{Right: gap, Overwrite: true}
		perColumn.Set(i, width+len(gap))
	}
	cells := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off},
		Alignment:  tw.CellAlignment{Global: tw.AlignLeft},
		Padding:    tw.CellPadding{Global: tw.Padding{Overwrite: true}, PerColumn: gaps},
	}
	return tablewriter.NewTable(w,
		tablewriter.WithConfig(tablewriter.Config{
			Header: cells, Row: cells,
			Widths:   tw.CellWidth{PerColumn: perColumn},
			Stream:   tw.StreamConfig{Enable: true, StrictColumns: true},
			Behavior: tw.Behavior{TrimSpace: tw.Off},
		}),
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Symbols: tw.NewSymbols(tw.StyleASCII),
			Settings: tw.Settings{
				Separators: tw.Separators{BetweenColumns: tw.Off, BetweenRows: tw.Off, ShowHeader: tw.On},
				Lines:      tw.Lines{ShowHeaderLine: tw.On, ShowTop: tw.Off, ShowBottom: tw.Off},
			},
		})),
	)
}

// columnWidths gives each column the width of its widest cell where all fit
// in total, and otherwise lets the flexible ones share what is left: narrow
// ones get what they need, the others the same.
func columnWidths(columns []column, rows iter.Seq[[]cell], total int) []int {
	widths := naturalWidths(columns, rows)
	left := total - len(columnGap)*(len(columns)-1)
	open := make([]int, 0, len(columns))
	for i, c := range columns {
		if c.flexible {
			open = append(open, i)
		} else {
			left -= widths[i]
		}
	}
	for len(open) > 0 {
		share := max(left/len(open), 1)
		var wide []int
		for _, i := range open {
			if widths[i] <= share {
				left -= widths[i]
			} else {
				wide = append(wide, i)
			}
		}
		if len(wide) == len(open) {
			for n, i := range wide {
				widths[i] = max(left/(len(wide)-n), 1)
				left -= widths[i]
			}
			break
		}
		open = wide
	}
	return widths
}

func naturalWidths(columns []column, rows iter.Seq[[]cell]) []int {
	widths := make([]int, len(columns))
	for i, c := range columns {
		widths[i] = displayWidth(c.title)
	}
	for row := range rows {
		for i, c := range row {
			for _, part := range c {
				widths[i] = max(widths[i], displayWidth(printable(part.text)))
			}
		}
	}
	return widths
}

// displayWidth is the number of terminal columns that printable text takes.
func displayWidth(s string) int {
	if isPlain(s) {
		return len(s)
	}
	return twwidth.WidthWithOptions(s, twwidth.Options{})
}

// wrap breaks text into lines of at most width columns: between words, or
// inside of a word that is longer than a line. It gives at least one line.
func wrap(s string, width int) []string {
	if displayWidth(s) <= width {
		return []string{s}
	}
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		if line != "" && displayWidth(line)+1+displayWidth(word) <= width {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for displayWidth(word) > width {
			cut := breakPoint(word, width)
			lines = append(lines, word[:cut])
			word = word[cut:]
		}
		line = word
	}
	if line != "" || lines == nil {
		lines = append(lines, line)
	}
	return lines
}

// breakPoint is where to cut a word that is wider than width: after the last
// separator in the second half of what fits, or else where it is full. It is
// at least one character, so that wrapping ends at any width.
func breakPoint(word string, width int) int {
	full, separator, used := 0, 0, 0
	for i, r := range word {
		end := i + len(string(r))
		used += displayWidth(string(r))
		if used > width && i > 0 {
			break
		}
		full = end
		if strings.ContainsRune("/-_.,:;=&?", r) && used > width/2 {
			separator = end
		}
	}
	if separator > 0 {
		return separator
	}
	return full
}

// lineTrimmer drops blanks at the end of lines, with the resets that
// tablewriter adds after a coloured cell's padding. It keeps the first error,
// which tablewriter would lose.
type lineTrimmer struct {
	w   io.Writer
	err error
}

// Write takes whole lines, as the renderer gives them.
func (t *lineTrimmer) Write(b []byte) (int, error) {
	if t.err != nil {
		return 0, t.err
	}
	line := bytes.ReplaceAll(b, []byte(" "+sgrReset), []byte(" "))
	if ended, found := bytes.CutSuffix(line, []byte("\n")); found {
		line = append(bytes.TrimRight(ended, " "), '\n')
	}
	if _, t.err = t.w.Write(line); t.err != nil {
		return 0, t.err
	}
	return len(b), nil
}
