package flowmap

import (
	"slices"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// legend explains lines and badges, above the columns.
type legend struct {
	Lines  []legendLine
	Badges []legendBadge
	Hints  []chip
	bottom float64
}

type legendLine struct {
	box
	Class string
	Open  bool
	Text  string
}

type legendBadge struct {
	badge
	Text string
}

// Places of the legend.
const (
	legendTop  = 14.0
	legendStep = 28.0
	swatch     = 30.0
)

func newLegend(m *Map) legend {
	var l legend
	x := 0.0
	line := func(class, text string, open bool) {
		l.Lines = append(l.Lines, legendLine{box: box{x, legendTop, swatch, 0}, Class: class, Open: open, Text: text})
		x += swatch + 8 + smallFont.widthOf(text) + 18
	}
	for _, c := range slices.Backward(classes) {
		line(className(c), classWords(c), false)
	}
	line("internal", "dashed: not encrypted", true)
	l.Hints = append(l.Hints, chip{box: box{x, legendTop, 0, 0}, Text: "The arrow points at whoever is called."})
	l.bottom = legendTop + 8
	if m.Report == nil {
		return l
	}
	x = 0
	y := legendTop + legendStep - 10
	add := func(class, letter, text string) {
		l.Badges = append(l.Badges, legendBadge{badge{box{x, y, 20, 20}, class, letter}, text})
		x += 20 + 8 + smallFont.widthOf(text) + 18
	}
	for _, band := range slices.Backward(bands) {
		if band != risk.BandUnknown {
			add(string(band), "", string(band)+" risk")
		}
	}
	add("unknown", "?", "too little is known to grade")
	add("none", "–", notScanned)
	l.Hints = append(l.Hints, chip{box: box{x, y + 10, 0, 0}, Text: "Coverage is how much could be assessed."})
	l.bottom = y + 20
	return l
}
