package flowmap

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// SchemaVersion is the version of the edge list in JSON: major.minor. A minor
// step only adds.
const SchemaVersion = "1.0"

// The parts of the edge list in JSON, as docs/map.md describes them.
type (
	jsonReport struct {
		Started     time.Time `json:"started"`
		ToolVersion string    `json:"tool_version"`
		ScoreModel  string    `json:"score_model"`
		Complete    bool      `json:"complete"`
	}
	jsonSystem struct {
		Key    string `json:"key"`
		ID     string `json:"id"`
		Name   string `json:"name"`
		Owner  string `json:"owner"`
		Stated bool   `json:"stated"`
		Links  int    `json:"links"`
	}
	jsonVendor struct {
		Key         string                `json:"key"`
		ID          string                `json:"id"`
		Name        string                `json:"name"`
		Criticality inventory.Criticality `json:"criticality"`
		Links       int                   `json:"links"`
		Risk        *jsonRisk             `json:"risk"`
	}
	jsonEdge struct {
		From           string                    `json:"from"`
		To             string                    `json:"to"`
		System         string                    `json:"system"`
		Vendor         string                    `json:"vendor"`
		Link           string                    `json:"link"`
		Kind           inventory.Kind            `json:"kind"`
		URL            string                    `json:"url"`
		Scheme         string                    `json:"scheme"`
		Protocol       string                    `json:"protocol"`
		Encrypted      bool                      `json:"encrypted"`
		Direction      inventory.Direction       `json:"direction"`
		Initiative     string                    `json:"direction_words"`
		Classification inventory.Classification  `json:"classification"`
		Formats        []string                  `json:"formats"`
		Payloads       []string                  `json:"payloads"`
		Permissions    []string                  `json:"permissions"`
		Auth           inventory.AuthType        `json:"auth"`
		MTLS           inventory.MTLS            `json:"mtls"`
		Signature      inventory.SignatureScheme `json:"signature"`
		Risk           *jsonRisk                 `json:"risk"`
	}
	jsonRisk struct {
		Grade    risk.Grade            `json:"grade"`
		Coverage int                   `json:"coverage"`
		Band     risk.Band             `json:"band"`
		Residual *int                  `json:"residual"`
		Open     map[risk.Severity]int `json:"open"`
		Waived   int                   `json:"waived"`
		Worst    *jsonFinding          `json:"worst"`
	}
	jsonFinding struct {
		Rule     string        `json:"rule"`
		Target   string        `json:"target"`
		Severity risk.Severity `json:"severity"`
		Message  string        `json:"message"`
	}
)

func jsonRiskOf(r *Risk) *jsonRisk {
	if r == nil {
		return nil
	}
	j := &jsonRisk{Grade: r.Grade, Coverage: r.Coverage, Band: r.Band, Residual: r.Residual, Open: r.Open, Waived: r.Waived}
	if f := r.Worst; f != nil {
		j.Worst = &jsonFinding{Rule: f.Rule, Target: f.Target, Severity: f.Severity, Message: f.Message}
	}
	return j
}

// writeJSON writes the edge list with one system, vendor or edge on each line.
func writeJSON(w io.Writer, m *Map) error {
	d := &jsonLines{w: bufio.NewWriter(w)}
	var source *jsonReport
	if r := m.Report; r != nil {
		source = &jsonReport{Started: r.Started.UTC(), ToolVersion: r.ToolVersion, ScoreModel: r.ScoreModel, Complete: r.Complete}
	}
	fmt.Fprintf(d.w, "{\n\"schema_version\": %q,\n\"report\": %s,\n", SchemaVersion, d.marshal(source))
	d.array("systems", ",", func(yield func(any)) {
		for _, s := range m.Systems {
			yield(jsonSystem{Key: "system:" + s.ID, ID: s.ID, Name: s.Name, Owner: s.Owner, Stated: s.ID != Unstated, Links: s.Links})
		}
	})
	d.array("vendors", ",", func(yield func(any)) {
		for _, v := range m.Vendors {
			yield(jsonVendor{Key: "vendor:" + v.ID, ID: v.ID, Name: v.Name, Criticality: v.Criticality, Links: v.Links, Risk: jsonRiskOf(v.Risk)})
		}
	})
	d.array("edges", "", func(yield func(any)) {
		for e := range m.Edges() {
			l := e.Link
			yield(jsonEdge{
				From: e.From, To: e.To, System: e.System.ID, Vendor: e.Vendor.ID, Link: l.ID, Kind: l.Kind, URL: l.URL,
				Scheme: l.Scheme, Protocol: l.Protocol, Encrypted: l.Encrypted,
				Direction: l.Direction, Initiative: directionWords(l.Direction), Classification: l.Classification,
				Formats: notNil(l.Formats), Payloads: notNil(l.Payloads), Permissions: notNil(l.Permissions),
				Auth: l.Auth, MTLS: l.MTLS, Signature: l.Signature, Risk: jsonRiskOf(l.Risk),
			})
		}
	})
	fmt.Fprint(d.w, "}\n")
	return cmp.Or(d.err, d.w.Flush())
}

func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// jsonLines writes a JSON document line by line.
type jsonLines struct {
	w   *bufio.Writer
	err error
}

func (d *jsonLines) marshal(v any) []byte {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		d.err = cmp.Or(d.err, err)
	}
	return []byte(strings.TrimSuffix(b.String(), "\n"))
}

func (d *jsonLines) array(name, comma string, each func(yield func(any))) {
	fmt.Fprintf(d.w, "%q: [", name)
	separator := "\n"
	each(func(v any) {
		fmt.Fprintf(d.w, "%s  %s", separator, d.marshal(v))
		separator = ",\n"
	})
	fmt.Fprintf(d.w, "\n]%s\n", comma)
}

// csvColumns are the columns of the edge list in CSV.
var csvColumns = []string{ //nolint:gochecknoglobals // a table
	"from", "to", "system", "vendor", "link", "kind", "url", "scheme", "protocol", "encrypted", "direction",
	"direction_words", "classification", "formats", "payloads", "permissions", "auth", "mtls", "signature",
	"grade", "coverage", "band", "residual", "open_critical", "open_high", "open_medium", "open_low", "open_info", "waived",
	"worst_severity", "worst_rule", "worst_message",
}

// writeCSV writes the edge list as RFC 4180 has it. Columns of risk are empty
// without a report, and "not scanned" stands for a grade that it does not hold.
func writeCSV(w io.Writer, m *Map) error {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	_ = c.Write(csvColumns) // an error stays, and is returned below
	for e := range m.Edges() {
		l := e.Link
		row := []string{
			e.From, e.To, e.System.ID, e.Vendor.ID, l.ID, string(l.Kind), l.URL, l.Scheme, l.Protocol, strconv.FormatBool(l.Encrypted),
			string(l.Direction), directionWords(l.Direction), string(l.Classification), strings.Join(l.Formats, " "),
			strings.Join(l.Payloads, " "), strings.Join(l.Permissions, " "), string(l.Auth), string(l.MTLS), string(l.Signature),
		}
		row = append(row, csvRisk(m, l.Risk)...)
		for i, field := range row {
			row[i] = csvText(field)
		}
		_ = c.Write(row)
	}
	c.Flush()
	return c.Error()
}

func csvRisk(m *Map, r *Risk) []string {
	if r == nil {
		fields := make([]string, len(csvColumns)-slices.Index(csvColumns, "grade"))
		if m.Report != nil {
			fields[0] = notScanned
		}
		return fields
	}
	residual := ""
	if r.Residual != nil {
		residual = strconv.Itoa(*r.Residual)
	}
	fields := []string{string(r.Grade), strconv.Itoa(r.Coverage), string(r.Band), residual}
	for _, severity := range slices.Backward(risk.Severities) {
		fields = append(fields, strconv.Itoa(r.Open[severity]))
	}
	fields = append(fields, strconv.Itoa(r.Waived))
	if f := r.Worst; f != nil {
		return append(fields, string(f.Severity), f.Rule, f.Message)
	}
	return append(fields, "", "", "")
}

// csvText keeps a field from being read as a formula: spreadsheets take one
// that begins with any of these, behind blanks too, for one. Some read the wide
// forms of the same characters alike.
func csvText(s string) string {
	s = printable(s)
	if strings.IndexAny(strings.TrimLeft(s, " "), "=+-@|%＝＋－＠") == 0 {
		return "'" + s
	}
	return s
}
