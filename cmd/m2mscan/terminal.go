package main

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/term"
)

// colorMode says when the table is coloured.
type colorMode string

const (
	colorAuto   colorMode = "auto"
	colorAlways colorMode = "always"
	colorNever  colorMode = "never"
)

func colorModes() []colorMode { return []colorMode{colorAuto, colorAlways, colorNever} }

// defaultWidth is the width of a table that no terminal limits.
const defaultWidth = 120

// terminal returns the file descriptor of w, if w is a terminal.
func terminal(w io.Writer) (fd int, ok bool) {
	f, isFile := w.(*os.File)
	if !isFile {
		return 0, false
	}
	fd = int(f.Fd())
	return fd, term.IsTerminal(fd)
}

// useColor decides whether output to w is coloured: flags first, then
// NO_COLOR (https://no-color.org), then whether w is a terminal that can.
func (a *app) useColor(w io.Writer) bool {
	switch {
	case a.noColor || a.color == colorNever:
		return false
	case a.color == colorAlways:
		return true
	case a.getenv("NO_COLOR") != "" || a.getenv("TERM") == "dumb":
		return false
	}
	_, ok := terminal(w)
	return ok
}

// widthOf returns how many columns output to w may take.
func (a *app) widthOf(w io.Writer) int {
	if fd, ok := terminal(w); ok {
		if width, _, err := term.GetSize(fd); err == nil && width > 0 {
			return width
		}
	}
	if n, err := strconv.Atoi(a.getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	return defaultWidth
}
