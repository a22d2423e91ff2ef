// Package browser opens the pages that m2mscan writes in a real browser, the
// system's Chromium, as their readers would: from a file, at the width of a
// phone or a desk, in light or dark, with or without JavaScript, on paper. It
// is for tests alone.
//
// A page that logs an error, throws, opens a dialog or asks for anything
// beside itself fails its test. The browser could not reach anything: its
// proxy does not exist.
package browser

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/m2mscan/m2mscan/internal/peers"
)

// How long a test waits: for all that happens to one page, its browser's start
// included, and for one thing to happen.
const (
	patience     = 90 * time.Second
	stepPatience = 30 * time.Second
)

// phoneWidth is the width up to which a viewport is that of a phone, with a
// finger instead of a mouse.
const phoneWidth = 600

// Viewport says how a page is looked at.
type Viewport struct {
	Width, Height int
	Dark          bool // the reader prefers dark
	NoScript      bool // the reader has switched JavaScript off
}

// Phone and Desk are the two viewports that every page must fit.
func Phone() Viewport { return Viewport{Width: 390, Height: 844} }

// Desk is a small laptop.
func Desk() Viewport { return Viewport{Width: 1280, Height: 900} }

// String names the viewport, as in "390-dark".
func (v Viewport) String() string {
	name := fmt.Sprint(v.Width)
	if v.Dark {
		name += "-dark"
	}
	if v.NoScript {
		name += "-noscript"
	}
	return name
}

// Page is a page in a browser of its own, which ends with the test.
type Page struct {
	tb       testing.TB
	ctx      context.Context // chromedp's handle of the tab
	viewport Viewport
	url      string

	mu       sync.Mutex
	requests []string
	problems []string
}

// Open opens a document. The test is left out where there is no Chromium.
func Open(tb testing.TB, document []byte, v Viewport) *Page {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "page.html")
	if err := os.WriteFile(path, document, 0o600); err != nil {
		tb.Fatal(err)
	}
	return OpenFile(tb, path, v)
}

// OpenFile is Open for a document in a file: HTML, or SVG by itself.
func OpenFile(tb testing.TB, path string, v Viewport) *Page {
	tb.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		tb.Fatal(err)
	}
	p := &Page{tb: tb, viewport: v, url: (&url.URL{Scheme: "file", Path: path}).String()}
	p.start()
	p.do("set the viewport", chromedp.EmulateViewport(int64(v.Width), int64(v.Height), func(m *emulation.SetDeviceMetricsOverrideParams, touch *emulation.SetTouchEmulationEnabledParams) {
		m.Mobile, touch.Enabled = v.Width < phoneWidth, v.Width < phoneWidth
	}))
	scheme := "light"
	if v.Dark {
		scheme = "dark"
	}
	p.do("set the colour scheme", command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}))
	if v.NoScript {
		p.do("switch JavaScript off", command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	}
	p.do("load "+p.url, chromedp.Navigate(p.url))
	return p
}

func (p *Page) start() {
	p.tb.Helper()
	program := installed()
	if program == "" {
		peers.LeftOut(p.tb, "Chromium is not installed")
	}
	timed, stop := context.WithTimeout(context.Background(), patience)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program),
		chromedp.NoSandbox, // as root there is none; the pages are our own
		chromedp.ProxyServer("http://127.0.0.1:9"),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND"),
		chromedp.Flag("disable-component-update", true),
	)
	alloc, stopAlloc := chromedp.NewExecAllocator(timed, options...)
	ctx, stopTab := chromedp.NewContext(alloc, chromedp.WithListener(p.listen), chromedp.WithErrorf(p.tb.Logf))
	p.ctx = ctx
	p.tb.Cleanup(func() {
		p.verify()
		stopTab()
		stopAlloc()
		stop()
	})
	// The tab lives as long as the context of the first command: not one step's.
	if err := chromedp.Do(ctx); err != nil {
		p.tb.Fatalf("start %s: %v", program, err)
	}
}

// installed is the path of the system's Chromium, or empty.
func installed() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome", "headless-shell"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// listen runs on the goroutine that reads from the browser.
func (p *Page) listen(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.URL)
	case *runtime.EventExceptionThrown:
		p.problems = append(p.problems, "exception: "+(&chromedp.ExceptionError{ExceptionDetails: e.ExceptionDetails}).Error())
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning || e.Type == runtime.ConsoleAPICalledTypeAssert {
			p.problems = append(p.problems, "console: "+arguments(e.Args))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			p.problems = append(p.problems, fmt.Sprintf("log: %s: %s", e.Entry.Source, e.Entry.Text))
		}
	case *page.EventJavascriptDialogOpening:
		p.problems = append(p.problems, "dialog: "+e.Message)
		go func() { // a command must not be sent from here, and the page stands still until then
			_, _ = chromedp.Call(p.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{})
		}()
	}
}

func arguments(args []*runtime.RemoteObject) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = string(a.Value) + a.Description
	}
	return strings.Join(words, " ")
}

// verify fails the test for all that the page must not do. Events arrive
// before the answer to a later command, so one command brings them all in.
func (p *Page) verify() {
	p.do("ask for the last events", command(page.GetLayoutMetrics, cdp.Empty{}))
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, problem := range p.problems {
		p.tb.Errorf("%s at %s: %s", p.url, p.viewport, problem)
	}
	for _, request := range p.requests {
		if request != p.url && !strings.HasPrefix(request, "data:") {
			p.tb.Errorf("%s at %s asked for %s", p.url, p.viewport, request)
		}
	}
}

func command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

func (p *Page) do(what string, step chromedp.Action[chromedp.Void]) {
	p.tb.Helper()
	if _, err := run(p, step); err != nil {
		p.tb.Errorf("%s: %v", what, err)
	}
}

func run[T any](p *Page, step chromedp.Action[T]) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, stepPatience)
	defer cancel()
	return chromedp.Run(ctx, step)
}
