package browser

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Eval evaluates JavaScript in the page and decodes what it gives into out, by
// way of JSON. A promise is awaited; out may be nil.
func (p *Page) Eval(js string, out any) {
	p.tb.Helper()
	value, err := run(p, chromedp.Evaluate[[]byte](js, chromedp.EvalAwaitPromise))
	if err != nil {
		p.tb.Fatalf("%s: %v", js, err)
	}
	if out == nil {
		return
	}
	if len(value) == 0 { // undefined
		value = []byte("null")
	}
	if err := json.Unmarshal(value, out); err != nil {
		p.tb.Fatalf("%s gives %s: %v", js, value, err)
	}
}

// Count is the number of elements that match a CSS selector and can be seen.
func (p *Page) Count(selector string) int {
	p.tb.Helper()
	quoted, err := json.Marshal(selector)
	if err != nil {
		p.tb.Fatal(err)
	}
	var n int
	p.Eval(`[...document.querySelectorAll(`+string(quoted)+`)].filter(e => e.checkVisibility()).length`, &n)
	return n
}

// Click clicks on the first element that matches a CSS selector.
func (p *Page) Click(selector string) {
	p.tb.Helper()
	p.do("click "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// Type types text into the field that matches a CSS selector, as by keyboard.
func (p *Page) Type(selector, text string) {
	p.tb.Helper()
	p.do("type into "+selector, chromedp.SendKeys(chromedp.CSS(selector), text))
}

// Press presses keys wherever the focus is: a tabulator is "\t".
func (p *Page) Press(keys string) {
	p.tb.Helper()
	p.do("press a key", chromedp.KeyEvent(keys))
}

// NoOverflow fails the test where the page must be scrolled sideways to be
// read, and names the elements that stick out.
func (p *Page) NoOverflow() {
	p.tb.Helper()
	var width int
	p.Eval(`document.documentElement.scrollWidth`, &width)
	if width <= p.viewport.Width {
		return
	}
	var culprits []string
	p.Eval(`[...document.querySelectorAll('body *')]
		.filter(e => e.getBoundingClientRect().right > `+strconv.Itoa(p.viewport.Width)+` + 1)
		.slice(0, 8).map(e => e.tagName.toLowerCase() + '.' + e.className + ': ' + e.textContent.trim().slice(0, 40))`, &culprits)
	p.tb.Errorf("the page is %d wide at %s: %s", width, p.viewport, strings.Join(culprits, "; "))
}

// Screenshot is the whole page as PNG. Where M2MSCAN_SCREENSHOTS names a
// folder, it is kept there under the test's and the viewport's name.
func (p *Page) Screenshot(name string) []byte {
	p.tb.Helper()
	png, err := run(p, chromedp.FullScreenshot(100))
	if err != nil {
		p.tb.Fatalf("screenshot: %v", err)
	}
	p.keep(name+".png", png)
	return png
}

// View is what of the page can be seen now, as PNG. It is kept as screenshots
// are.
func (p *Page) View(name string) []byte {
	p.tb.Helper()
	png, err := run(p, chromedp.CaptureScreenshot())
	if err != nil {
		p.tb.Fatalf("view: %v", err)
	}
	p.keep(name+".png", png)
	return png
}

// PDF is the page as printed on A4 paper. It is kept as screenshots are.
func (p *Page) PDF(name string) []byte {
	p.tb.Helper()
	pdf, err := run(p, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4), chromedp.PDFStream()))
	if err != nil {
		p.tb.Fatalf("print: %v", err)
	}
	p.keep(name+".pdf", pdf)
	return pdf
}

// Print shows the page as on paper from here on.
func (p *Page) Print() {
	p.tb.Helper()
	p.do("print", command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}))
}

// PDFPages counts the pages of a PDF file that Chromium wrote.
func PDFPages(pdf []byte) int {
	return len(regexp.MustCompile(`/Type\s*/Page\b`).FindAll(pdf, -1))
}

func (p *Page) keep(name string, content []byte) {
	p.tb.Helper()
	dir := os.Getenv("M2MSCAN_SCREENSHOTS")
	if dir == "" {
		return
	}
	name = strings.NewReplacer("/", "-", " ", "-").Replace(p.tb.Name()) + "-" + p.viewport.String() + "-" + name
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil { //nolint:gosec // the developer names the folder
		p.tb.Fatal(err)
	}
}
