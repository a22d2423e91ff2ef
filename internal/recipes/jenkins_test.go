package recipes

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var jenkinsScript = regexp.MustCompile(`(?s)int code = sh\(returnStatus: true, script: '''\n(.*?)'''\)`)

func TestJenkins(t *testing.T) {
	t.Parallel()
	text := blocks(t)["Jenkins"].text
	match := jenkinsScript.FindStringSubmatch(text)
	if match == nil || strings.Count(text, "'''") != 2 {
		t.Fatal("the Jenkinsfile has lost its script")
	}
	if strings.Contains(match[1], `\`) {
		t.Error("Groovy reads backslashes between ''' too")
	}
	if strings.Count(text, "{") != strings.Count(text, "}") || strings.Count(text, "(") != strings.Count(text, ")") {
		t.Error("the Jenkinsfile's brackets are not balanced")
	}
	for _, test := range verdicts {
		t.Run(fmt.Sprint("code ", test.code), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, test.peers...)
			s.installer(t)
			got := s.run(t, jenkinsShell, match[1], map[string]string{"WORKSPACE_TMP": filepath.Join(s.env["HOME"], "work", "ours@tmp")})
			if got.code != test.code {
				t.Errorf("want %d: %+v", test.code, got)
			}
			for _, file := range []string{"m2mscan.json", "m2mscan.html", "m2mscan.sarif", "m2mscan.xml"} {
				if !strings.Contains(text, "'"+file) && !strings.Contains(text, ", "+file) {
					t.Errorf("nothing takes %s", file)
				}
				if s.has(file) != (test.code != 2) {
					t.Errorf("code %d, and %s is there: %v", test.code, file, s.has(file))
				}
			}
		})
	}
}
