package imports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

const (
	maxBillOfMaterials = 64 << 20
	maxServices        = 20_000
	maxServiceNesting  = 16
)

// cdxBOM is what we read of a CycloneDX document. Components are software, and
// no link.
type cdxBOM struct {
	Format   string `json:"bomFormat"`
	Version  string `json:"specVersion"`
	Metadata struct {
		Component struct {
			Name    string `json:"name"`
			Version string `json:"version"`
		} `json:"component"`
	} `json:"metadata"`
	Services []cdxService `json:"services"`
}

type cdxService struct {
	Provider      *cdxProvider `json:"provider"`
	Group         string       `json:"group"`
	Name          string       `json:"name"`
	Endpoints     []string     `json:"endpoints"`
	Authenticated *bool        `json:"authenticated"`
	TrustBoundary *bool        `json:"x-trust-boundary"`
	Data          []cdxData    `json:"data"`
	Services      []cdxService `json:"services"` // behind this one
	Properties    []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"properties"`
}

type cdxProvider struct {
	Name    string   `json:"name"`
	URL     []string `json:"url"`
	Contact []struct {
		Name  string `json:"name"`
		Email string `json:"email"`
		Phone string `json:"phone"`
	} `json:"contact"`
}

type cdxData struct {
	Flow           string   `json:"flow"`
	Classification string   `json:"classification"`
	Name           string   `json:"name"`
	Destination    []string `json:"destination"`
}

// detectCycloneDX knows JSON by the member that every document must have, and
// XML by its namespace, which readCycloneDX refuses with advice.
func detectCycloneDX(text []byte) bool {
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff")))
	switch {
	case bytes.HasPrefix(text, []byte("{")):
		return bytes.Contains(text, []byte(`"bomFormat"`)) && bytes.Contains(text, []byte(`"CycloneDX"`))
	case bytes.HasPrefix(text, []byte("<")):
		return isCycloneDXXML(text)
	}
	return false
}

func isCycloneDXXML(text []byte) bool {
	return bytes.Contains(text[:min(len(text), 4096)], []byte("http://cyclonedx.org/schema/bom"))
}

// readCycloneDX takes each service of a bill of materials that has an address
// for a link to its provider, unless the file says that it is within our own
// trust boundary. A document that m2mscan has written gives back the links
// that it was made of.
func readCycloneDX(source Source) (*Fragment, error) {
	text := bytes.TrimPrefix(source.Text, []byte("\ufeff"))
	switch {
	case len(text) > maxBillOfMaterials:
		return nil, source.problem(0, "too-large", fmt.Sprintf("the bill of materials is larger than %d MiB", maxBillOfMaterials>>20), "")
	case bytes.HasPrefix(bytes.TrimSpace(text), []byte("<")) && isCycloneDXXML(text):
		return nil, source.problem(0, "not-json", "this is CycloneDX as XML, and only JSON is read",
			"cyclonedx convert --input-file bom.xml --output-file bom.json")
	}
	var bom cdxBOM
	if err := json.Unmarshal(text, &bom); err != nil {
		return nil, source.jsonProblem(err, int64(len(source.Text)-len(text)))
	}
	if bom.Format != "CycloneDX" {
		return nil, source.problem(0, "wrong-format", `this is no CycloneDX document: bomFormat is not "CycloneDX"`, "")
	}
	f := &Fragment{Format: "cyclonedx", Title: bom.Metadata.Component.Name, Version: bom.Metadata.Component.Version}
	if !strings.HasPrefix(bom.Version, "1.") {
		f.note(pointer("specVersion"), "specification version %s is not known; what is read may be incomplete", quoted(bom.Version))
	}
	c := &cdxReader{fragment: f, vendors: make(map[string]int)}
	c.services(bom.Services, cdxParent{}, pointer("services"), 1)
	switch {
	case c.seen > maxServices:
		f.note("", "only the first %d services were read", maxServices)
	case c.seen == 0:
		f.note(pointer("services"), "the document lists no services; components are software, and no links")
	}
	return f, nil
}

// cdxReader turns services into links.
type cdxReader struct {
	fragment *Fragment
	vendors  map[string]int // places in fragment.Vendors, by id
	seen     int
}

// cdxParent is what a service behind another takes over from it.
type cdxParent struct {
	provider  *cdxProvider
	inherited bool // the provider is that of a service around it
	group     string
	placed    bool // x-trust-boundary is stated
	ours      bool // and it says that this is within our own
}

func (c *cdxReader) services(list []cdxService, parent cdxParent, where string, depth int) {
	if depth > maxServiceNesting {
		c.fragment.note(where, "services nested more than %d deep are left out", maxServiceNesting)
		return
	}
	for i := range list {
		if c.seen++; c.seen > maxServices {
			return
		}
		s, at := &list[i], where+pointer(i)
		own := parent
		own.inherited = own.provider != nil
		if s.Provider != nil {
			own.provider, own.inherited = s.Provider, false
		}
		if s.Group != "" {
			own.group = s.Group
		}
		if s.TrustBoundary != nil {
			own.placed, own.ours = true, !*s.TrustBoundary
		}
		c.service(s, own, at)
		c.services(s.Services, own, at+pointer("services"), depth+1)
	}
}

// vendor finds a vendor by its id, or makes one.
func (c *cdxReader) vendor(id string, provider *cdxProvider) *Vendor {
	place, ok := c.vendors[id]
	if !ok {
		place = len(c.fragment.Vendors)
		c.vendors[id] = place
		v := Vendor{ID: id}
		if provider != nil {
			v.Name = provider.Name
			v.Contacts = provider.contacts()
		}
		c.fragment.Vendors = append(c.fragment.Vendors, v)
	}
	return &c.fragment.Vendors[place]
}

// contacts are as an inventory has them: an address or a number with a name
// where there is one, and links.
func (p *cdxProvider) contacts() []string {
	var list []string
	for _, one := range p.Contact {
		switch {
		case one.Email != "" && one.Name != "":
			list = append(list, fmt.Sprintf("%s <%s>", one.Name, one.Email))
		case one.Email != "":
			list = append(list, one.Email)
		case one.Name != "" && one.Phone == "":
			list = append(list, one.Name)
		}
		if one.Phone != "" {
			list = append(list, strings.TrimSpace(one.Name+" "+one.Phone))
		}
	}
	return append(list, p.URL...)
}
