package verbose

import (
	"html"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// textForms are what a body is searched as; empty where it has no such form.
type textForms struct {
	plain    string // escapes of JSON or HTML undone, markup kept
	stripped string // markup taken out besides, as a person sees it
	nested   string // escapes of JSON undone once more: JSON within a string or a page
}

// forms undoes what a body's format does to a message. Errors are often
// labelled as another format than they are, so the text decides, too.
func forms(body, media string) textForms {
	body = strings.TrimPrefix(body, "\ufeff")
	if isJSON(body, media) {
		body = unescapeJSON(body)
	}
	t := textForms{plain: unescapeHTML(body)}
	if strings.Contains(body, "</") || strings.Contains(body, "<br") || strings.Contains(body, "<BR") {
		t.stripped = unescapeHTML(stripTags(body))
	}
	if strings.Contains(t.plain, `\n`) || strings.Contains(t.plain, `\"`) {
		t.nested = unescapeJSON(t.plain)
	}
	return t
}

func isJSON(body, media string) bool {
	if media == "application/json" || strings.HasSuffix(media, "+json") {
		return true
	}
	start := strings.TrimLeft(body[:min(len(body), 64)], " \t\r\n")
	return strings.HasPrefix(start, "{") || strings.HasPrefix(start, `["`) || strings.HasPrefix(start, "[{") || strings.HasPrefix(start, `"`)
}

// unescapeHTML undoes entities, and makes line ends and spaces plain.
func unescapeHTML(text string) string {
	text = html.UnescapeString(lineBreaks(text))
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.ReplaceAll(text, "\u00a0", " ")
}

// lineBreaks writes a line end for every <br>.
func lineBreaks(text string) string {
	if !strings.Contains(text, "<br") && !strings.Contains(text, "<BR") {
		return text
	}
	var out strings.Builder
	out.Grow(len(text))
	for {
		i := strings.IndexByte(text, '<')
		if i < 0 {
			break
		}
		name, length := tag(text[i:])
		out.WriteString(text[:i])
		switch {
		case length > 0 && name == "br":
			out.WriteByte('\n')
		default:
			length = 1
			out.WriteByte('<')
		}
		text = text[i+length:]
	}
	out.WriteString(text)
	return out.String()
}

// tagMax is the longest tag that is taken for one.
const tagMax = 2048

// tag reads the tag a text begins with: its name in lower case, with the slash
// of an end tag left out, and its length. The length is 0 where none begins.
func tag(text string) (name string, length int) {
	i := 1
	if i < len(text) && text[i] == '/' {
		i++
	}
	start := i
	for i < len(text) && isAlphanumeric(text[i]) {
		i++
	}
	if i == start || text[start] <= '9' {
		return "", 0
	}
	end := strings.IndexByte(text[i:min(len(text), i+tagMax)], '>')
	if end < 0 {
		return "", 0
	}
	return strings.ToLower(text[start:i]), i + end + 1
}

func isAlphanumeric(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

// inline are the tags that do not end a line.
var inline = map[string]bool{
	"a": true, "abbr": true, "b": true, "cite": true, "code": true, "em": true, "font": true, "i": true,
	"kbd": true, "mark": true, "samp": true, "small": true, "span": true, "strong": true, "u": true, "var": true, "wbr": true,
}

// stripTags takes markup out of a page. Comments stay: some frameworks put the
// whole trace into one.
func stripTags(text string) string {
	var out strings.Builder
	out.Grow(len(text))
	for {
		i := strings.IndexByte(text, '<')
		if i < 0 {
			break
		}
		out.WriteString(text[:i])
		name, length := tag(text[i:])
		switch {
		case length == 0:
			length = 1
			out.WriteByte('<')
		case !inline[name]:
			out.WriteByte('\n')
		}
		text = text[i+length:]
	}
	out.WriteString(text)
	return out.String()
}

// unescapeJSON undoes the escapes of JSON strings (RFC 8259 section 7) wherever
// they stand. What is none stays as it is.
func unescapeJSON(text string) string {
	i := strings.IndexByte(text, '\\')
	if i < 0 {
		return text
	}
	var out strings.Builder
	out.Grow(len(text))
	for i >= 0 && i+1 < len(text) {
		out.WriteString(text[:i])
		length := 2
		switch text[i+1] {
		case 'n':
			out.WriteByte('\n')
		case 't':
			out.WriteByte('\t')
		case 'r':
			out.WriteByte('\r')
		case 'b', 'f':
			out.WriteByte(' ')
		case '"', '\\', '/':
			out.WriteByte(text[i+1])
		case 'u':
			var r rune
			if r, length = unicodeEscape(text[i:]); length > 0 {
				out.WriteRune(r)
				break
			}
			fallthrough
		default:
			length = 1
			out.WriteByte('\\')
		}
		text = text[i+length:]
		i = strings.IndexByte(text, '\\')
	}
	out.WriteString(text)
	return out.String()
}

// unicodeEscape reads \uXXXX, or two of them that are one character. The length
// is 0 when the text begins with none.
func unicodeEscape(text string) (r rune, length int) {
	const size = 6
	first, ok := hexEscape(text)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(first) {
		return first, size
	}
	if second, ok := hexEscape(text[size:]); ok {
		if r := utf16.DecodeRune(first, second); r != utf8.RuneError {
			return r, 2 * size
		}
	}
	return utf8.RuneError, size
}

func hexEscape(text string) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	value, err := strconv.ParseUint(text[2:6], 16, 16)
	return rune(value), err == nil
}
