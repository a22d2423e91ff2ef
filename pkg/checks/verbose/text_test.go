package verbose

import (
	"strings"
	"testing"
	"time"
)

func TestForms(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, body, media, plain, stripped, nested string }{
		{"text", "a\r\nb", "text/plain", "a\nb", "", ""},
		{"entities", "&lt;x&gt; &#39;y&#39; &quot;", "text/plain", `<x> 'y' "`, "", ""},
		{"Express", "<pre>Error<br> &nbsp; &nbsp;at f (&lt;anonymous&gt;)</pre>", "text/html", "<pre>Error\n    at f (<anonymous>)</pre>", "\nError\n    at f (<anonymous>)\n", ""},
		{"breaks of all kinds", "a<br/>b<BR >c<br class=x>d<brr>", "text/html", "a\nb\nc\nd<brr>", "a\nb\nc\nd\n", ""},
		{"tags in a line", `<b>Warning</b>:  x in <b>/a.php</b>`, "text/html", `<b>Warning</b>:  x in <b>/a.php</b>`, "Warning:  x in /a.php", ""},
		{"what is no tag", "a < b </ c <3 <", "text/html", "a < b </ c <3 <", "a < b </ c <3 <", ""},
		{"escaped tags stay", "<p>&lt;b&gt;</p>", "text/html", "<p><b></p>", "\n<b>\n", ""},
		{"JSON", `{"a":"x\n\tat \"y\" C:\\z \/ \u00e9\ud83d\ude00"}`, "application/json", "{\"a\":\"x\n\tat \"y\" C:\\z / é😀\"}", "", ""},
		{"JSON by another name", `{"a":"x\ny"}`, "text/plain", "{\"a\":\"x\ny\"}", "", ""},
		{"problem", `["\n"]`, "application/problem+json", "[\"\n\"]", "", ""},
		{"JSON within JSON", `{"a":"{\"b\":\"x\\ny\"}"}`, "application/json", `{"a":"{"b":"x\ny"}"}`, "", "{\"a\":\"{\"b\":\"x\ny\"}\"}"},
		{"JSON within a page", `<p>{"a":"x\ny"}</p>`, "text/html", `<p>{"a":"x\ny"}</p>`, "\n{\"a\":\"x\\ny\"}\n", "<p>{\"a\":\"x\ny\"}</p>"},
		{"HTML within JSON", `{"a":"x\u003cbr\u003ey"}`, "application/json", "{\"a\":\"x\ny\"}", "{\"a\":\"x\ny\"}", ""},
		{"Windows path as text", `C:\temp\new`, "text/plain", `C:\temp\new`, "", "C:\temp\new"},
		{"broken escapes", `{"\u12","\x","\ud83dz` + `\`, "application/json", `{"\u12","\x","` + "\ufffd" + `z\`, "", ""},
		{"byte order mark", "\ufeff{\"a\":\"\\t\"}", "", "{\"a\":\"\t\"}", "", ""},
	} {
		got := forms(test.body, test.media)
		if got.plain != test.plain || got.stripped != test.stripped || got.nested != test.nested {
			t.Errorf("%s: %q, want %q, %q, %q", test.name, got, test.plain, test.stripped, test.nested)
		}
	}
}

// What is hard on the scanners of text takes no longer than its length.
func TestFormsAreLinear(t *testing.T) {
	t.Parallel()
	for _, piece := range []string{"<", "<a", "</", "<br", "<!--", `\`, `\u`, `\ud83d`, "&", "&#", `\"`} {
		start := time.Now()
		forms("</p>"+strings.Repeat(piece, 256<<10/len(piece)), "text/html")
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%q over and over took %s", piece, took)
		}
	}
}
