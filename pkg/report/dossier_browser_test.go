package report

import (
	"strings"
	"testing"

	"github.com/m2mscan/m2mscan/internal/browser"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// TestDossierInBrowser opens the letter as its reader would: on a phone and at
// a desk, in light and dark, and on paper. The browser fails the test for an
// error on the console or a request.
func TestDossierInBrowser(t *testing.T) {
	t.Parallel()
	r := sampleForVendor()
	for _, s := range hostile {
		r.Findings = append(r.Findings, finding("tls-no-1.0", "acme-pay/refunds-api", risk.Fail, risk.SeverityHigh, s+strings.Repeat("x", 120), 19))
	}
	_, crowded := letters(t, dossier(t, r, "acme-pay", DossierOptions{}))
	_, usual := letters(t, dossier(t, sampleForVendor(), "acme-pay", DossierOptions{From: "Example Ltd", ReplyTo: "security@example.com"}))

	dark := browser.Desk()
	dark.Dark = true
	for _, view := range []browser.Viewport{browser.Phone(), browser.Desk(), dark} {
		p := browser.Open(t, []byte(crowded), view)
		p.NoOverflow()
		if n := p.Count("a, img, script, iframe"); n != 0 {
			t.Errorf("%s: %d elements that a letter does not have", view, n)
		}
		p = browser.Open(t, []byte(usual), view)
		p.NoOverflow()
		p.Screenshot("dossier-" + view.String())
		var colors []string
		p.Eval(`[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]`, &colors)
		if want := map[bool]string{false: "rgb(255, 255, 255)", true: "rgb(26, 26, 25)"}[view.Dark]; colors[0] != want {
			t.Errorf("%s: the paper is %s, want %s: is the style applied?", view, colors[0], want)
		}
	}
	p := browser.Open(t, []byte(usual), browser.Desk())
	if n := browser.PDFPages(p.PDF("dossier")); n < 1 || n > 2 {
		t.Errorf("the letter takes %d pages of paper, want one or two", n)
	}
}
