package imports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// maxCollection bounds a collection in bytes: it is read whole.
const maxCollection = 64 << 20

// detectPostman says whether a text is a collection of version 2.
func detectPostman(text []byte) bool {
	if !bytes.Contains(text, []byte(`"item"`)) || !bytes.Contains(text, []byte(`"info"`)) {
		return false
	}
	keys, _ := topKeys(text)
	return hasKeys(keys, "info", "item")
}

// readPostman reads a Postman collection of version 2.0 or 2.1.
//
// The types are our own: go-postman-collection 0.9.0 refuses collections that
// are valid and that Postman writes (a description or a version that is an
// object, headers or a host that are text, "noauth": null), and keeps every
// body and every answer.
func readPostman(source Source) (*Fragment, error) {
	if len(source.Text) > maxCollection {
		return nil, source.problem(0, "file-too-large", fmt.Sprintf("the collection is larger than %d MB", maxCollection>>20), "export its folders one by one")
	}
	source.Text = bytes.TrimPrefix(source.Text, []byte("\ufeff"))
	var c postmanCollection
	err := json.Unmarshal(source.Text, &c)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return nil, source.problem(0, "bad-collection", fmt.Sprintf("%s of the collection is a %s, which no collection has there", quoted(wrong.Field), wrong.Value), "export it as Collection v2.1")
	}
	if err != nil {
		return nil, source.jsonProblem(err, 0)
	}
	r := &postmanReader{
		fragment:  &Fragment{Format: "postman", Title: string(c.Info.Name), Version: string(c.Info.Version)},
		calls:     newCalls(),
		variables: map[string]string{},
		unusable:  map[string]*tallied{},
	}
	r.addVariables(c.Variable, "/variable")
	r.seeSecret(c.Auth, "/auth")
	for i, item := range c.Item {
		r.item(item, c.Auth, pointer("item", i), 1)
	}
	r.sayUnusable()
	r.fragment.Vendors = r.calls.vendors()
	return r.fragment, nil
}

// maxFolders bounds how deeply folders are followed.
const maxFolders = 64

// postmanReader gathers what a collection says.
type postmanReader struct {
	fragment  *Fragment
	calls     *calls
	variables map[string]string
	unusable  map[string]*tallied
	reasons   []string // of unusable, in the order in which they were met
	secrets   tallied  // places that hold secrets themselves, and not variables
}

// tallied is how often something was met, and where first.
type tallied struct {
	count int
	first string
}

// addVariables takes the variables of a collection or a folder that do not
// look like secrets.
func (r *postmanReader) addVariables(variables []postmanVariable, where string) {
	for i, v := range variables {
		name := string(v.Key)
		if name == "" {
			name = string(v.ID)
		}
		switch {
		case bool(v.Disabled) || v.Value == "":
		case v.Type == "secret" || isSecretName(name):
			r.fragment.note(fmt.Sprintf("%s/%d", where, i), "variable %s looks like a secret; its value was not read", quoted(name))
		default:
			r.variables[name] = string(v.Value)
		}
	}
}

// item reads a request or a folder. auth is what it inherits.
func (r *postmanReader) item(item postmanItem, auth *postmanAuth, where string, depth int) {
	r.seeSecret(item.Auth, where+"/auth")
	if item.Auth != nil && item.Auth.Type != "inherit" {
		auth = item.Auth
	}
	r.addVariables(item.Variable, where+"/variable")
	if item.Request != nil {
		r.request(string(item.Name), item.Request, auth, where+"/request")
	}
	if depth == maxFolders && len(item.Item) > 0 {
		r.fragment.note(where, "folders are nested more than %d deep; what is below was not read", maxFolders)
		return
	}
	for i, child := range item.Item {
		r.item(child, auth, where+pointer("item", i), depth+1)
	}
}

// request counts one request.
func (r *postmanReader) request(name string, request *postmanRequest, auth *postmanAuth, where string) {
	r.seeSecret(request.Auth, where+"/auth")
	if request.Auth != nil && request.Auth.Type != "inherit" {
		auth = request.Auth
	}
	one, refusal := r.address(request.URL.text())
	if refusal != "" {
		r.refuse(refusal, where+"/url")
		return
	}
	one.label = strings.TrimSpace(printable(string(request.Method) + " " + name))
	vendorID := vendorIDOf(one.url.Hostname())
	var remarks []string
	one.auth, remarks = r.authOf(auth, vendorID)
	if one.auth.Type == "" {
		var remark string
		one.auth, remark = authOfHeaders(request.Header, vendorID)
		remarks = addNew(remarks, remark)
	}
	one.remarks = addNew(one.remarks, remarks...)
	one.formats = request.formats()
	r.calls.add(one)
}

// seeSecret counts places that hold a secret itself.
func (r *postmanReader) seeSecret(auth *postmanAuth, where string) {
	if auth == nil || !auth.HasSecret {
		return
	}
	if r.secrets.count == 0 {
		r.secrets.first = where
	}
	r.secrets.count++
}

// refuse counts a request that makes no link.
func (r *postmanReader) refuse(reason, where string) {
	t := r.unusable[reason]
	if t == nil {
		t = &tallied{first: where}
		r.unusable[reason] = t
		r.reasons = append(r.reasons, reason)
	}
	t.count++
}

// sayUnusable notes what made no link, each reason once.
func (r *postmanReader) sayUnusable() {
	for _, reason := range r.reasons {
		t := r.unusable[reason]
		text := reason
		if t.count > 1 {
			text += fmt.Sprintf(" (%d requests, this is the first)", t.count)
		}
		r.fragment.note(t.first, "%s", text)
	}
	if n := r.secrets.count; n > 0 {
		r.fragment.note(r.secrets.first, "the collection holds secrets themselves, here first, in %s; none was taken over, but they are in the file", counted(n, "place"))
	}
	if r.calls.overflow > 0 {
		r.fragment.note("", "%s went to more than %d base addresses and were left out", counted(r.calls.overflow, "request"), maxBases)
	}
}
