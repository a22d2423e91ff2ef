package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// ownText is the style sheet and the script, which goldens leave out.
var ownText = regexp.MustCompile(`(?s)(<style>|<script>).*?(</style>|</script>)`)

var ownHash = regexp.MustCompile(`sha256-[A-Za-z0-9&#;/=]+`)

func TestHTMLGolden(t *testing.T) {
	t.Parallel()
	page := ownText.ReplaceAll(render(t, "html", sample(), Options{}), []byte("$1...$2"))
	golden(t, "sample.html", ownHash.ReplaceAll(page, []byte("sha256-...")))
}

// wordsOf is the text of a page without its elements, with single blanks.
func wordsOf(t *testing.T, page []byte) string {
	t.Helper()
	var b strings.Builder
	skip := false
	z := html.NewTokenizer(bytes.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return html.UnescapeString(strings.Join(strings.Fields(b.String()), " "))
		case html.StartTagToken:
			name, _ := z.TagName()
			skip = string(name) == "style" || string(name) == "script"
			b.WriteByte(' ')
		case html.EndTagToken:
			skip = false
			b.WriteByte(' ')
		case html.TextToken:
			if !skip {
				b.Write(z.Raw())
			}
		default:
		}
	}
}

// TestHTMLSays holds what a reader must find, word by word.
func TestHTMLSays(t *testing.T) {
	t.Parallel()
	interrupted := sample()
	interrupted.Complete = false
	clean := sample()
	clean.Findings, clean.Decision, clean.Gate = nil, risk.Decision{}, risk.Policy{}
	clean.Waivers, clean.Baseline, clean.Claims = nil, nil, nil
	clean.Targets, clean.Vendors = clean.Targets[:1], clean.Vendors[:1]
	clean.Summary = summaryOf(clean)
	newOnly := sample()
	newOnly.Gate.NewOnly = true
	empty := &Report{Complete: true, Decision: risk.Decision{Incomplete: true, Reasons: []string{"nothing was scanned"}}}
	empty.Summary = summaryOf(empty)
	fillNil(empty)

	tests := map[string]struct {
		report *Report
		want   []string
		not    []string
	}{
		"sample": {sample(), []string{
			"3 vendors, 5 links", "Gate breached, and the scan is incomplete", "no finding of severity high or above; no link graded worse than C",
			"Grade D coverage 80 %", "Grade ? coverage 0 %", "1 contradicted 1 stale 2 unverified 1 confirmed",
			"encryption at rest in place no probe can see it unverified SOC 2 Type II 2027-02-28 90 %",
			"Accepted until 2026-10-31; the waiver has expired, and the finding counts again", "Accepted until 2026-11-30, which is soon",
			"1 waiver expired; 1 waiver about to expire; 1 waiver unused", "2 new", "1 regressed", "3 fixed", "1 no longer assessed",
			"link, tls: unreachable: refused (connect 127.0.0.1:9: connection refused)", "inventory.yaml:31",
			"\u221212.5", "handshake TLS 1.3 <ok> & done", `CN=\x1b[31mEvil\u202e CA\x00\xff [click](http://evil.example)`,
			"Show everything",
		}, []string{"Interrupted"}},
		"interrupted": {interrupted, []string{"Interrupted. The scan ended before all links were probed"}, nil},
		"clean":       {clean, []string{"Gate passed", "The gate asks for nothing of the findings.", "No open finding", "Nothing: every rule that applies was decided.", "No waiver was given.", "Nothing was agreed or attested."}, []string{"baseline", "; mind"}},
		"new only":    {newOnly, []string{"it looks at what is new since the baseline alone", "1 more failed in the baseline already and stand below", "Known to the baseline"}, nil},
		"empty":       {empty, []string{"0 vendors, 0 links", "No vendor was scanned.", "No link was scanned.", "nothing was scanned"}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page := render(t, "html", tt.report, Options{})
			wellFormed(t, page)
			text := wordsOf(t, page)
			for _, want := range tt.want {
				if !strings.Contains(text, want) {
					t.Errorf("the page does not say %q", want)
				}
			}
			for _, not := range tt.not {
				if strings.Contains(text, not) {
					t.Errorf("the page says %q", not)
				}
			}
			if t.Failed() {
				t.Log(text)
			}
		})
	}
}

// wellFormed holds that a page says with its tags what a browser makes of it:
// each element is ended where it should be, none is moved, and none is implied.
func wellFormed(t *testing.T, page []byte) {
	t.Helper()
	var written, open []string
	z := html.NewTokenizer(bytes.NewReader(page))
	for token := z.Next(); token != html.ErrorToken; token = z.Next() {
		raw, _ := z.TagName()
		name := string(raw)
		switch token {
		case html.StartTagToken:
			written = append(written, name)
			if !slices.Contains([]string{"meta", "input", "br"}, name) {
				open = append(open, name)
			}
		case html.SelfClosingTagToken:
			written = append(written, name)
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != name {
				t.Fatalf("</%s> ends %v", name, open)
			}
			open = open[:len(open)-1]
		default:
		}
	}
	if !errors.Is(z.Err(), io.EOF) || len(open) > 0 {
		t.Fatalf("%v; never ended: %v", z.Err(), open)
	}
	document, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var made []string
	ids := make(map[string]bool)
	for n := range document.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		made = append(made, n.Data)
		for _, a := range n.Attr {
			if a.Key == "id" && ids[a.Val] {
				t.Errorf("two elements have the id %q", a.Val)
			} else if a.Key == "id" {
				ids[a.Val] = true
			}
		}
	}
	if diff := cmp.Diff(written, made); diff != "" {
		t.Errorf("elements: -written +as a browser reads them\n%s", diff)
	}
	for n := range document.Descendants() {
		for _, a := range n.Attr {
			if target, ok := strings.CutPrefix(a.Val, "#"); ok && a.Key == "href" && !ids[target] {
				t.Errorf("a link leads to %s, which is not there", a.Val)
			}
		}
	}
}

// TestHTMLHostile puts an attack into every text of a report, as a vendor, a
// peer or the author of a rule could: it must stay text.
func TestHTMLHostile(t *testing.T) {
	t.Parallel()
	for _, everywhere := range []bool{false, true} {
		t.Run(fmt.Sprint(everywhere), func(t *testing.T) {
			t.Parallel()
			page := render(t, "html", attacked(sample(), everywhere), Options{})
			wellFormed(t, page)
			for _, r := range string(page) {
				if !unicode.IsPrint(r) && r != '\n' {
					t.Fatalf("the page holds %U: ...%s", r, page[max(0, bytes.IndexRune(page, r)-900):bytes.IndexRune(page, r)])
				}
			}
			document, err := html.Parse(bytes.NewReader(page))
			if err != nil {
				t.Fatal(err)
			}
			count := make(map[string]int)
			for n := range document.Descendants() {
				if n.Type != html.ElementNode {
					continue
				}
				count[n.Data]++
				for _, a := range n.Attr {
					if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "src" {
						t.Errorf("<%s> has the attribute %s", n.Data, a.Key)
					}
					if a.Key == "href" && !regexp.MustCompile(`^(#|https?://)`).MatchString(a.Val) {
						t.Errorf("<%s> leads to %q", n.Data, a.Val)
					}
				}
			}
			for name, want := range map[string]int{"script": 1, "style": 1, "title": 1, "form": 1, "img": 0, "iframe": 0, "base": 0} {
				if count[name] != want {
					t.Errorf("%d elements <%s>, want %d", count[name], name, want)
				}
			}
		})
	}
}

func TestHTMLDeterministic(t *testing.T) {
	t.Parallel()
	first := render(t, "html", sample(), Options{})
	for range 5 {
		if !bytes.Equal(first, render(t, "html", sample(), Options{Width: 120, Color: true})) {
			t.Fatal("the same report gives another page")
		}
	}
}

// TestHTMLBounds holds that a page stays one that a browser can show.
func TestHTMLBounds(t *testing.T) {
	t.Parallel()
	r := large(12_000)
	for i := range r.Findings[:4000] {
		r.Findings[i].Verdict = risk.Inconclusive
	}
	r.Summary = summaryOf(r)
	page := render(t, "html", r, Options{})
	wellFormed(t, page)
	for want, rows := range map[string]int{`data-row="failed"`: 2000, `data-row="undecided"`: 2000, `class="link-row"`: 2000, `class="vendor-row"`: 24} {
		if n := bytes.Count(page, []byte(want)); n != rows {
			t.Errorf("%d rows %s, want %d", n, want, rows)
		}
	}
	text := wordsOf(t, page)
	for _, want := range []string{"6000 more are not on this page", "400 more are not on this page", "300 more are not on this page", "The first 1000 links stand here in full"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if limit := 12 << 20; len(page) > limit {
		t.Errorf("%d bytes, want at most %d", len(page), limit)
	}
}

// fullWriter gives up after some bytes.
type fullWriter struct{ room int }

func (f *fullWriter) Write(b []byte) (int, error) {
	if f.room -= len(b); f.room < 0 {
		return 0, io.ErrShortWrite
	}
	return len(b), nil
}

func TestHTMLWriteError(t *testing.T) {
	t.Parallel()
	for _, room := range []int{0, 70 << 10} {
		if err := writeHTML(&fullWriter{room}, large(200), Options{}); err == nil {
			t.Errorf("no error from a writer that takes %d bytes", room)
		}
	}
}

// BenchmarkHTML writes a page over 10,000 vendors' worth of links, and says how
// much memory that holds at most.
func BenchmarkHTML(b *testing.B) {
	for _, n := range []int{10_000, 200_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := large(n)
			before := liveHeap()
			m := heapMeter{every: 1 << 20}
			if err := writeHTML(&m, r, Options{}); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := writeHTML(io.Discard, r, Options{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(max(int64(m.most)-int64(before), 0))/1e6, "MB-live")
			b.ReportMetric(float64(m.written)/1e6, "MB-page")
			runtime.KeepAlive(r)
		})
	}
}
