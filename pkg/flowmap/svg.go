package flowmap

import (
	"bufio"
	_ "embed"
	"html/template"
	"io"
	"strconv"
)

// The parts of the drawing and the page.
var (
	//go:embed page/drawing.svg
	drawingTemplate string
	//go:embed page/page.html
	pageTemplate string
	//go:embed page/map.css
	mapCSS string
	//go:embed page/page.css
	pageCSS string
	//go:embed page/page.js
	pageJS string
)

// templates hold the drawing and the page. They escape for the place that a
// value stands in; XML has all the escapes that they use.
var templates = template.Must(template.New("").Funcs(template.FuncMap{ //nolint:gochecknoglobals // parsed once
	"px":     px,
	"add":    func(a, b float64) float64 { return a + b },
	"middle": func(start, length float64) float64 { return start + length/2 },
	"baseline": func(top, height, width float64) float64 { // of the letter in a badge
		if width < 24 {
			return top + height/2 + 4
		}
		return top + height/2 + 5.5
	},
	"cardLine": func(name float64, i int) float64 { return name + 17 + 15*float64(i) },
	"riskLine": func(top float64, i, of int) float64 { return top + 20 + 17*float64(i) + 8*float64(2-of) },
	"mapCSS":   func() template.CSS { return template.CSS(mapCSS) }, //nolint:gosec // our own
}).Parse(drawingTemplate + pageTemplate))

// px writes pixels with at most one decimal.
func px(v float64) string {
	s := strconv.FormatFloat(v, 'f', 1, 64)
	if len(s) > 2 && s[len(s)-2:] == ".0" {
		return s[:len(s)-2]
	}
	return s
}

// writeSVG writes the drawing as an image by itself.
func writeSVG(w io.Writer, m *Map) error {
	out := bufio.NewWriter(w)
	if _, err := out.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n"); err != nil {
		return err
	}
	if err := templates.ExecuteTemplate(out, "svg", draw(m, false)); err != nil {
		return err
	}
	return out.Flush()
}
