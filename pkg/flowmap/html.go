package flowmap

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// page is what the head of the page shows.
type page struct {
	Title, Summary, RiskSummary string
	StyleHash, ScriptHash       string
	CSS                         template.CSS
	JS                          template.JS
	Judged                      bool
	Tiles                       []tile
	Filters                     []filter
}

// tile is one number at the top.
type tile struct {
	Number int
	Text   string
	Alert  bool
}

// filter narrows the page down to some links.
type filter struct {
	Name, Label string
	Options     []option
}

type option struct{ Value, Text string }

// writeHTML writes a page that needs no other file: the drawing, a filter and
// a table that says the same in words.
func writeHTML(w io.Writer, m *Map) error {
	out := bufio.NewWriterSize(w, 64<<10)
	p := newPage(m)
	if err := templates.ExecuteTemplate(out, "top", p); err != nil {
		return err
	}
	if err := templates.ExecuteTemplate(out, "figure", draw(m, len(m.Links) <= mostLinks)); err != nil {
		return err
	}
	if err := templates.ExecuteTemplate(out, "middle", p); err != nil {
		return err
	}
	for i := range m.Links {
		if err := templates.ExecuteTemplate(out, "link", m.tableRow(i)); err != nil {
			return err
		}
	}
	if err := templates.ExecuteTemplate(out, "bottom", p); err != nil {
		return err
	}
	return out.Flush()
}

func newPage(m *Map) *page {
	css := mapCSS + pageCSS
	return &page{
		Title: "Links between our systems and third parties", Summary: m.summary(), RiskSummary: m.riskSummary(),
		CSS: template.CSS(css), StyleHash: cspHash(css), //nolint:gosec // our own
		JS: template.JS(pageJS), ScriptHash: cspHash(pageJS), //nolint:gosec // our own
		Judged: m.Report != nil, Tiles: m.tiles(), Filters: m.filters(),
	}
}

// cspHash names an inline style or script in a Content-Security-Policy.
func cspHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func (m *Map) tiles() []tile {
	all := newBundle(0, 0)
	for i := range m.Links {
		all.add(&m.Links[i])
	}
	noun := func(n int, one, many string) string {
		if n == 1 {
			return one
		}
		return many
	}
	tiles := []tile{
		{Number: len(m.Vendors), Text: noun(len(m.Vendors), "vendor", "vendors")},
		{Number: all.links, Text: noun(all.links, "link", "links")},
		{Number: all.classes[inventory.ClassificationRestricted] + all.classes[inventory.ClassificationConfidential], Text: "carry restricted or confidential data"},
		{Number: all.unencrypted, Text: "not encrypted", Alert: all.unencrypted > 0},
	}
	if m.Report != nil {
		worst := all.bands[risk.BandCritical] + all.bands[risk.BandHigh]
		tiles = append(tiles,
			tile{Number: worst, Text: "at high or critical risk", Alert: worst > 0},
			tile{Number: all.bands[risk.BandUnknown] + all.unscanned, Text: "too little known, or not scanned"})
	}
	return tiles
}

// filters are the choices; those that would choose nothing are left out.
func (m *Map) filters() []filter {
	all := newBundle(0, 0)
	for i := range m.Links {
		all.add(&m.Links[i])
	}
	system, vendor := filter{Name: "system", Label: "System"}, filter{Name: "vendor", Label: "Vendor"}
	for i := range m.Systems {
		if m.Systems[i].Links > 0 {
			system.Options = append(system.Options, option{strconv.Itoa(i), label(m.Systems[i].Name, 60)})
		}
	}
	for i := range m.Vendors {
		if m.Vendors[i].Links > 0 {
			vendor.Options = append(vendor.Options, option{strconv.Itoa(i), label(m.Vendors[i].Name, 60)})
		}
	}
	class := filter{Name: "class", Label: "Data classification"}
	for i := range classes {
		c := classes[len(classes)-1-i]
		if n := all.classes[c]; n > 0 {
			class.Options = append(class.Options, option{className(c), fmt.Sprintf("%s (%d)", classWords(c), n)})
		}
	}
	filters := []filter{system, vendor, class}
	if m.Report == nil {
		return filters
	}
	band := filter{Name: "band", Label: "Residual risk"}
	for i := range bands {
		b := bands[len(bands)-1-i]
		if n := all.bands[b]; n > 0 {
			band.Options = append(band.Options, option{string(b), fmt.Sprintf("%s (%d)", b, n)})
		}
	}
	if all.unscanned > 0 {
		band.Options = append(band.Options, option{"none", fmt.Sprintf("%s (%d)", notScanned, all.unscanned)})
	}
	return append(filters, band)
}

// tableRow is a link as the table shows it.
type tableRow struct {
	Key, SystemKeys                                  string
	Vendor                                           int
	Class, Band                                      string
	ID, Name, VendorName, Kind, URL                  string
	Formats, Payloads, Worst                         string
	Systems, Arrow, Direction                        string
	Protocol, ClassWords, Auth, Permissions          string
	Open                                             bool // not encrypted
	Judged                                           bool
	Grade, BandWords, Coverage, OpenWords, WorstRule string
}

func (m *Map) tableRow(i int) *tableRow {
	l := &m.Links[i]
	keys, names := make([]string, len(l.Systems)), make([]string, len(l.Systems))
	for n, s := range l.Systems {
		keys[n], names[n] = strconv.Itoa(s), printable(m.Systems[s].Name)
	}
	r := &tableRow{
		Key: fmt.Sprintf("l%d", i), SystemKeys: strings.Join(keys, " "), Vendor: l.Vendor, Class: className(l.Classification), Band: bandClass(l.Risk),
		ID: l.ID, Name: l.Name, VendorName: printable(m.Vendors[l.Vendor].Name), Kind: string(l.Kind), URL: printable(l.URL),
		Formats: printable(strings.Join(l.Formats, ", ")), Payloads: printable(strings.Join(l.Payloads, ", ")),
		Systems: strings.Join(names, ", "), Arrow: arrowOf(l.Direction), Direction: directionWords(l.Direction),
		Protocol: l.Protocol, ClassWords: classWords(l.Classification), Auth: l.authWords(), Permissions: printable(permissionWords(l.Permissions)),
		Open: !l.Encrypted, Judged: m.Report != nil, Grade: "–", BandWords: notScanned, OpenWords: notScanned,
	}
	if l.Risk == nil {
		return r
	}
	r.Grade, r.BandWords, r.OpenWords = string(l.Risk.Grade), l.Risk.bandWords(), l.Risk.openWords()
	r.Coverage = fmt.Sprintf("coverage %d %%", l.Risk.Coverage)
	if f := l.Risk.Worst; f != nil {
		r.WorstRule = string(f.Severity) + ": " + f.Rule
		r.Worst = string(f.Severity) + ": " + f.Rule + ": " + label(f.Message, 300)
	}
	return r
}
