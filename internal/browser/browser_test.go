package browser

import (
	"fmt"
	"strings"
	"testing"
)

const calm = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>calm</title><style>p{color:rgb(1,2,3)}@media(prefers-color-scheme:dark){p{color:rgb(4,5,6)}}</style>
<p>one</p><p hidden>two</p><input><button>ok</button><script>document.querySelector('button').onclick=()=>document.title='clicked'</script>`

func TestPage(t *testing.T) {
	t.Parallel()
	p := Open(t, []byte(calm), Phone())
	p.NoOverflow()
	if n := p.Count("p"); n != 1 {
		t.Errorf("%d paragraphs can be seen, want 1", n)
	}
	p.Type("input", "hello")
	p.Click("button")
	var got []string
	p.Eval(`[document.querySelector('input').value, document.title, getComputedStyle(document.querySelector('p')).color]`, &got)
	if want := "[hello clicked rgb(1, 2, 3)]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if png := p.Screenshot("page"); !strings.HasPrefix(string(png), "\x89PNG") {
		t.Errorf("the screenshot begins with %q", png[:min(8, len(png))])
	}
	if n := PDFPages(p.PDF("page")); n != 1 {
		t.Errorf("%d pages on paper, want 1", n)
	}
}

func TestViewport(t *testing.T) {
	t.Parallel()
	p := Open(t, []byte(calm), Viewport{Width: 1280, Height: 900, Dark: true, NoScript: true})
	var color string
	p.Eval(`getComputedStyle(document.querySelector('p')).color`, &color)
	if color != "rgb(4, 5, 6)" {
		t.Errorf("a paragraph in the dark is %s", color)
	}
	p.Click("button")
	var title string
	p.Eval(`document.title`, &title)
	if title != "calm" {
		t.Errorf("title %q: JavaScript ran", title)
	}
}

// complaints stands in for a test whose failures are what is tested.
type complaints struct {
	testing.TB
	cleanups []func()
	lines    []string
}

func (c *complaints) Helper()          {}
func (c *complaints) Cleanup(f func()) { c.cleanups = append(c.cleanups, f) }
func (c *complaints) Errorf(format string, args ...any) {
	c.lines = append(c.lines, fmt.Sprintf(format, args...))
}

// TestPageComplains shows each fault of a page to fail its test.
func TestPageComplains(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ body, want string }{
		"console":   {`<script>console.error('no', 7)</script>`, `console: "no" 7`},
		"exception": {`<script>nothing.at.all</script>`, "nothing is not defined"},
		"request":   {`<img src="http://tracker.example/x.gif" alt="">`, "asked for http://tracker.example/x.gif"},
		"dialog":    {`<script>alert('pwned')</script>`, "dialog: pwned"},
		"policy":    {`<meta http-equiv="Content-Security-Policy" content="default-src 'none'"><style>p{}</style>`, "Content Security Policy"},
		"overflow":  {`<p style="width:2000px">wide`, "the page is"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &complaints{TB: t}
			p := Open(c, []byte("<!doctype html><meta name=viewport content=width=device-width>"+tt.body), Desk())
			p.NoOverflow()
			for _, f := range c.cleanups {
				f()
			}
			if all := strings.Join(c.lines, "\n"); !strings.Contains(all, tt.want) {
				t.Errorf("complaints %q, want %q among them", all, tt.want)
			}
		})
	}
}
