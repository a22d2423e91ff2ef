package exposure

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
)

// signature finds what a body is known by. It returns words for people that
// say what was seen, and hold nothing else of the body; empty means that the
// body is something else.
type signature func(body []byte) string

// The kinds of metrics in the text format of Prometheus and in OpenMetrics.
var metricType = regexp.MustCompile(`(?m)^# TYPE [a-zA-Z_:][a-zA-Z0-9_:]* (?:counter|gauge|histogram|gaugehistogram|summary|untyped|unknown|info|stateset)\r?$`)

func readsMetrics(body []byte) string {
	if bytes.Contains(body, []byte("# TYPE ")) && metricType.Match(body) {
		return "# TYPE"
	}
	return ""
}

func readsPprof(body []byte) string { return containing(body, "Types of profiles available") }

func containing(body []byte, words string) string {
	if bytes.Contains(body, []byte(words)) {
		return words
	}
	return ""
}

func readsServerStatus(body []byte) string {
	if containing(body, "Apache Server Status for ") == "" {
		return ""
	}
	return containing(body, "<title>Apache Status</title>")
}

// Since PHP 8 the title names the version too.
var phpInfoTitle = regexp.MustCompile(`(?i)<title>(?:PHP [0-9A-Za-z.+~-]{1,60} - )?phpinfo\(\)</title>`)

func readsPHPInfo(body []byte) string {
	if containing(body, "phpinfo()") != "" && phpInfoTitle.Match(body) {
		return "phpinfo()"
	}
	return ""
}

// gitHead is the one line of a repository's HEAD: a branch, or a commit by its
// SHA-1 or SHA-256 where one was checked out.
var gitHead = regexp.MustCompile(`^(?:ref: refs/[^\x00-\x20\x7f]+|[0-9a-f]{40}|[0-9a-f]{64})\s*$`)

func readsGit(body []byte) string {
	const longest = 4 << 10
	if len(body) > longest || !gitHead.Match(body) {
		return ""
	}
	if bytes.HasPrefix(body, []byte("ref: ")) {
		return "ref: refs/"
	}
	return "a commit"
}

var specificationVersion = regexp.MustCompile(`^[1-9]\.[0-9]{1,3}(?:\.[0-9]{1,3})?(?:-[a-z0-9.]{1,8})?$`)

// readsOpenAPI wants the version under the key that the specifications give it
// (OpenAPI 3 section "OpenAPI Object", Swagger 2.0 section "Swagger Object").
func readsOpenAPI(body []byte) string {
	members := topLevel(body)
	for _, key := range []string{"openapi", "swagger"} {
		if version := members[key]; specificationVersion.MatchString(version) {
			return key + " " + version
		}
	}
	return ""
}

func readsExpvar(body []byte) string {
	if members := topLevel(body); members["cmdline"] == "[" && members["memstats"] == "{" {
		return "cmdline, memstats"
	}
	return ""
}

// readsActuator wants links beyond those that Spring Boot shows by default,
// which tell no more than that the service is up.
func readsActuator(body []byte) string {
	var page struct {
		Links map[string]struct {
			Href string `json:"href"`
		} `json:"_links"`
	}
	if json.Unmarshal(body, &page) != nil || !strings.Contains(page.Links["self"].Href, "/actuator") {
		return ""
	}
	for name := range page.Links {
		stem, _, _ := strings.Cut(name, "-") // health-path
		if stem != "self" && stem != "health" && stem != "info" {
			return "_links beyond health and info"
		}
	}
	return ""
}

// readsIntrospection wants an answer of the shape that was asked for (GraphQL
// specification section 4.1).
func readsIntrospection(body []byte) string {
	var page struct {
		Data struct {
			Schema struct {
				QueryType struct {
					Name string `json:"name"`
				} `json:"queryType"`
			} `json:"__schema"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &page) != nil || page.Data.Schema.QueryType.Name == "" {
		return ""
	}
	return "data.__schema.queryType.name"
}

// deniesIntrospection reports an error of a GraphQL server that says so.
func deniesIntrospection(body []byte) bool {
	lower := bytes.ToLower(body)
	if !bytes.Contains(lower, []byte("introspection")) {
		return false
	}
	for _, word := range []string{"disabled", "not allowed", "not enabled", "forbidden", "denied", "not permitted"} {
		if bytes.Contains(lower, []byte(word)) {
			return true
		}
	}
	return false
}

func readsJolokia(body []byte) string {
	var page struct {
		Value struct {
			Agent    string `json:"agent"`
			Protocol string `json:"protocol"`
		} `json:"value"`
	}
	if json.Unmarshal(body, &page) != nil || page.Value.Agent == "" || page.Value.Protocol == "" {
		return ""
	}
	return "agent, protocol"
}

// topLevel lists the members of a JSON object as far as it can be read: a
// string by its value, anything else by the first byte of its token, such as
// "[". It is nil for what is no object. Nothing is kept of what lies deeper.
func topLevel(body []byte) map[string]string {
	d := json.NewDecoder(bytes.NewReader(body))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil
	}
	members := make(map[string]string)
	for d.More() {
		key, err := d.Token()
		if err != nil {
			break
		}
		value, err := d.Token()
		if err != nil {
			break
		}
		name, _ := key.(string)
		switch v := value.(type) {
		case string:
			members[name] = v
		case json.Delim:
			members[name] = v.String()
			if skip(d) != nil {
				return members
			}
		}
	}
	return members
}

// skip reads on to the end of the array or object that was just begun.
func skip(d *json.Decoder) error {
	for depth := 1; depth > 0; {
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
	return nil
}
