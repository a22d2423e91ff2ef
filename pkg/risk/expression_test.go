package risk

import (
	"errors"
	"strings"
	"testing"
)

func TestExpressionErrors(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	for _, c := range []struct{ name, when, assert, message string }{
		{"typo in a fact", "", "!tls.accept.tls10", `"x"`},
		{"typo in a condition", `link.knd == "broker"`, "link.tls", `"x"`},
		{"typo in a message", "", "link.tls", `"suite " + tls.suit`},
		{"no fact like it", "", "frobnication.level == 3", `"x"`},
		{"a namespace alone", "", "tls", `"x"`},
		{"a typo far into the line", "", "link.tls && tls.aead && certificate.trustd", `"x"`},
		{"a typo on the second line", "", "link.tls &&\n  certificate.trustd", `"x"`},
		{"the same word twice", "", "tls.aead && tls.aea", `"x"`},
		{"wrong type", "", `tls.accepts.tls10 == "no"`, `"x"`},
		{"assert is a number", "", "certificate.days_left", `"x"`},
		{"message is a boolean", "", "link.tls", "link.tls"},
		{"number in a message", "", "link.tls", `"days " + certificate.days_left`},
		{"typo in a function", "", `link.url.startWith("https")`, `"x"`},
		{"typo in a macro", "", `certificate.names.al(n, n != "")`, `"x"`},
		{"has", "", "has(tls.aead)", `"x"`},
		{"a field of a fact", "", "link.tls.version == 3", `"x"`},
		{"syntax", "", "link.tls &&", `"x"`},
		{"a word of the language", "", "!tls.weak.null", `"x"`},
		{"empty", "", " ", `"x"`},
		{"umlauts before the typo", "", `link.url == "ärger" && tls.aed`, `"x"`},
		{"two problems in one expression", "", "tls.aed && tls.plaintxt", `"x"`},
		{"problems in every field", "tls.aed", "tls.aed", "tls.aed"},
		{"too long", "", "link.tls" + strings.Repeat(" || link.tls", 500), `"x"`},
	} {
		_, err := NewJudge([]Rule{ruleOf("r", c.when, c.assert, c.message)}, factProbes())
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		if _, ok := errors.AsType[RuleProblems](err); !ok {
			t.Errorf("%s: the error is a %T", c.name, err)
		}
		if p, ok := errors.AsType[RuleProblem](err); !ok || p.Rule != "r" {
			t.Errorf("%s: no single problem names the rule: %+v", c.name, p)
		}
		out.WriteString("== " + c.name + "\n" + err.Error() + "\n\n")
	}
	golden(t, "expression-errors.golden", out.String())
}

// Rules are compiled on several processors; what is wrong with them is still
// reported in their order.
func TestExpressionErrorsComeInOrder(t *testing.T) {
	t.Parallel()
	var list []Rule
	var want []string
	for c := 'a'; c <= 'z'; c++ {
		list = append(list, ruleOf("rule-"+string(c), "", "nothing_"+string(c), `"x"`))
		want = append(want, "rule rule-"+string(c)+", assert, 1:1: ")
	}
	_, err := NewJudge(list, factProbes())
	problems, ok := errors.AsType[RuleProblems](err)
	if !ok || len(problems) != len(want) {
		t.Fatalf("got %v", err)
	}
	for i, p := range problems {
		if !strings.HasPrefix(p.Error(), want[i]) {
			t.Errorf("problem %d is %s", i, p)
		}
	}
}
