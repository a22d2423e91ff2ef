package flowmap

import "io"

// Format is one way to write a map.
type Format struct {
	Name string // as in -o NAME
	Doc  string // one line for people
	// Write writes the whole map to w and changes nothing in it.
	Write func(w io.Writer, m *Map) error
}

// Formats lists every format. The first is the default.
func Formats() []Format {
	return []Format{
		{Name: "mermaid", Doc: "Mermaid flowchart, for Markdown on GitHub and GitLab", Write: writeMermaid},
		{Name: "dot", Doc: "Graphviz", Write: writeDOT},
		{Name: "html", Doc: "one page with the drawing, a filter and a table of the links: no external file", Write: writeHTML},
		{Name: "svg", Doc: "the drawing alone, as an image", Write: writeSVG},
		{Name: "json", Doc: "edge list for programs, versioned", Write: writeJSON},
		{Name: "csv", Doc: "edge list for spreadsheets", Write: writeCSV},
	}
}

// LookupFormat finds a format by its name.
func LookupFormat(name string) (Format, bool) {
	for _, f := range Formats() {
		if f.Name == name {
			return f, true
		}
	}
	return Format{}, false
}
