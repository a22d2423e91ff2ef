package lifecycle

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// response is what the API of endoflife.date answers about one product, or
// about all of them (https://endoflife.date/docs/api/v1).
type response struct {
	SchemaVersion string          `json:"schema_version"`
	GeneratedAt   string          `json:"generated_at"`
	LastModified  string          `json:"last_modified"`
	Result        json.RawMessage `json:"result"`
}

type responseProduct struct {
	Name     string            `json:"name"`
	Releases []json.RawMessage `json:"releases"`
}

type responseRelease struct {
	Name        string  `json:"name"`
	ReleaseDate string  `json:"releaseDate"`
	IsEOL       *bool   `json:"isEol"`
	EOLFrom     *string `json:"eolFrom"`
	Latest      *struct {
		Name string `json:"name"`
		Date string `json:"date"`
	} `json:"latest"`
}

// readResponse reads a response of the API of endoflife.date.
func (u *Upstream) readResponse(t *text, now time.Time, seen keys) {
	var r response
	if !t.unmarshal(t.content, 0, &r) {
		return
	}
	if !strings.HasPrefix(r.SchemaVersion, "1.") || len(r.Result) == 0 {
		t.problem(t.value(0, t.content, "schema_version"), len(r.SchemaVersion), "bad-response", "not a response of version 1 of the API of endoflife.date",
			"remove the file, or get it from https://endoflife.date/api/v1/products/")
		return
	}
	if u.endOfLife == nil {
		source := endOfLifeSource()
		u.endOfLife = &source
	}
	// The API states when a product was last changed: its state is that day's
	// or a later one's.
	if stated := cmp.Or(r.GeneratedAt, r.LastModified); stated != "" {
		at := max(0, strings.Index(t.content, stated))
		if day := t.statedDay(stated, at, now); day.After(u.endOfLife.Stated) {
			u.endOfLife.Stated = day
		}
	}
	products := []json.RawMessage{r.Result}
	if r.Result[0] == '[' {
		if !t.unmarshal(string(r.Result), t.find(0, r.Result), &products) {
			return
		}
	}
	at := t.find(0, r.Result)
	for _, raw := range products {
		at = t.find(at, raw)
		u.readProduct(t, at, raw, now, seen)
		at += len(raw)
	}
}

// readProduct reads one product of a response, which stands at an offset.
func (u *Upstream) readProduct(t *text, at int, raw json.RawMessage, now time.Time, seen keys) {
	var p responseProduct
	if !t.unmarshal(string(raw), at, &p) {
		return
	}
	if !slices.Contains(productIDs, p.Name) {
		u.LeftOut++
		return
	}
	if len(p.Releases) == 0 {
		t.problem(at, 1, "empty", p.Name+" has no releases", "a list of products has none: get products/full/ or each product")
		return
	}
	if first, again := seen[p.Name]; again {
		t.problem(at, 1, "duplicate", fmt.Sprintf("%s is in %s already", p.Name, first.in.file), "")
		return
	}
	seen[p.Name] = line{in: t, at: at}
	for _, release := range p.Releases {
		at = t.find(at, release)
		u.readRelease(t, at, release, p.Name, now)
		at += len(release)
	}
}

// readRelease reads one release cycle of a product.
func (u *Upstream) readRelease(t *text, at int, raw json.RawMessage, product string, now time.Time) {
	var r responseRelease
	if !t.unmarshal(string(raw), at, &r) {
		return
	}
	c := cycle{product: product, name: r.Name, released: r.ReleaseDate}
	switch {
	case r.EOLFrom != nil:
		c.eol = *r.EOLFrom
	case r.IsEOL != nil && *r.IsEOL:
		c.eol = eolYes
	case r.IsEOL != nil:
		c.eol = eolNo
	}
	if r.Latest != nil {
		c.latest = r.Latest.Name
		u.endOfLife.entry(r.Latest.Date, now)
	}
	if flaw := c.check(); flaw.of != noColumn {
		key := string(flaw.of)
		if flaw.of == columnCycle || flaw.of == columnProduct {
			key = "name"
		}
		t.problem(t.value(at, string(raw), key), 1, flaw.code, product+": "+flaw.message, flaw.hint)
		return
	}
	u.endOfLife.entry(c.released, now)
	u.cycles = append(u.cycles, c)
}

// catalogue is CISA's catalogue of known exploited vulnerabilities, by its
// published schema.
type catalogue struct {
	DateReleased    string            `json:"dateReleased"`
	Count           *int              `json:"count"`
	Vulnerabilities []json.RawMessage `json:"vulnerabilities"`
}

type catalogueEntry struct {
	CVE     string `json:"cveID"`
	Vendor  string `json:"vendorProject"`
	Product string `json:"product"`
	Added   string `json:"dateAdded"`
}

// readCatalogue reads CISA's catalogue.
func (u *Upstream) readCatalogue(t *text, now time.Time) {
	var c catalogue
	if !t.unmarshal(t.content, 0, &c) {
		return
	}
	source := exploitedSource()
	u.exploitedFrom = &source
	source.Stated = t.statedDay(c.DateReleased, t.value(0, t.content, "dateReleased"), now)
	if c.Count != nil && *c.Count != len(c.Vulnerabilities) {
		t.problem(t.value(0, t.content, "count"), 1, "bad-count",
			fmt.Sprintf("says %d vulnerabilities, but there are %d", *c.Count, len(c.Vulnerabilities)), "the file was cut short or edited: copy it again")
	}
	seen, at := map[string]bool{}, 0
	for _, raw := range c.Vulnerabilities {
		at = t.find(at, raw)
		var v catalogueEntry
		if !t.unmarshal(string(raw), at, &v) {
			return
		}
		e := exploit{v.CVE, strings.TrimSpace(v.Vendor), strings.TrimSpace(v.Product), v.Added}
		flaw := e.check()
		switch {
		case flaw.of != noColumn:
			t.problem(t.value(at, string(raw), string(flaw.of)), 1, flaw.code, flaw.message, flaw.hint)
		case seen[e.cve]:
			t.problem(at, 1, "duplicate", e.cve+" stands twice", "")
		default:
			seen[e.cve] = true
			source.entry(e.added, now)
			u.exploited = append(u.exploited, e)
		}
		at += len(raw)
	}
	t.wantRows(len(u.exploited), "vulnerability")
}

// unmarshal reads JSON that stands at an offset of the text; a mistake in it
// is a problem at its place.
func (t *text) unmarshal(part string, at int, to any) bool {
	err := json.Unmarshal([]byte(part), to)
	if err == nil {
		return true
	}
	message := strings.TrimPrefix(err.Error(), "json: ")
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		at += int(syntax.Offset) - 1
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		at += max(0, int(kind.Offset)-1)
		message = fmt.Sprintf("%s is a %s", kind.Field, kind.Value)
	}
	t.problem(at, 1, "bad-json", message, "")
	return false
}

// find is where a part of the text stands, from an offset on.
func (t *text) find(from int, part json.RawMessage) int {
	if i := strings.Index(t.content[from:], string(part)); i >= 0 {
		return from + i
	}
	return from
}

// value is where the value of a key stands in an object at an offset; the
// object itself when there is no such key.
func (t *text) value(at int, object, key string) int {
	name := `"` + key + `"`
	i := strings.Index(object, name)
	if i < 0 {
		return at
	}
	i += len(name)
	return at + i + len(object[i:]) - len(strings.TrimLeft(object[i:], ": \t\r\n"))
}
