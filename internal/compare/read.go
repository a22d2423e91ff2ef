package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// output is what a run of a tool left behind.
type output struct {
	report []byte // the file it wrote, or its standard output
	exit   int
}

// readNmap reads the XML of the script ssl-enum-ciphers.
func readNmap(o output) (claims, error) {
	type element struct {
		Key  string `xml:"key,attr"`
		Text string `xml:",chardata"`
	}
	var document struct {
		Scripts []struct {
			ID       string `xml:"id,attr"`
			Versions []struct {
				Name  string `xml:"key,attr"`
				Lists []struct {
					Key   string `xml:"key,attr"`
					Items []struct {
						Elements []element `xml:"elem"`
					} `xml:"table"`
				} `xml:"table"`
			} `xml:"table"`
		} `xml:"host>ports>port>script"`
	}
	if err := xml.Unmarshal(o.report, &document); err != nil {
		return claims{}, fmt.Errorf("XML of nmap: %w", err)
	}
	c := claims{versions: map[hello.Version]bool{}, suites: set[hello.Suite]{}}
	if len(document.Scripts) == 0 {
		c.remark = "nothing about TLS in its output"
		return c, nil
	}
	// What it does not list it holds for refused. SSL 2.0 is another script's.
	for _, v := range []hello.Version{hello.SSL3, hello.TLS10, hello.TLS11, hello.TLS12, hello.TLS13} {
		c.versions[v] = false
	}
	for _, version := range document.Scripts[0].Versions {
		v, ok := versionNamed(version.Name)
		if !ok {
			return c, fmt.Errorf("nmap names a version %q", version.Name)
		}
		c.versions[v] = true
		for _, list := range version.Lists {
			if list.Key != "ciphers" {
				continue
			}
			for _, item := range list.Items {
				for _, e := range item.Elements {
					if e.Key != "name" {
						continue
					}
					if err := c.addSuite(e.Text); err != nil {
						return c, err
					}
				}
			}
		}
	}
	return c, nil
}

// readSSLScan reads sslscan's XML. It does not escape what it prints of
// certificates and requests, so all but the elements wanted is passed over.
func readSSLScan(o output) (claims, error) {
	c := claims{versions: map[hello.Version]bool{}, suites: set[hello.Suite]{}, groups: set[hello.Group]{}}
	decoder := xml.NewDecoder(strings.NewReader(string(o.report)))
	decoder.Strict = false
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return c, fmt.Errorf("XML of sslscan: %w", err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if err := c.addElement(start); err != nil {
			return c, err
		}
	}
	if o.exit != 0 {
		c.confession = fmt.Sprintf("exit code %d", o.exit)
	}
	return c, nil
}

func (c *claims) addElement(start xml.StartElement) error {
	attribute := map[string]string{}
	for _, a := range start.Attr {
		attribute[a.Name.Local] = a.Value
	}
	switch start.Name.Local {
	case "protocol":
		v, ok := versionNamed(attribute["type"] + "v" + attribute["version"])
		if !ok {
			return fmt.Errorf("sslscan names a version %v", attribute)
		}
		c.versions[v] = attribute["enabled"] == "1"
	case "cipher":
		code, err := strconv.ParseUint(attribute["id"], 0, 32)
		if err != nil {
			return fmt.Errorf("sslscan: suite %q: %w", attribute["id"], err)
		}
		c.suites.add(hello.Suite(code))
	case "group":
		code, err := strconv.ParseUint(attribute["id"], 0, 16)
		if err != nil {
			return fmt.Errorf("sslscan: group %q: %w", attribute["id"], err)
		}
		c.groups.add(hello.Group(code))
	case "error":
		c.confession = "error in its output"
	}
	return nil
}

// testsslSuite ends the name of a finding about one suite with its code point.
var testsslSuite = regexp.MustCompile(`^cipher(?:-[a-z0-9_]+)?_x([0-9a-f]{2,6})$`)

// testsslVersions are the names of its findings about versions.
var testsslVersions = map[string]hello.Version{
	"SSLv2": hello.SSL2, "SSLv3": hello.SSL3, "TLS1": hello.TLS10, "TLS1_1": hello.TLS11, "TLS1_2": hello.TLS12, "TLS1_3": hello.TLS13,
}

// readTestssl reads testssl's flat JSON.
func readTestssl(o output) (claims, error) {
	var findings []struct{ ID, Severity, Finding string }
	if err := json.Unmarshal(o.report, &findings); err != nil {
		return claims{}, fmt.Errorf("JSON of testssl: %w", err)
	}
	c := claims{versions: map[hello.Version]bool{}, suites: set[hello.Suite]{}}
	for _, f := range findings {
		if v, ok := testsslVersions[f.ID]; ok {
			c.versions[v] = strings.HasPrefix(f.Finding, "offered")
		}
		if m := testsslSuite.FindStringSubmatch(f.ID); m != nil {
			code, err := strconv.ParseUint(m[1], 16, 32)
			if err != nil {
				return c, fmt.Errorf("testssl: suite %q: %w", f.ID, err)
			}
			c.suites.add(hello.Suite(code))
		}
		if strings.HasSuffix(f.ID, "_curves") {
			c.groups = set[hello.Group]{}
			for name := range strings.FieldsSeq(f.Finding) {
				if g, ok := groupNamed(name); ok {
					c.groups.add(g)
				}
			}
		}
		if f.Severity == "FATAL" || f.ID == "scanProblem" {
			c.confession = f.Finding
		}
	}
	if o.exit >= 240 && c.confession == "" {
		c.confession = fmt.Sprintf("exit code %d", o.exit)
	}
	return c, nil
}

// readM2mscan reads m2mscan's own report.
func readM2mscan(o output) (claims, error) {
	var document struct {
		Targets []struct {
			Facts struct {
				TLS struct {
					Accepts map[string]bool `json:"accepts"`
					Suites  []string        `json:"suites"`
					Groups  []string        `json:"groups"`
				} `json:"tls"`
			} `json:"facts"`
			Unknown []struct{ Fact, Reason string } `json:"unknown"`
		} `json:"targets"`
	}
	if err := json.Unmarshal(o.report, &document); err != nil {
		return claims{}, fmt.Errorf("JSON of m2mscan: %w", err)
	}
	if len(document.Targets) != 1 {
		return claims{}, fmt.Errorf("m2mscan reports on %d links, want 1", len(document.Targets))
	}
	target := document.Targets[0]
	c := claims{versions: map[hello.Version]bool{}}
	for name, accepts := range target.Facts.TLS.Accepts {
		v, ok := versionNamed(name)
		if !ok {
			return c, fmt.Errorf("m2mscan names a version %q", name)
		}
		c.versions[v] = accepts
	}
	if target.Facts.TLS.Suites != nil {
		c.suites = set[hello.Suite]{}
	}
	for _, name := range target.Facts.TLS.Suites {
		if err := c.addSuite(name); err != nil {
			return c, err
		}
	}
	if target.Facts.TLS.Groups != nil {
		c.groups = set[hello.Group]{}
	}
	for _, name := range target.Facts.TLS.Groups {
		g, ok := groupNamed(name)
		if !ok {
			return c, fmt.Errorf("m2mscan names a group %q", name)
		}
		c.groups.add(g)
	}
	var open []string
	for _, u := range target.Unknown {
		// Not to have been asked for is no shortcoming of an answer.
		if u.Reason != "not_asked" && u.Reason != "not_tested" && u.Reason != "ambiguous" {
			open = append(open, u.Fact+" "+u.Reason)
		}
	}
	slices.Sort(open)
	if len(open) > 0 {
		c.confession = "unknown: " + strings.Join(open, ", ")
	}
	return c, nil
}

func (c *claims) addSuite(name string) error {
	s, ok := suiteNamed(name)
	if !ok {
		return fmt.Errorf("no suite is named %q", name)
	}
	c.suites.add(s)
	return nil
}

// versionNamed reads the name of a version, as any of the tools writes it.
func versionNamed(name string) (hello.Version, bool) {
	switch strings.ToLower(name) {
	case "sslv2", "ssl2":
		return hello.SSL2, true
	case "sslv3", "ssl3":
		return hello.SSL3, true
	case "tlsv1.0", "tls10":
		return hello.TLS10, true
	case "tlsv1.1", "tls11":
		return hello.TLS11, true
	case "tlsv1.2", "tls12":
		return hello.TLS12, true
	case "tlsv1.3", "tls13":
		return hello.TLS13, true
	default:
		return 0, false
	}
}
