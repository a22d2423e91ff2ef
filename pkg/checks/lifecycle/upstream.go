package lifecycle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The names of the copies in a folder. Every other *.json in it is a response
// of the API of endoflife.date.
const (
	endOfLifeTSV  = "endoflife.tsv"
	exploitedTSV  = "known-exploited.tsv"
	exploitedJSON = "known_exploited_vulnerabilities.json"
)

// The columns of the copies in tables.
const (
	endOfLifeHead     = "product\tcycle\treleased\teol\tend_of_active_support\tlatest\tlts\tcpe"
	exploitedFullHead = "cve\tvendor\tproduct\tdate_added\tname"
)

// statedComment, in a table, says the day whose state it is.
const statedComment = "# date:"

// Upstream is fresh copies of the sources, or of one of them.
type Upstream struct {
	Files []string // those that were read
	// LeftOut counts the products of endoflife.date that were not taken: no
	// banner and no greeting names them.
	LeftOut int

	endOfLife, exploitedFrom *Source // nil where there is no copy
	cycles                   []cycle
	exploited                []exploit
}

// ReadUpstream reads the copies in a folder: endoflife.tsv, or responses of
// the API of endoflife.date (version 1, one product or all of them) in *.json
// files; and known-exploited.tsv, or CISA's
// known_exploited_vulnerabilities.json. What is wrong with them is a
// [Problems]. now bounds the dates that they may have.
func ReadUpstream(dir string, now time.Time) (*Upstream, error) {
	present, responses, err := copiesIn(dir)
	if err != nil {
		return nil, err
	}
	if present[endOfLifeTSV] && len(responses) > 0 {
		return nil, fmt.Errorf("%s holds both %s and %s: which one is it?", dir, endOfLifeTSV, filepath.Base(responses[0]))
	}
	if present[exploitedTSV] && present[exploitedJSON] {
		return nil, fmt.Errorf("%s holds both %s and %s: which one is it?", dir, exploitedTSV, exploitedJSON)
	}
	u := &Upstream{}
	var problems Problems
	read := func(path string, how func(*text)) error {
		content, err := readFile(path)
		if err != nil {
			return err
		}
		u.Files = append(u.Files, path)
		t := &text{file: path, content: string(content)}
		how(t)
		problems = append(problems, t.problems...)
		return nil
	}
	var errs []error
	if present[endOfLifeTSV] {
		errs = append(errs, read(filepath.Join(dir, endOfLifeTSV), func(t *text) { u.readEndOfLifeTable(t, now) }))
	}
	seen := keys{}
	for _, path := range responses {
		errs = append(errs, read(path, func(t *text) { u.readResponse(t, now, seen) }))
	}
	if present[exploitedTSV] {
		errs = append(errs, read(filepath.Join(dir, exploitedTSV), func(t *text) { u.readExploitedTable(t, now) }))
	}
	if present[exploitedJSON] {
		errs = append(errs, read(filepath.Join(dir, exploitedJSON), func(t *text) { u.readCatalogue(t, now) }))
	}
	if err := errors.Join(append(errs, problems.orNil())...); err != nil {
		return nil, err
	}
	if len(u.Files) == 0 {
		return nil, fmt.Errorf("%s holds no copy of the sources: %w", dir, fs.ErrNotExist)
	}
	return u, nil
}

// copiesIn lists what a folder holds.
func copiesIn(dir string) (present map[string]bool, responses []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	present = map[string]bool{}
	for _, entry := range entries {
		name := entry.Name()
		switch {
		case slices.Contains([]string{endOfLifeTSV, exploitedTSV, exploitedJSON}, name):
			present[name] = true
		case strings.HasSuffix(name, ".json") && !strings.HasPrefix(name, "."):
			responses = append(responses, filepath.Join(dir, name))
		}
	}
	return present, responses, nil
}

// Over is the data with what was read in place of what it had.
func (u *Upstream) Over(d *Data) *Data {
	endOfLife, exploited := d.EndOfLife, d.KnownExploited
	cycles, known := slices.Clone(d.cycles), slices.Clone(d.exploited)
	if u.endOfLife != nil {
		endOfLife, cycles = *u.endOfLife, u.cycles
	}
	if u.exploitedFrom != nil {
		exploited, known = *u.exploitedFrom, u.exploited
	}
	return newData(endOfLife, exploited, cycles, known)
}

// readEndOfLifeTable reads the table of release cycles.
func (u *Upstream) readEndOfLifeTable(t *text, now time.Time) {
	source, seen, leftOut := endOfLifeSource(), keys{}, map[string]bool{}
	source.Stated = t.stated(now)
	t.table(0, endOfLifeHead, "", func(l line) {
		c, ok := l.cycle(cycleColumns{0, 1, 2, 3, 5})
		if !ok || !l.unique(seen, 0, 1) {
			return
		}
		if !slices.Contains(productIDs, c.product) {
			leftOut[c.product] = true
			return
		}
		source.entry(c.released, now)
		u.cycles = append(u.cycles, c)
	})
	t.wantRows(len(u.cycles), "release cycle")
	u.endOfLife, u.LeftOut = &source, len(leftOut)
}

// readExploitedTable reads the table of known exploited vulnerabilities.
func (u *Upstream) readExploitedTable(t *text, now time.Time) {
	source, seen := exploitedSource(), keys{}
	source.Stated = t.stated(now)
	t.table(0, exploitedFullHead, "", func(l line) {
		if e, ok := l.exploit(); ok && l.unique(seen, 0) {
			source.entry(e.added, now)
			u.exploited = append(u.exploited, e)
		}
	})
	t.wantRows(len(u.exploited), "vulnerability")
	u.exploitedFrom = &source
}

// wantRows refuses a copy that holds nothing.
func (t *text) wantRows(n int, what string) {
	if n == 0 && len(t.problems) == 0 {
		t.problem(len(t.content), 1, "empty", "holds no "+what, "")
	}
}

// stated reads the day that a table says it is of.
func (t *text) stated(now time.Time) time.Time {
	at := 0
	for content := range strings.Lines(t.content) {
		if content[0] != '#' {
			break
		}
		if value, ok := strings.CutPrefix(content, statedComment); ok {
			value = strings.TrimSpace(value)
			return t.statedDay(value, at+strings.Index(content, value), now)
		}
		at += len(content)
	}
	return time.Time{}
}

// statedDay reads a day that a copy says of itself. It cannot be tomorrow's.
func (t *text) statedDay(value string, at int, now time.Time) time.Time {
	day, err := time.Parse(dateLayout, value[:min(len(value), len(dateLayout))])
	switch {
	case err != nil:
		t.problem(at, len(value), "bad-date", fmt.Sprintf("%q is not a date", value), "such as 2026-08-22")
	case day.After(now.AddDate(0, 0, 1)):
		t.problem(at, len(value), "bad-date", fmt.Sprintf("%s has not come yet", value), "")
	}
	return day
}

// entry takes the day of an entry into account. Entries may lie ahead: a
// release that is announced does not make its source any newer.
func (s *Source) entry(date string, now time.Time) {
	limit := now
	if !s.Stated.IsZero() {
		limit = s.Stated
	}
	if day, err := time.Parse(dateLayout, date); err == nil && day.After(s.Newest) && !day.After(limit) {
		s.Newest = day
	}
}
