package access

import (
	"bytes"
	"encoding/xml"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

const (
	headMax  = 64 << 10 // bytes of a page in which its title and its form are looked for
	plainMax = 200      // bytes of a text that is a message and no data
)

// classifyText reads a body that is not JSON: a login form, an error page or an
// XML fault may come with a status of success.
func classifyText(r *httpclient.Response) content {
	body := bytes.TrimSpace(r.Body)
	head := strings.ToLower(string(body[:min(len(body), headMax)]))
	switch media := r.MediaType(); {
	case media == "text/html" || media == "application/xhtml+xml" || strings.HasPrefix(head, "<!doctype html") || strings.HasPrefix(head, "<html"):
		if isLoginForm(head) || speaksOfCredentials(title(head)) {
			return contentRefusal
		}
	case isXML(r):
		return classifyXML(body)
	case len(body) <= plainMax && strings.HasPrefix(media, "text/"):
		if speaksOfCredentials(head) || isCode(head) {
			return contentRefusal
		}
	}
	return contentPlain
}

// isLoginForm reports a form that asks for a password, in a page in lower case.
func isLoginForm(page string) bool {
	if !strings.Contains(page, "<form") {
		return false
	}
	for _, kind := range []string{`type="password"`, `type='password'`, `type=password`, `type = "password"`} {
		if strings.Contains(page, kind) {
			return true
		}
	}
	return false
}

// title is the text of a page's title.
func title(page string) string {
	_, rest, ok := strings.Cut(page, "<title")
	if !ok {
		return ""
	}
	_, rest, _ = strings.Cut(rest, ">")
	text, _, _ := strings.Cut(rest, "</title")
	return text
}

func isXML(r *httpclient.Response) bool {
	media := r.MediaType()
	return media == "application/xml" || media == "text/xml" || strings.HasSuffix(media, "+xml") ||
		bytes.HasPrefix(bytes.TrimSpace(r.Body), []byte("<?xml"))
}

// faults are elements that hold an error, and wrappers those that may stand
// around one, folded.
var (
	faults   = []string{"fault", "error", "errors", "exception", "exceptionreport", "errorresponse"}
	wrappers = []string{"envelope", "header", "body", "response"}
)

// elementsMax is how many elements of a document are read to find a fault.
const elementsMax = 32

// classifyXML looks at the first elements: the root, or what a SOAP envelope
// holds, says whether it is a fault, and the text in them what for.
func classifyXML(body []byte) content {
	decoder := xml.NewDecoder(bytes.NewReader(body))
	decoder.Strict = false
	decoder.CharsetReader = nil // without one, other encodings end the reading
	fault := false
	for elements := 0; elements < elementsMax; {
		token, err := decoder.RawToken()
		if err != nil {
			break
		}
		switch t := token.(type) {
		case xml.StartElement:
			elements++
			name := fold(t.Name.Local)
			set(&fault, slices.Contains(faults, name))
			if !fault && !slices.Contains(wrappers, name) {
				return contentPlain
			}
		case xml.CharData:
			text := strings.TrimSpace(string(t[:min(len(t), messageMax)]))
			if fault && (speaksOfCredentials(text) || isCode(text)) {
				return contentRefusal
			}
		}
	}
	if fault {
		return contentError
	}
	return contentPlain
}
