package risk

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Overlay lays a user's rules over base and returns the result, in the order
// of base with new rules behind. A rule with the id of one in base replaces
// it; {id: X, disabled: true} switches X off. To switch off a rule that base
// does not have is an error: it is a typo, and the rule that was meant would
// go on. The error is of type [RuleProblems].
func Overlay(base, user []Rule) ([]Rule, error) {
	rules := slices.Clone(base)
	var problems RuleProblems
	for _, u := range user {
		i := slices.IndexFunc(rules, func(r Rule) bool { return r.ID == u.ID })
		switch {
		case !u.Disabled && i < 0:
			rules = append(rules, u)
		case !u.Disabled:
			rules[i] = u
		case i >= 0:
			rules = slices.Delete(rules, i, i+1)
		case switchesOff(u):
			problems = append(problems, RuleProblem{
				Rule: u.ID, Field: "disabled", Message: "there is no such rule to switch off",
				Hint: didYouMean(u.ID, idsOf(base)),
			})
		}
	}
	if err := problems.orNil(); err != nil {
		return nil, err
	}
	return rules, nil
}

// idsOf lists the ids of rules, sorted.
func idsOf(rules []Rule) []string {
	ids := make([]string, len(rules))
	for i, r := range rules {
		ids[i] = r.ID
	}
	slices.Sort(ids)
	return ids
}

// Digest is a SHA-256, in hex, over all that judging depends on: the rules
// that are not disabled, sorted by id and without their examples. The order
// and the files in which they stood do not matter.
func Digest(rules []Rule) (string, error) {
	canonical := make([]Rule, 0, len(rules))
	for _, r := range rules {
		if r.Disabled {
			continue
		}
		r.Examples = nil
		if r.Scope == "" {
			r.Scope = ScopeLink
		}
		canonical = append(canonical, r)
	}
	slices.SortFunc(canonical, func(a, b Rule) int { return strings.Compare(a.ID, b.ID) })
	text, err := json.Marshal(canonical)
	if err != nil {
		return "", fmt.Errorf("digest of rules: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}
