package imports

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// detectOpenAPI also recognises Swagger 2.0, to say what to do about it.
func detectOpenAPI(text []byte) bool {
	return hasTopKey(text, "openapi") || hasTopKey(text, "swagger")
}

// openAPIVersion are the versions that are read.
var openAPIVersion = regexp.MustCompile(`^3\.[0-2](\.\d+)?(-\S+)?$`) //nolint:gochecknoglobals // a constant

// readOpenAPI makes an endpoint of each server of an OpenAPI 3 description,
// with what the operations on that server require.
func readOpenAPI(s Source) (*Fragment, error) {
	d, err := parseDescription(s, "openapi")
	if err != nil {
		return nil, err
	}
	version := d.root.get("openapi")
	switch {
	case d.root.get("swagger").exists():
		return nil, s.atKey("swagger", "swagger-2", "Swagger 2.0 is not read",
			"convert the description to OpenAPI 3 first, for example with swagger2openapi or in the Swagger editor")
	case version.text() == "":
		return nil, s.problem(0, "no-version", `the description does not say "openapi: 3.x"`, "m2mscan import --help lists the formats that are read")
	case !openAPIVersion.MatchString(version.text()):
		return nil, s.atKey("openapi", "unknown-version", "OpenAPI version "+quoted(version.text())+" is not read", "versions 3.0, 3.1 and 3.2 are")
	}
	doc, err := d.typed()
	if d.reads > maxValues {
		return d.finish(s) // says so
	}
	if err != nil {
		return nil, s.problem(0, "bad-openapi", printable(err.Error()), "check the description with a linter for OpenAPI")
	}
	o := &openAPI{description: d, doc: doc, groups: map[string]*serverGroup{}}
	o.readOperations()
	o.readServers()
	o.readIncoming()
	return d.finish(s)
}

// atKey is a problem at the first line that seems to start with a key.
func (s Source) atKey(key, code, message, hint string) error {
	at := regexp.MustCompile(`(?m)^[ \t{,]*["']?(` + regexp.QuoteMeta(key) + `)["']?\s*:`).FindSubmatchIndex(s.Text)
	if at == nil {
		return s.problem(0, code, message, hint)
	}
	return s.problem(at[2], code, message, hint)
}

// hasTopKey says whether a text is a YAML or JSON mapping with a key. It does
// not parse: a description may keep the key behind megabytes of others.
func hasTopKey(text []byte, key string) bool {
	start := strings.TrimLeft(string(text[:min(len(text), 4096)]), " \t\r\n\ufeff")
	if !strings.HasPrefix(start, "{") {
		return regexp.MustCompile(`(?m)^["']?` + regexp.QuoteMeta(key) + `["']?[ \t]*:`).Match(text)
	}
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			end := stringEnd(text, i+1)
			if depth == 1 && string(text[i+1:end]) == key {
				rest := bytes.TrimLeft(text[min(end+1, len(text)):], " \t\r\n")
				if bytes.HasPrefix(rest, []byte(":")) {
					return true
				}
			}
			i = end
		}
	}
	return false
}

// stringEnd is where a JSON string that starts before an offset is closed, or
// the end of the text.
func stringEnd(text []byte, at int) int {
	for ; at < len(text) && text[at] != '"'; at++ {
		if text[at] == '\\' {
			at++
		}
	}
	return min(at, len(text))
}

// typed is the part of the description that is read, as the OpenAPI library
// sees it. The library gets no more than that: it fails on the first mistake
// anywhere, and half of the public descriptions have one in a schema.
func (d *description) typed() (doc *openapi3.T, err error) {
	defer func() {
		if r := recover(); r != nil {
			doc, err = nil, fmt.Errorf("the description cannot be read: %v", r)
		}
	}()
	parts := d.root.cut(openAPIShape)
	if d.reads > maxValues {
		return nil, errors.New("too many values")
	}
	raw, err := json.Marshal(parts)
	if err != nil {
		return nil, fmt.Errorf("write the parts that are read: %w", err)
	}
	loader := openapi3.NewLoader()
	loader.Context = context.Background()
	loader.IsExternalRefsAllowed = false
	doc, err = loader.LoadFromData(raw)
	if err != nil {
		return nil, fmt.Errorf("the description cannot be read: %w", err)
	}
	return doc, nil
}

// openAPI is a description on its way to a fragment.
type openAPI struct {
	*description
	doc    *openapi3.T
	groups map[string]*serverGroup // by the server's URL and where it stands
	order  []*serverGroup
}

// serverGroup is a server with the operations it serves.
type serverGroup struct {
	server     *openapi3.Server
	at         string // JSON pointer
	operations []operation
}

// operation is one operation with what applies to it from around.
type operation struct {
	name     string // such as "GET /charges"
	path     string
	security openapi3.SecurityRequirements
	stated   bool // security is stated, be it that none is needed
	of       *openapi3.Operation
}

// readOperations puts each operation under the servers that serve it: its
// own, or else those of its path, or else those of the whole description.
func (o *openAPI) readOperations() {
	for i, server := range o.doc.Servers {
		o.group(server, pointer("servers", i))
	}
	if o.doc.Paths == nil {
		return
	}
	paths := o.doc.Paths.Map()
	for _, path := range sortedKeys(paths) {
		item := paths[path]
		if item == nil {
			continue
		}
		methods := item.Operations()
		for _, method := range sortedKeys(methods) {
			op := operation{name: method + " " + path, path: path, of: methods[method], security: o.doc.Security, stated: o.doc.Security != nil}
			if op.of.Security != nil {
				op.security, op.stated = *op.of.Security, true
			}
			servers, at := o.doc.Servers, pointer("servers")
			switch {
			case op.of.Servers != nil && len(*op.of.Servers) > 0:
				servers, at = *op.of.Servers, pointer("paths", path, strings.ToLower(method), "servers")
			case len(item.Servers) > 0:
				servers, at = item.Servers, pointer("paths", path, "servers")
			}
			for i, server := range servers {
				g := o.group(server, at+pointer(i))
				g.operations = append(g.operations, op)
			}
		}
	}
}

// group is the group of a server, which is made when it is new.
func (o *openAPI) group(server *openapi3.Server, at string) *serverGroup {
	g := o.groups[server.URL]
	if g == nil {
		g = &serverGroup{server: server, at: at}
		o.groups[server.URL] = g
		o.order = append(o.order, g)
	}
	return g
}

// readIncoming says which calls come from the vendor: their receiver is ours,
// and the description cannot know its address.
func (o *openAPI) readIncoming() {
	if names := sortedKeys(o.doc.Webhooks); len(names) > 0 {
		o.tell("/webhooks", "the vendor calls us: %s; add the receiver under webhooks by hand, with its URL and signature", listed(names))
	}
	var callbacks []string
	for _, g := range o.order {
		for _, op := range g.operations {
			if len(op.of.Callbacks) > 0 {
				callbacks = append(callbacks, op.name)
			}
		}
	}
	if slices.Sort(callbacks); len(callbacks) > 0 {
		o.tell("/paths", "the vendor calls back after %s; add the receiver under webhooks by hand, with its URL and signature",
			listed(slices.Compact(callbacks)))
	}
}
