package report

import (
	"bufio"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"strings"
)

//go:embed html
var htmlFiles embed.FS

// How much of a large report one page holds: a browser cannot show 200,000
// rows, and nobody would read them. What is left out is counted on the page,
// and stands in JSON and CSV.
const (
	htmlRows    = 2000 // open findings, links, vendors, claims, undecided rules
	htmlAside   = 500  // findings that are accepted, or known to the baseline
	htmlDetails = 1000 // links with their terms, evidence and ledger
	htmlText    = 2000 // bytes of one text
)

// writeHTML writes the report as one page for auditors and vendors. It needs
// nothing beside itself: it may be opened from a disk, and its policy permits
// no request at all and no script but its own. Without JavaScript only the
// filters are missing.
func writeHTML(w io.Writer, r *Report, _ Options) error {
	t, err := template.New("").Funcs(template.FuncMap{
		"say": htmlSay, "tag": htmlTag, "day": htmlDay, "web": htmlWeb, "weakness": htmlWeakness,
	}).ParseFS(htmlFiles, "html/*.tmpl")
	if err != nil {
		return fmt.Errorf("write html: %w", err)
	}
	page, err := newHTMLPage(r)
	if err != nil {
		return fmt.Errorf("write html: %w", err)
	}
	b := bufio.NewWriterSize(w, 64<<10)
	if err := t.ExecuteTemplate(b, "page", page); err != nil {
		return fmt.Errorf("write html: %w", err)
	}
	return b.Flush()
}

// htmlOwn is a file of ours that stands in the page as it is, within its
// element, and what the policy must say to permit it.
func htmlOwn(name, element string) (whole template.HTML, source string, err error) {
	text, err := htmlFiles.ReadFile("html/" + name)
	if err != nil {
		return "", "", err
	}
	sum := sha256.Sum256(text)
	whole = template.HTML("<" + element + ">" + string(text) + "</" + element + ">") //nolint:gosec // our own file, embedded
	return whole, "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'", nil
}

// htmlPolicy is the Content-Security-Policy of the page.
func htmlPolicy(style, script string) string {
	return strings.Join([]string{
		"default-src 'none'", "style-src " + style, "script-src " + script,
		"base-uri 'none'", "form-action 'none'",
	}, "; ")
}

// htmlSay prepares a text that somebody else has chosen. The template escapes
// it for HTML; what HTML has no escape for, and an unending text, end here.
func htmlSay(s any) string { return clip(printable(fmt.Sprint(s)), htmlText) }

// htmlTag is htmlSay for one of a few words, which stands on one line.
func htmlTag(s any) string { return clip(htmlSay(s), 32) }

// htmlWeb is the address of a page on the web, or empty where text is none:
// nobody is to follow another scheme out of a report.
func htmlWeb(address string) string {
	if strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://") {
		return htmlSay(address)
	}
	return ""
}

// htmlWeakness is the address of a weakness such as CWE-319, or empty.
func htmlWeakness(id string) string {
	number, ok := strings.CutPrefix(id, "CWE-")
	if !ok || number == "" || strings.Trim(number, "0123456789") != "" {
		return ""
	}
	return "https://cwe.mitre.org/data/definitions/" + number + ".html"
}

// htmlAnchor is the id of an element, by what it is about. It is the same in
// every report, so that a link to it lasts.
func htmlAnchor(kind string, id ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(id, "\n")))
	return kind + "-" + hex.EncodeToString(sum[:5])
}
