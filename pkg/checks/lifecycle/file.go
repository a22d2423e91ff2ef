package lifecycle

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// FileName is the name of a data file in its folder.
const FileName = "lifecycle.tsv"

// maxFile bounds what is read of one file.
const maxFile = 64 << 20

// cycle is a release cycle of a product, and when it ends.
type cycle struct {
	product, name string
	released      string // YYYY-MM-DD
	eol           string // YYYY-MM-DD, the last day of support; or eolYes or eolNo
	latest        string // empty when upstream has none
	eolDate       time.Time
}

// What stands in place of a date that is not known.
const (
	eolYes = "true"
	eolNo  = "false"
)

func (c cycle) row() string {
	return strings.Join([]string{c.product, c.name, c.released, c.eol, c.latest}, "\t")
}

func (c cycle) compare(other cycle) int { return cmp.Compare(c.row(), other.row()) }

// exploit is a vulnerability that is known to be exploited.
type exploit struct {
	cve, vendor, product string
	added                string // YYYY-MM-DD
}

func (e exploit) row() string {
	return strings.Join([]string{e.cve, e.vendor, e.product, e.added}, "\t")
}

func (e exploit) compare(other exploit) int { return cmp.Compare(e.row(), other.row()) }

// The parts of a data file. The rows of a table are sorted as bytes, so that
// its checksum can be had from the source by cut, sort and sha256sum.
const (
	fileTitle     = "# m2mscan lifecycle data, format 1\n"
	fileComment   = "# Made by m2mscan data update; the checksums tell when it was edited.\n"
	sourceHead    = "source\tlicence\turl\tstated\tnewest\trows\tsha256"
	cycleHead     = "product\tcycle\treleased\teol\tlatest"
	exploitHead   = "cve\tvendor\tproduct\tdate_added"
	dateLayout    = time.DateOnly
	endOfLifeName = "endoflife.date"
	exploitedName = "CISA KEV"
)

// endOfLifeSource and exploitedSource are the two sources, without dates.
func endOfLifeSource() Source {
	return Source{Name: endOfLifeName, Licence: "MIT", URL: "https://endoflife.date"}
}

func exploitedSource() Source {
	return Source{Name: exploitedName, Licence: "CC0-1.0", URL: "https://www.cisa.gov/known-exploited-vulnerabilities-catalog"}
}

// Encode writes the data as [Open] reads it. The same facts give the same
// bytes.
func (d *Data) Encode(w io.Writer) error {
	cycles, exploited := tableOf(d.cycles), tableOf(d.exploited)
	var b bytes.Buffer
	b.WriteString(fileTitle + fileComment + sourceHead + "\n")
	writeSource(&b, d.EndOfLife, len(d.cycles), cycles)
	writeSource(&b, d.KnownExploited, len(d.exploited), exploited)
	b.WriteString(cycleHead + "\n" + cycles + exploitHead + "\n" + exploited)
	_, err := w.Write(b.Bytes())
	return err
}

func tableOf[R interface{ row() string }](rows []R) string {
	var b strings.Builder
	for _, r := range rows {
		b.WriteString(r.row() + "\n")
	}
	return b.String()
}

func writeSource(b *bytes.Buffer, s Source, rows int, table string) {
	stated := ""
	if !s.Stated.IsZero() {
		stated = s.Stated.Format(dateLayout)
	}
	fmt.Fprintf(b, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", s.Name, s.Licence, s.URL, stated, s.Newest.Format(dateLayout), rows, checksum(table))
}

func checksum(table string) string {
	sum := sha256.Sum256([]byte(table))
	return hex.EncodeToString(sum[:])
}

// Open reads a data file. What is wrong with its content is a [Problems]; an
// error that wraps fs.ErrNotExist says that there is no file.
func Open(path string) (*Data, error) {
	content, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return parse(path, content)
}

// readFile reads a file of at most maxFile bytes.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	_ = f.Close() // nothing was written
	if err != nil {
		return nil, err
	}
	if len(content) > maxFile {
		return nil, fmt.Errorf("read %s: larger than %d MiB", path, maxFile>>20)
	}
	return content, nil
}

// parse reads a data file strictly: a torn or edited file is an error.
func parse(path string, content []byte) (*Data, error) {
	t := &text{file: path, content: string(content)}
	if !strings.HasPrefix(t.content, fileTitle) {
		first, _, _ := strings.Cut(t.content, "\n")
		t.problem(0, len(first), "not-a-data-file", "not a data file of this version of m2mscan", "m2mscan data update makes one")
		return nil, t.problems
	}
	var sources []line
	var cycles []cycle
	var exploited []exploit
	end := t.table(len(fileTitle), sourceHead, cycleHead, func(l line) { sources = append(sources, l) })
	seen := keys{}
	end = t.table(end, cycleHead, exploitHead, func(l line) {
		if c, ok := l.cycle(cycleColumns{0, 1, 2, 3, 4}); ok && l.unique(seen, 0, 1) {
			cycles = append(cycles, c)
		}
	})
	t.table(end, exploitHead, "", func(l line) {
		if e, ok := l.exploit(); ok && l.unique(seen, 0) {
			exploited = append(exploited, e)
		}
	})
	if len(t.problems) > 0 {
		return nil, t.problems
	}
	if len(sources) != 2 {
		t.problem(len(fileTitle), 1, "bad-source", fmt.Sprintf("names %d sources; want 2", len(sources)), "")
		return nil, t.problems
	}
	endOfLife := sources[0].source(endOfLifeSource(), len(cycles), tableOf(cycles))
	known := sources[1].source(exploitedSource(), len(exploited), tableOf(exploited))
	if len(t.problems) > 0 {
		return nil, t.problems
	}
	endOfLife.Origin, known.Origin = path, path
	return newData(endOfLife, known, cycles, exploited), nil
}

// source reads what the head says of a source, and holds the table to it.
func (l line) source(s Source, rows int, table string) Source {
	if l.fields[0] != s.Name {
		l.bad(0, "bad-source", fmt.Sprintf("source %q; want %q", l.fields[0], s.Name), "")
	}
	s.Licence, s.URL = l.fields[1], l.fields[2]
	if l.fields[3] != "" {
		s.Stated = l.date(3)
	}
	s.Newest = l.date(4)
	const edited = "the file was cut short or edited: m2mscan data update makes it anew"
	if got := strconv.Itoa(rows); l.fields[5] != got {
		l.bad(5, "bad-count", fmt.Sprintf("says %s rows of %s, but there are %s", l.fields[5], s.Name, got), edited)
	} else if l.fields[6] != checksum(table) {
		l.bad(6, "bad-checksum", "is not the checksum of the rows of "+s.Name, edited)
	}
	return s
}
