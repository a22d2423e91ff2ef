package inventory

import (
	"fmt"
	"strings"
	"testing"
)

// TestNoSecretInProblems writes a secret in every way that YAML and JSON
// have, beside a mistake on the same line, and looks for it in the report.
func TestNoSecretInProblems(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	const head = "version: 1\nvendors:\n- id: acme\n  endpoints:\n  - id: api\n    url: https://api.example/\n"
	tests := map[string]string{
		"plain":              head + "    auth: {type: bearerr, token: hunter2}\n",
		"with blanks":        head + "    auth: {type: bearerr, token: a hunter2 b, x: y}\n",
		"double quotes":      head + "    auth: {type: bearerr, token: \"a \\\" hunter2\"}\n",
		"single quotes":      head + "    auth: {type: bearerr, token: 'it''s hunter2'}\n",
		"two lines":          head + "    auth: {token: \"a\n      hunter2\", type: bearerr}\n",
		"plain on two lines": head + "    auth: {token: a\n      hunter2, type: bearerr}\n",
		"block":              head + "    auth:\n      token: |\n        hunter2\n      typ: bearer\n",
		"anchor":             head + "    auth: {token: &t hunter2, type: bearerr}\n",
		"tag":                head + "    auth: {token: !!str hunter2, type: bearerr}\n",
		"foreign tag":        head + "    auth: {token: !!binary hunter2, type: bearerr}\n",
		"alias name":         head + "    auth: {token: *hunter2, type: bearer}\n",
		"number":             head + "    auth: {type: bearer, token: 1234567}\n",
		"in a list":          head + "    auth: {type: bearer, token: [hunter2]}\n",
		"in a mapping":       head + "    auth: {type: bearer, token: {value: hunter2}}\n",
		"in a misspelt one":  head + "    auth: {type: bearer, tokn: {value: hunter2}}\n",
		"in an unknown one":  head + "    api_token: {value: hunter2}\n",
		"event":              head + "    probe: {test_event: '{\"token\": \"hunter2\"}', consnt: []}\n",
		"twice":              head + "    auth: {type: bearer, token: x, token: hunter2}\n",
		"misspelt key":       head + "    auth: {type: bearer, tokn: hunter2}\n",
		"unknown key":        head + "    api_token: hunter2\n",
		"other unknown key":  head + "    zzz: hunter2\n",
		"wrong case":         head + "    auth: {type: bearer, Token: hunter2}\n",
		"for a mapping":      head + "    auth: hunter2\n",
		"comment":            head + "    direction: up # the password is hunter2\n",
		"comment after":      head + "    direction: up\n    # hunter2\n    data:\n",
		"label":              head + "    labels: {password: hunter2, tier: 5}\n",
		"user information":   head + "    token: https://u:hunter2@h.example/\n",
		"in the URL":         strings.Replace(head, "https://", "htps://u:hunter2@", 1),
		"slash in password":  strings.Replace(head, "https://", "https://u:pa/hunter2@", 1),
		"in the query":       strings.Replace(head, "example/", "example:0/?a=b&api_key=hunter2&c=d", 1),
		"escaped query name": strings.Replace(head, "example/", "example:0/?api%5fkey=hunter2", 1),
		"in a Slack path":    strings.Replace(head, "api.example/", "hooks.slack.com:0/services/T0/B0/hunter2", 1),
		"token URL":          head + "    auth: {type: oauth2, token_url: 'https://u:hunter2@h.example'}\n",
		"evidence":           "version: 1\nvendors:\n- id: a\n  attestations:\n  - {control: x, claim: true, basis: self, evidence: 'https://h.example/?sig=hunter2'}\n",
		"username":           head + "    auth: {type: basik, username: hunter2}\n",
		"beside a reference": head + "    auth: {type: bearerr, token: \"${A}hunter2\"}\n",
		"bad reference":      head + "    auth: {type: bearer, token: \"${hunter2\"}\n",
		"bad PEM":            head + "    tls: {client_key: hunter2, client_cert: file:x}\n",
		"syntax":             head + "    auth: {type: bearer, token: hunter2\n    data: {}\n",
		"syntax, block":      head + "    auth:\n      token: |\n        aaa\n       hunter2\n",
		"syntax, no key":     head + "    auth:\n      hunter2\n      hunter2 x\n    a: b\n",
		"syntax, URL":        strings.Replace(head, "url: https://", "url: https://u:hunter2@h: x: ", 1),
		"syntax, comment":    head + "    direction: up: x # hunter2\n",
		"syntax, tab":        head + "    auth:\n\ttoken: hunter2\n",
		"JSON":               `{"version": 1, "vendors": [{"id": "a", "x": 1, "endpoints": [{"id": "b", "url": "htps://u:hunter2@h", "auth": {"type": "x", "token": "hunter2"}}]}]}`,
		"JSON escapes":       `{"version": 1, "vendors": [{"id": "a", "endpoints": [{"id": "b", "url": "htps:\/\/u:hunter2@h"}]}]}`,
		"JSON key escapes":   `{"version": 1, "vendors": [{"id": "a", "endpoints": [{"id": "b", "auth": {"tok\u0065n": "hunter2"}}]}]}`,
		"JSON syntax":        `{"version": 1, "vendors": [{"id": "a", "auth": {"token": "hunter2",}}]}`,
		"JSON cut":           `{"version": 1, "vendors": [{"id": "a", "auth": {"token": "hunter2`,
		"JSON long":          `{"version": 1, "x-a": "` + strings.Repeat("x", 300) + `", "nope": 1, "vendors": [{"id": "a", "auth": {"token": "hunter2"}}]}`,
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := loadNamed(t, "in", text)
			if len(problems) == 0 {
				t.Fatalf("no problem in:\n%s", text)
			}
			printed := problems.Error() + fmt.Sprintf("%+v", problems)
			for _, leak := range []string{secret, "hunter", "1234567"} {
				if strings.Contains(printed, leak) {
					t.Errorf("the report shows %q:\n%s", leak, problems.Error())
				}
			}
		})
	}
}

// TestReferencesAreShown says that masking leaves alone what is no secret.
func TestReferencesAreShown(t *testing.T) {
	t.Parallel()
	text := linkYAML("endpoints", apiURL, `auth: {type: oauth, token: "${TOKEN}", client_secret: file:x.txt, scopes: [a]}`)
	_, problems := loadNamed(t, "in", text)
	want := `    auth: {type: oauth, token: "${TOKEN}", client_secret: file:x.txt, scopes: [a]}`
	if len(problems) != 1 || problems[0].Line != want {
		t.Errorf("got:\n%s", problems.Error())
	}
	text = linkYAML("endpoints", "htps://u:p@api.example/?key=abc&x=y", "")
	_, problems = loadNamed(t, "in", text)
	if want := "    url: htps://***@api.example/?key=***&x=y"; len(problems) != 1 || problems[0].Line != want {
		t.Errorf("got:\n%s", problems.Error())
	}
}
