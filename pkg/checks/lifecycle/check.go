package lifecycle

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// column names a fact of a row by its name in upstream's JSON.
type column string

const (
	noColumn         column = ""
	columnProduct    column = "name"
	columnCycle      column = "cycle"
	columnReleased   column = "releaseDate"
	columnEOL        column = "eolFrom"
	columnLatest     column = "latest"
	columnCVE        column = "cveID"
	columnVendor     column = "vendorProject"
	columnKEVProduct column = "product"
	columnAdded      column = "dateAdded"
)

// flaw is what is wrong with a row: in one column, or none.
type flaw struct {
	of                  column
	code, message, hint string
}

// check holds a cycle to what upstream promises, and reads its date.
func (c *cycle) check() flaw {
	switch {
	case !isName(c.product) || strings.ToLower(c.product) != c.product:
		return flaw{columnProduct, "bad-product", fmt.Sprintf("%q is not the id of a product", c.product), "such as apache-http-server"}
	case !isName(c.name):
		return flaw{columnCycle, "bad-cycle", fmt.Sprintf("%q is not the name of a release cycle", c.name), "such as 1.22"}
	case c.latest != "" && !isName(c.latest):
		return flaw{columnLatest, "bad-version", fmt.Sprintf("%q is not a version", c.latest), "such as 1.22.1"}
	}
	if _, err := time.Parse(dateLayout, c.released); err != nil {
		return flaw{columnReleased, "bad-date", fmt.Sprintf("%q is not a date", c.released), "such as 2026-08-22"}
	}
	if c.eol == eolYes || c.eol == eolNo {
		return flaw{}
	}
	date, err := time.Parse(dateLayout, c.eol)
	if err != nil {
		return flaw{columnEOL, "bad-date", fmt.Sprintf("%q is neither a date nor true nor false", c.eol), "such as 2026-08-22"}
	}
	c.eolDate = date
	return flaw{}
}

// check holds an entry of the catalogue to what CISA promises.
func (e *exploit) check() flaw {
	switch {
	case !isCVE(e.cve):
		return flaw{columnCVE, "bad-cve", fmt.Sprintf("%q is not a CVE id", e.cve), "such as CVE-2021-41773"}
	case !isTitle(e.vendor):
		return flaw{columnVendor, "bad-name", fmt.Sprintf("%q is not the name of a vendor", e.vendor), ""}
	case !isTitle(e.product):
		return flaw{columnKEVProduct, "bad-name", fmt.Sprintf("%q is not the name of a product", e.product), ""}
	}
	if _, err := time.Parse(dateLayout, e.added); err != nil {
		return flaw{columnAdded, "bad-date", fmt.Sprintf("%q is not a date", e.added), "such as 2026-08-22"}
	}
	return flaw{}
}

// isName reports whether s is an id or a version.
func isName(s string) bool {
	if s == "" || len(s) > maxName || !isDigit(s[0]) && !isLetter(s[0]) {
		return false
	}
	for i := range len(s) {
		if !isVersionByte(s[i]) {
			return false
		}
	}
	return true
}

// isTitle reports whether s may be what people call a product.
func isTitle(s string) bool {
	const most = 200
	return s != "" && len(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// isCVE holds an id to the form of the CVE programme: CVE-YYYY-NNNN, with
// four digits or more at the end.
func isCVE(s string) bool {
	year, number, ok := strings.Cut(strings.TrimPrefix(s, "CVE-"), "-")
	return ok && strings.HasPrefix(s, "CVE-") && len(year) == 4 && len(number) >= 4 && len(number) <= 19 &&
		strings.Trim(year+number, "0123456789") == ""
}
