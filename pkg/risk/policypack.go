package risk

import (
	"fmt"
	"io/fs"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// PolicyPack is a published policy in the form of rules: which version of it,
// of which day, and where to read it. Its rules are laid over others with
// [Overlay].
type PolicyPack struct {
	Name    string `json:"name"` // such as pci-dss-4.0.1; every rule's id begins with it, in hyphens
	Title   string `json:"title"`
	Version string `json:"version"`
	Date    string `json:"date"`   // of publication, as 2006-01-02
	Source  string `json:"source"` // https URL
	Rules   []Rule `json:"rules"`
}

// LoadPolicies reads every *.yaml file at the top of fsys, in the order of
// their names. Each holds one policy, under the name of its file:
//
//	name: house-policy
//	title: What our house demands
//	version: "3"
//	date: 2026-01-31
//	source: https://policies.example/tls
//	rules:
//	  - id: house-policy-tls13
//	    ...
//
// Every field is needed. Reading is as strict as that of [LoadRules], and the
// errors are the same.
func LoadPolicies(fsys fs.FS) ([]PolicyPack, error) {
	var packs []PolicyPack
	err := readPacks(fsys, func(p *pack, root *yaml.Node) {
		packs = append(packs, p.readPolicy(root))
	})
	if err != nil {
		return nil, err
	}
	return packs, nil
}

// readPolicy reads the head of a policy and its rules. The name is that of the
// file, whatever the file says.
func (p *pack) readPolicy(root *yaml.Node) PolicyPack {
	name := strings.TrimSuffix(p.file, ".yaml")
	p.prefix = strings.ReplaceAll(name, ".", "-") + "-"
	if root == nil || root.Kind != yaml.MappingNode {
		p.problem(root, "", "", "a policy is a mapping", `begin it with "name: `+name+`", and put its rules below "rules:"`)
		return PolicyPack{}
	}
	var policy PolicyPack
	r := ruleReader{pack: p, at: map[string]*yaml.Node{"": root}, broken: make(map[string]bool)}
	r.mapping(root, "", map[string]func(*yaml.Node, string){
		"name":    text(&r, &policy.Name),
		"title":   text(&r, &policy.Title),
		"version": text(&r, &policy.Version),
		"date":    text(&r, &policy.Date),
		"source":  text(&r, &policy.Source),
		"rules":   func(n *yaml.Node, _ string) { p.readList(n) },
	})
	for _, f := range headFaults(policy, name, r.at["rules"]) {
		if !r.broken[f.field] {
			r.problem(r.nearestNode(f.field), f.field, f.message, f.hint)
		}
	}
	policy.Rules = p.rules
	return policy
}

// headFaults lists what is wrong with a policy, its rules aside.
func headFaults(policy PolicyPack, name string, rules *yaml.Node) []fault {
	var faults []fault
	for _, f := range []struct{ name, value string }{
		{"name", policy.Name}, {"title", policy.Title}, {"version", policy.Version}, {"date", policy.Date}, {"source", policy.Source},
	} {
		if strings.TrimSpace(f.value) == "" {
			faults = append(faults, fault{f.name, f.name + " is missing", ""})
		}
	}
	if policy.Name != "" && policy.Name != name {
		faults = append(faults, fault{"name", fmt.Sprintf("%q is not the name of the file", policy.Name), "write " + name + ", or rename the file"})
	}
	if !idPattern().MatchString(strings.ReplaceAll(name, ".", "-")) {
		faults = append(faults, fault{"name", fmt.Sprintf("%q is not a name", name), "name the file in lower case words joined by hyphens: house-policy-1.0.yaml"})
	}
	if _, err := time.Parse(time.DateOnly, policy.Date); err != nil && policy.Date != "" {
		faults = append(faults, fault{"date", fmt.Sprintf("%q is not a day", policy.Date), "write 2026-01-31"})
	}
	if policy.Source != "" && !hasScheme(policy.Source, "https") {
		faults = append(faults, fault{"source", fmt.Sprintf("%q is not an https URL", policy.Source), ""})
	}
	if rules == nil || len(rules.Content) == 0 {
		faults = append(faults, fault{"rules", "a policy needs rules", ""})
	}
	return faults
}
