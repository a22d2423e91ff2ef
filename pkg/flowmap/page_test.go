package flowmap

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/internal/browser"
)

// overlaps is JavaScript that lists texts of the drawing that lie on one
// another or stick out of the card they stand on.
const overlaps = `(() => {
  const found = [];
  const out = (inner, outer) => inner.left < outer.left - 1 || inner.right > outer.right + 1 || inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1;
  const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3;
  const check = (group, card) => {
    const texts = [...group.querySelectorAll("text")].map(e => [e.textContent, e.getBoundingClientRect()]);
    texts.forEach(([text, box], i) => {
      if (card && out(box, card.getBoundingClientRect())) found.push("sticks out: " + text);
      texts.slice(i + 1).forEach(([other, at]) => { if (meet(box, at)) found.push(text + " lies on " + other); });
    });
  };
  document.querySelectorAll(".row, .node").forEach(g => check(g, g.querySelector(".card")));
  document.querySelectorAll(".legend").forEach(g => check(g, g.ownerSVGElement));
  const cards = [...document.querySelectorAll(".card")].map(e => e.getBoundingClientRect());
  cards.forEach((a, i) => cards.slice(i + 1).forEach(b => { if (meet(a, b)) found.push("cards overlap at " + Math.round(a.left) + "," + Math.round(a.top)); }));
  return found;
})()`

func testMaps(t *testing.T) map[string]*Map {
	t.Helper()
	large := largeInventory(50, 60, 300)
	medium := largeInventory(7, 9, 100)
	return map[string]*Map{
		"sample": sampleMap(t), "full": fullMap(t), "empty": {},
		"large": New(large, largeReport(large), large.Links()), "medium": New(medium, largeReport(medium), medium.Links()),
	}
}

// TestPageInBrowser opens the page as its readers do. The browser itself fails
// for errors and for anything asked of the network.
func TestPageInBrowser(t *testing.T) {
	t.Parallel()
	desk, phone := browser.Desk(), browser.Phone()
	darkDesk, darkPhone := desk, phone
	darkDesk.Dark, darkPhone.Dark = true, true
	maps := testMaps(t)
	for _, look := range []struct {
		name string
		v    browser.Viewport
	}{
		{"sample", desk}, {"sample", phone}, {"sample", darkDesk}, {"sample", darkPhone},
		{"full", desk}, {"medium", desk}, {"large", desk}, {"large", phone}, {"empty", desk},
	} {
		m := maps[look.name]
		t.Run(look.name+"/"+look.v.String(), func(t *testing.T) {
			t.Parallel()
			page := browser.Open(t, render(t, "html", m), look.v)
			page.NoOverflow()
			onPhone := look.v.Width == phone.Width
			if drawn := page.Count("figure svg") > 0; drawn == onPhone {
				t.Errorf("drawn: %t", drawn)
			}
			if rows := page.Count("tbody tr"); rows != len(m.Links) {
				t.Errorf("%d rows for %d links", rows, len(m.Links))
			}
			if !onPhone {
				noOverlap(t, page)
			}
			page.Screenshot("page")
		})
	}
}

func noOverlap(t *testing.T, page *browser.Page) {
	t.Helper()
	var found []string
	page.Eval(overlaps, &found)
	if len(found) > 0 {
		t.Errorf("in the drawing:\n%s", strings.Join(found, "\n"))
	}
}

// TestPageSaysWhatTheMapSays finds hostile text in the page as text.
func TestPageSaysWhatTheMapSays(t *testing.T) {
	t.Parallel()
	m := sampleMap(t)
	page := browser.Open(t, render(t, "html", m), browser.Desk())
	var text string
	page.Eval(`[...document.querySelectorAll("td")].map(e => e.textContent).join("\n")`, &text)
	for _, want := range []string{
		printable(m.Systems[1].Name), printable(m.Vendors[1].Name), "</text><script>alert(1)</script>",
		"critical: transport-encrypted: =1+1 </script> sends in plain text", "(no system stated)", "coverage 12 %", notScanned, "too little is known",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the table does not say %q", want)
		}
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	m := sampleMap(t)
	page := browser.Open(t, render(t, "html", m), browser.Desk())
	choose := func(name, value string) {
		page.Eval(`(() => { const s = document.querySelector("select[name=`+name+`]"); s.value = "`+value+`"; s.dispatchEvent(new Event("change", {bubbles: true})); })()`, nil)
	}
	shown := func() []string {
		var ids []string
		page.Eval(`[...document.querySelectorAll("tbody tr")].filter(e => e.checkVisibility()).map(e => e.querySelector("dd").textContent)`, &ids)
		return ids
	}
	rows := func(selector string) int {
		var n int
		page.Eval(`document.querySelectorAll("`+selector+`").length`, &n)
		return n
	}
	for _, step := range []struct {
		name, value string
		want        []string
	}{
		{"system", "0", []string{"acme/charges-api", "acme/old-export"}},
		{"class", "confidential", []string{"acme/old-export"}},
		{"system", "", []string{"acme/old-export"}},
		{"class", "", []string{"acme/charges-api", "acme/old-export", "acme/nobody", "acme/events", "globex/telemetry", "globex/not-in-the-report"}},
		{"vendor", "1", []string{"globex/telemetry", "globex/not-in-the-report"}},
		{"band", "none", []string{"globex/not-in-the-report"}},
		{"band", "critical", []string{}},
	} {
		choose(step.name, step.value)
		if diff := cmp.Diff(step.want, shown()); diff != "" {
			t.Errorf("%s=%s: -want +got\n%s", step.name, step.value, diff)
		}
		if got := rows(".row:not(.off)"); got != len(step.want) {
			t.Errorf("%s=%s: %d rows of the drawing are not dimmed, want %d", step.name, step.value, got, len(step.want))
		}
	}
	page.Screenshot("filtered")
	page.Click("#filter button")
	var said string
	page.Eval(`new Promise(done => setTimeout(() => done(document.querySelector("output").textContent)))`, &said)
	if said != "All 6 links" || rows(".off") != 0 || len(shown()) != 6 {
		t.Errorf("after reset: %q, %d dimmed, %d shown", said, rows(".off"), len(shown()))
	}
}

// TestFilterOfBundles filters a drawing whose rows stand for many links.
func TestFilterOfBundles(t *testing.T) {
	t.Parallel()
	inv := largeInventory(10, 12, 240)
	page := browser.Open(t, render(t, "html", New(inv, largeReport(inv), inv.Links())), browser.Desk())
	for _, step := range []struct {
		choices map[string]string
		rows    int
		curves  string
	}{
		{map[string]string{"vendor": "3"}, 1, "[data-key$=v3]"},
		{map[string]string{"vendor": "3", "class": "restricted"}, 1, "[data-key$=v3]"},
		{map[string]string{"vendor": ""}, 12, "[data-key]"},
	} {
		var got struct{ Rows, Others, Shown int }
		for name, value := range step.choices {
			page.Eval(`document.querySelector("select[name=`+name+`]").value = "`+value+`"`, nil)
		}
		page.Eval(`(() => {
			document.querySelector("select").dispatchEvent(new Event("change", {bubbles: true}));
			const lit = [...document.querySelectorAll(".flow [data-key]:not(.off)")];
			return {rows: lit.filter(e => e.matches(".row")).length, others: lit.filter(e => !e.matches("`+step.curves+`")).length, shown: lit.length};
		})()`, &got)
		if got.Rows != step.rows || got.Others != 0 || got.Shown <= step.rows {
			t.Errorf("%v: %+v, want %d rows and their curves", step.choices, got, step.rows)
		}
	}
}

// TestDrawingByKeyboard goes to a link in the drawing and opens it.
func TestDrawingByKeyboard(t *testing.T) {
	t.Parallel()
	page := browser.Open(t, render(t, "html", sampleMap(t)), browser.Desk())
	page.Eval(`document.querySelector(".skip").focus()`, nil)
	page.Press("\t\t")
	var name string
	page.Eval(`document.activeElement.getAttribute("aria-label")`, &name)
	if want := "acme/old-export, used by Billing service: we connect to them; confidential; HTTP, not encrypted; no authentication; " +
		"permissions not stated; grade F, coverage 90 %, critical risk; open findings: 1 critical, 1 medium, worst transport-encrypted"; name != want {
		t.Errorf("the second link is called %q, want %q", name, want)
	}
	page.Press("\r")
	var opened bool
	page.Eval(`new Promise(done => setTimeout(() => done(document.querySelector("tr:target").id === "l1" && document.querySelector("#l1 details").open), 50))`, &opened)
	if !opened {
		t.Error("Enter does not open the link in the table")
	}
	page.Screenshot("opened")
}

// TestPageWithoutJavaScript shows everything, and no filter that does nothing.
func TestPageWithoutJavaScript(t *testing.T) {
	t.Parallel()
	v := browser.Desk()
	v.NoScript = true
	page := browser.Open(t, render(t, "html", sampleMap(t)), v)
	if rows, filters := page.Count("tbody tr"), page.Count("#filter"); rows != 6 || filters != 0 {
		t.Errorf("%d rows, %d filters; want 6, 0", rows, filters)
	}
}

func TestPageOnPaper(t *testing.T) {
	t.Parallel()
	page := browser.Open(t, render(t, "html", sampleMap(t)), browser.Desk())
	if pages := browser.PDFPages(page.PDF("paper")); pages < 1 || pages > 4 {
		t.Errorf("%d pages of paper", pages)
	}
}

// TestImageInBrowser opens the SVG by itself.
func TestImageInBrowser(t *testing.T) {
	t.Parallel()
	for _, dark := range []bool{false, true} {
		v := browser.Desk()
		v.Dark = dark
		t.Run(v.String(), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "map.svg")
			if err := os.WriteFile(path, render(t, "svg", sampleMap(t)), 0o600); err != nil {
				t.Fatal(err)
			}
			page := browser.OpenFile(t, path, v)
			noOverlap(t, page)
			page.Screenshot("image")
		})
	}
}

// TestDrawingIsBounded draws any number of links within some size.
func TestDrawingIsBounded(t *testing.T) {
	t.Parallel()
	inv := largeInventory(400, 500, 10_000)
	m := New(inv, largeReport(inv), inv.Links())
	if d := draw(m, true); d.Height > 6000 {
		t.Errorf("%.0f pixels high", d.Height)
	}
	if n := len(render(t, "svg", m)); n > 1<<20 {
		t.Errorf("%d bytes", n)
	}
	for _, e := range []string{"460 more vendors", "361 more systems"} {
		if !strings.Contains(string(render(t, "svg", m)), e) {
			t.Errorf("no %q", e)
		}
	}
}
