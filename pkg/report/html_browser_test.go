package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/internal/browser"
)

// htmlViewports are a phone and a desk, by day and by night.
func htmlViewports() []browser.Viewport {
	phone, desk := browser.Phone(), browser.Desk()
	phoneDark, deskDark := phone, desk
	phoneDark.Dark, deskDark.Dark = true, true
	return []browser.Viewport{phone, phoneDark, desk, deskDark}
}

// TestHTMLInBrowser opens the page as its readers do, with everything closed
// and with everything open: it must fit, and each text must be legible.
func TestHTMLInBrowser(t *testing.T) {
	t.Parallel()
	page := render(t, "html", sample(), Options{})
	for _, v := range htmlViewports() {
		t.Run(v.String(), func(t *testing.T) {
			t.Parallel()
			p := browser.Open(t, page, v)
			for _, open := range []bool{false, true} {
				p.Eval(fmt.Sprintf(`document.querySelectorAll('details').forEach(d => { d.open = %t })`, open), nil)
				p.NoOverflow()
				p.Screenshot(fmt.Sprintf("open-%t", open))
				var faint []string
				p.Eval(lowContrast, &faint)
				if len(faint) > 0 {
					t.Errorf("too little contrast for WCAG 2.2 AA:\n%s", strings.Join(faint, "\n"))
				}
			}
			if n := p.Count("tbody th, .name, .what"); n < 20 {
				t.Errorf("%d names can be seen", n)
			}
		})
	}
}

// lowContrast lists the texts that stand out from what is behind them by less
// than 4.5 to 1, or 3 to 1 for large ones.
const lowContrast = `(() => {
	const light = c => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4 };
	const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
	const rgba = s => { const n = s.match(/[\d.]+/g).map(Number); return n.length > 3 ? n : [...n, 1] };
	const behind = e => {
		for (; e; e = e.parentElement) {
			const c = rgba(getComputedStyle(e).backgroundColor);
			if (c[3] > 0) return c;
		}
		return [255, 255, 255];
	};
	const faint = new Map();
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walk.nextNode()) {
		const e = walk.currentNode.parentElement;
		if (!walk.currentNode.data.trim() || !e.checkVisibility() || e.closest('script, .apart, .skip')) continue;
		const style = getComputedStyle(e), size = parseFloat(style.fontSize);
		const [a, b] = [luminance(rgba(style.color)), luminance(behind(e))].sort((x, y) => y - x);
		const ratio = (a + 0.05) / (b + 0.05);
		const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
		if (ratio < (large ? 3 : 4.5)) faint.set(e.className + ' ' + style.color, ratio.toFixed(2) + ' ' + e.className + ': ' + walk.currentNode.data.trim().slice(0, 40));
	}
	return [...faint.values()];
})()`

func TestHTMLFilters(t *testing.T) {
	t.Parallel()
	p := browser.Open(t, render(t, "html", sample(), Options{}), browser.Desk())
	shown := func() string {
		t.Helper()
		var said string
		p.Eval(`document.querySelector('#filters output').textContent`, &said)
		n := p.Count(`[data-row="failed"], [data-row="accepted"]`)
		return fmt.Sprintf("%d: %s", n, said)
	}
	choose := func(name, value string) {
		t.Helper()
		p.Eval(fmt.Sprintf(`(() => {
			const e = document.querySelector('#filters [name=%s]');
			e.value = %q;
			e.dispatchEvent(new Event('input', {bubbles: true}));
			return e.value;
		})()`, name, value), &value)
	}
	got := []string{shown()}
	step := func(name, value string) {
		t.Helper()
		choose(name, value)
		got = append(got, name+" "+value+" "+shown())
		choose(name, "")
	}
	step("severity", "critical")
	step("severity", "info")
	step("vendor", "acme-pay")
	step("category", "certificate")
	step("state", "lapsed")
	step("state", "fresh")
	step("state", "undecided")
	step("text", "TLS 1.0  refunds")
	step("text", "nobody says so")
	p.Type("#filters [name=text]", "plain")
	got = append(got, "typed "+shown())
	if n := p.Count("#accepted .row"); n != 0 {
		t.Errorf("%d accepted findings can be seen beside the filter", n)
	}
	p.Type("#filters [name=text]", "nothing")
	if n := p.Count("#none"); n != 1 {
		t.Error("the page does not say that nothing matches")
	}
	p.Click("#none button")
	p.Eval(`new Promise(requestAnimationFrame)`, nil)
	got = append(got, "cleared "+shown())
	want := []string{
		"5: 4 of 4 failed, 1 of 1 not decided, 1 of 1 accepted",
		"severity critical 1: 1 of 4 failed, 0 of 1 not decided, 0 of 1 accepted",
		"severity info 1: 1 of 4 failed, 0 of 1 not decided, 0 of 1 accepted",
		"vendor acme-pay 3: 2 of 4 failed, 0 of 1 not decided, 1 of 1 accepted",
		"category certificate 1: 0 of 4 failed, 0 of 1 not decided, 1 of 1 accepted",
		"state lapsed 1: 1 of 4 failed, 0 of 1 not decided, 0 of 1 accepted",
		"state fresh 3: 3 of 4 failed, 0 of 1 not decided, 0 of 1 accepted",
		"state undecided 0: 0 of 4 failed, 1 of 1 not decided, 0 of 1 accepted",
		"text TLS 1.0  refunds 1: 1 of 4 failed, 0 of 1 not decided, 0 of 1 accepted",
		"text nobody says so 0: 0 of 4 failed, 0 of 1 not decided, 0 of 1 accepted",
		"typed 1: 1 of 4 failed, 0 of 1 not decided, 0 of 1 accepted",
		"cleared 5: 4 of 4 failed, 1 of 1 not decided, 1 of 1 accepted",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestHTMLKeyboard walks the page without a mouse.
func TestHTMLKeyboard(t *testing.T) {
	t.Parallel()
	p := browser.Open(t, render(t, "html", sample(), Options{}), browser.Desk())
	p.Press("\t")
	var focus string
	p.Eval(`document.activeElement.textContent`, &focus)
	if focus != "Skip to the findings" {
		t.Errorf("the first stop is %q", focus)
	}
	p.Eval(`document.querySelector('.finding summary').focus()`, nil)
	p.Press("\r")
	if n := p.Count(".finding[open] .demand"); n != 1 {
		t.Errorf("%d findings stand open after Enter, want 1", n)
	}
	p.Click(`[data-all="open"]`)
	if n := p.Count(".finding[open]"); n != 5 {
		t.Errorf("%d findings stand open after \"Open all\", want 5", n)
	}
	p.Click(`[data-all="close"]`)
	anchor := htmlAnchor("link", "globex/telemetry")
	p.Eval(`location.hash = '`+anchor+`'; new Promise(requestAnimationFrame)`, nil)
	if n := p.Count("#" + anchor + "[open] .ledger"); n != 1 {
		t.Error("following a link to a closed row does not open it")
	}
	var unnamed []string
	p.Eval(`[...document.querySelectorAll('input, select, button, summary, a, [role=region]')]
		.filter(e => !(e.labels?.length || e.textContent.trim() || e.ariaLabel)).map(e => e.outerHTML)`, &unnamed)
	if len(unnamed) > 0 {
		t.Errorf("without a name: %q", unnamed)
	}
}

// TestHTMLWithoutScript holds that only the filters need JavaScript.
func TestHTMLWithoutScript(t *testing.T) {
	t.Parallel()
	v := browser.Phone()
	v.NoScript = true
	p := browser.Open(t, render(t, "html", sample(), Options{}), v)
	p.NoOverflow()
	if n := p.Count("#filters"); n != 0 {
		t.Error("the filters can be seen, and do nothing")
	}
	if n := p.Count(".finding"); n != 5 {
		t.Errorf("%d findings can be seen, want 5", n)
	}
	p.Click(".finding summary")
	if n := p.Count(".finding[open] .demand"); n != 1 {
		t.Errorf("%d findings stand open after a click, want 1", n)
	}
}

func TestHTMLPrinted(t *testing.T) {
	t.Parallel()
	p := browser.Open(t, render(t, "html", sample(), Options{}), browser.Desk())
	if n := browser.PDFPages(p.PDF("page")); n < 3 || n > 12 {
		t.Errorf("%d pages on paper, want 3 to 12", n)
	}
	p.Print()
	for selector, want := range map[string]bool{
		".finding .demand": true, "#vendors .cards": true, "#filters": false, ".contents": false, "#links .ledger": false,
	} {
		if got := p.Count(selector) > 0; got != want {
			t.Errorf("%s is printed: %t, want %t", selector, got, want)
		}
	}
}

// TestHTMLHostileInBrowser opens the page of a report whose every text is an
// attack, with all of it open, at every width.
func TestHTMLHostileInBrowser(t *testing.T) {
	t.Parallel()
	for _, everywhere := range []bool{false, true} {
		page := render(t, "html", attacked(sample(), everywhere), Options{})
		for _, v := range []browser.Viewport{browser.Phone(), browser.Desk()} {
			t.Run(fmt.Sprintf("%t at %s", everywhere, v), func(t *testing.T) {
				t.Parallel()
				p := browser.Open(t, page, v)
				p.Eval(`document.querySelectorAll('details').forEach(d => { d.open = true })`, nil)
				p.NoOverflow()
				p.Eval(`document.querySelectorAll('bdi, a, summary').forEach(e => e.dispatchEvent(new MouseEvent('mouseover', {bubbles: true})))`, nil)
				p.Type("#filters [name=text]", "onerror")
				var pwned *int
				p.Eval(`window.pwned`, &pwned)
				if pwned != nil {
					t.Errorf("attack %d came through", *pwned)
				}
			})
		}
	}
}
