package report

import (
	"strings"
	"unicode"
)

// inMarkdown writes text that a peer or a file has chosen into a line of
// Markdown. Plain words stand as they are; whatever a renderer could take for
// something else (emphasis, a link, HTML, a mention, a reference to an issue, an
// e-mail address) stands in code spans, where it means nothing. The result has
// no line break and no vertical bar, so that it fits a cell of a table.
func inMarkdown(s string, limit int) string {
	words := strings.Fields(clip(printable(s), limit))
	var b strings.Builder
	b.Grow(len(s) + 8)
	for i := 0; i < len(words); {
		if i > 0 {
			b.WriteByte(' ')
		}
		if isPlainWord(words[i]) {
			b.WriteString(words[i])
			i++
			continue
		}
		end := i + 1
		for end < len(words) && !isPlainWord(words[end]) {
			end++
		}
		writeSpans(&b, strings.Join(words[i:end], " "))
		i = end
	}
	return b.String()
}

// isPlainWord reports whether a word means itself to every renderer: GitHub,
// GitLab and Azure find links, people and issues in bare text.
func isPlainWord(word string) bool {
	if word == "%" || word == "&" {
		return true
	}
	lower := strings.ToLower(word)
	if strings.Contains(lower, "www.") || strings.Contains(lower, "gh-") || strings.Contains(word, "//") || isCommit(lower) {
		return false
	}
	body := strings.Replace(strings.TrimSuffix(word, "%"), ":", "", 1) // two could be an emoji
	return !strings.ContainsFunc(body, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(`.,;'"()/-+?=`, r)
	})
}

// isCommit reports whether a word looks like the hash of a commit, which
// GitHub and GitLab link.
func isCommit(word string) bool {
	const shortest = 7
	word = strings.Trim(word, `.,;:'"()?`)
	return len(word) >= shortest && strings.Trim(word, "0123456789abcdef") == "" && strings.ContainsAny(word, "0123456789")
}

// writeSpans writes words as code, without the punctuation around them.
func writeSpans(b *strings.Builder, s string) {
	core := strings.TrimLeft(s, "(")
	b.WriteString(s[:len(s)-len(core)])
	tail := core
	if core = strings.TrimRight(core, ".,;:"); !strings.Contains(core, "(") {
		core = strings.TrimRight(core, ".,;:)")
	}
	b.WriteString(inCode(core))
	b.WriteString(tail[len(core):])
}

// inCode writes a text without line breaks as code. A bar stands between code
// spans as an entity: within one, backslashes before it are read in different
// ways.
func inCode(s string) string {
	parts := strings.Split(s, "|")
	for i, part := range parts {
		parts[i] = codeSpan(part)
	}
	return strings.Join(parts, "&#124;")
}

// codeSpan writes a text without line breaks as one code span (CommonMark
// section 6.1): its fence is longer than any run of backticks in it.
func codeSpan(s string) string {
	if s == "" {
		return ""
	}
	fence := strings.Repeat("`", longestRun(s, '`')+1)
	first, last := s[0], s[len(s)-1]
	if first == '`' || last == '`' || first == ' ' && last == ' ' && strings.TrimSpace(s) != "" { // a renderer takes one blank away
		s = " " + s + " "
	}
	return fence + s + fence
}

// longestRun is the length of the longest run of c in s.
func longestRun(s string, c byte) int {
	longest, run := 0, 0
	for i := range len(s) {
		if s[i] != c {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// tableRow writes cells that hold Markdown as a row of a table.
func tableRow(cells ...string) string {
	return "| " + strings.Join(cells, " | ") + " |\n"
}

// tableHead writes the names of columns and the line below them.
func tableHead(names ...string) string {
	return tableRow(names...) + "|" + strings.Repeat(" --- |", len(names)) + "\n"
}
