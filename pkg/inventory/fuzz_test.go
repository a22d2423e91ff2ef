package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzLoad says that no file makes Load panic, that each problem stands
// within the file, and that its caret stands within the line that is shown.
func FuzzLoad(f *testing.F) {
	for name, test := range problemCases() {
		if len(test.text) < 4096 && name != "" {
			f.Add([]byte(test.text), false)
		}
	}
	files, err := filepath.Glob("testdata/problems/*.[yj]*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, "testdata/full.yaml", "starter.yaml") {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, strings.HasSuffix(file, ".json"))
	}
	f.Fuzz(func(t *testing.T, raw []byte, isJSON bool) {
		name := "in.yaml"
		if isJSON {
			name = "in.json"
		}
		inv, problems := loadNamed(t, name, string(raw))
		s, _ := newSource(name, "", raw)
		for _, p := range problems {
			line := s.line(p.Pos.Line)
			if p.Pos.Line < 1 || p.Pos.Line > len(s.lines) || p.Pos.Column < 1 || p.Pos.Column > utf8.RuneCountInString(line)+1 {
				t.Fatalf("%s:%d:%d is outside the file of %d lines", p.Pos.File, p.Pos.Line, p.Pos.Column, len(s.lines))
			}
			if p.Width < 1 || p.Code == "" || p.Message == "" || p.LineColumn < 1 || p.LineColumn > p.Pos.Column {
				t.Fatalf("%+v", p)
			}
			if utf8.RuneCountInString(p.Line) > maxLine {
				t.Fatalf("a line of %d characters", utf8.RuneCountInString(p.Line))
			}
		}
		if inv == nil {
			return
		}
		for _, l := range inv.Links() {
			if target := l.Target(); target.Host == "" || target.Port == 0 || l.DisplayURL() == "" {
				t.Fatalf("link %s: target %+v of %s", l.FullID(), target, l.DisplayURL())
			}
			l.URLSecrets()
			if _, err := l.RequestURL(); err != nil && !strings.Contains(err.Error(), "environment variable") {
				t.Fatalf("link %s: %v", l.FullID(), err)
			}
		}
	})
}
