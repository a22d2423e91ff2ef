package imports

import (
	"bytes"
	"encoding/json"
	"strings"
)

// The parts of a collection that an import reads. Bodies, answers, scripts
// and the values of headers are not among them.
type (
	postmanCollection struct {
		Info struct {
			Name    looseText `json:"name"`
			Version looseText `json:"version"`
		} `json:"info"`
		Item     []postmanItem     `json:"item"`
		Auth     *postmanAuth      `json:"auth"`
		Variable []postmanVariable `json:"variable"`
	}
	postmanItem struct {
		Name     looseText         `json:"name"`
		Item     []postmanItem     `json:"item"`
		Request  *postmanRequest   `json:"request"`
		Auth     *postmanAuth      `json:"auth"`
		Variable []postmanVariable `json:"variable"`
	}
	postmanRequest struct {
		Method looseText      `json:"method"`
		URL    postmanURL     `json:"url"`
		Auth   *postmanAuth   `json:"auth"`
		Header postmanHeaders `json:"header"`
		Body   *postmanBody   `json:"body"`
	}
	postmanVariable struct {
		Key      looseText `json:"key"`
		ID       looseText `json:"id"`
		Value    looseText `json:"value"`
		Type     looseText `json:"type"`
		Disabled looseBool `json:"disabled"`
	}
	postmanBody struct {
		Mode    looseText `json:"mode"`
		Options struct {
			Raw struct {
				Language looseText `json:"language"`
			} `json:"raw"`
		} `json:"options"`
	}
)

// looseText is a text, or a number as its text; anything else is empty.
type looseText string

// UnmarshalJSON reads whatever stands there.
func (t *looseText) UnmarshalJSON(raw []byte) error {
	var text string
	switch {
	case len(raw) > 0 && raw[0] == '"':
		if err := json.Unmarshal(raw, &text); err != nil {
			return err //nolint:wrapcheck // the decoder's own
		}
	case len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9'):
		text = string(raw)
	}
	*t = looseText(text)
	return nil
}

// looseBool is true where true stands.
type looseBool bool

// UnmarshalJSON reads whatever stands there.
func (b *looseBool) UnmarshalJSON(raw []byte) error {
	*b = string(raw) == "true"
	return nil
}

// UnmarshalJSON reads a request, which may be nothing but its URL.
func (r *postmanRequest) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		return r.URL.UnmarshalJSON(raw)
	}
	type plain postmanRequest // without this method
	return json.Unmarshal(raw, (*plain)(r))
}

// postmanURL is the address of a request.
type postmanURL struct {
	raw, protocol, port string
	host, path          looseTexts
}

// UnmarshalJSON reads a URL as text or in parts.
func (u *postmanURL) UnmarshalJSON(raw []byte) error {
	if len(raw) == 0 || raw[0] != '{' {
		return (*looseText)(&u.raw).UnmarshalJSON(raw)
	}
	var parts struct {
		Raw      looseText  `json:"raw"`
		Protocol looseText  `json:"protocol"`
		Port     looseText  `json:"port"`
		Host     looseTexts `json:"host"`
		Path     looseTexts `json:"path"`
	}
	if err := json.Unmarshal(raw, &parts); err != nil {
		return err //nolint:wrapcheck // the decoder's own
	}
	*u = postmanURL{string(parts.Raw), string(parts.Protocol), string(parts.Port), parts.Host, parts.Path}
	return nil
}

// text is the URL as people write it.
func (u postmanURL) text() string {
	if u.raw != "" {
		return u.raw
	}
	var out strings.Builder
	if u.protocol != "" {
		out.WriteString(u.protocol + "://")
	}
	out.WriteString(strings.Join(u.host, "."))
	if u.port != "" {
		out.WriteString(":" + u.port)
	}
	for _, segment := range u.path {
		out.WriteString("/" + segment)
	}
	return out.String()
}

// looseTexts is a list of texts, or one text; what is no text is left out.
type looseTexts []string

// UnmarshalJSON reads whatever stands there.
func (ts *looseTexts) UnmarshalJSON(raw []byte) error {
	if len(raw) == 0 || raw[0] != '[' {
		var one looseText
		if err := one.UnmarshalJSON(raw); err != nil || one == "" {
			return err
		}
		*ts = looseTexts{string(one)}
		return nil
	}
	var all []looseText
	if err := json.Unmarshal(raw, &all); err != nil {
		return err //nolint:wrapcheck // the decoder's own
	}
	for _, one := range all {
		*ts = append(*ts, string(one))
	}
	return nil
}

// postmanHeaders maps the lower-case names of headers to their names and to
// what is kept of the value: of Authorization the scheme, of Content-Type the
// media type.
type postmanHeaders []header

// header is the name of a header with what is kept of its value.
type header struct {
	name string
	kept string
}

// UnmarshalJSON reads headers as a list or as the text of version 2.0.
func (hs *postmanHeaders) UnmarshalJSON(raw []byte) error {
	if bytes.HasPrefix(raw, []byte(`"`)) {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return err //nolint:wrapcheck // the decoder's own
		}
		for line := range strings.Lines(text) {
			if name, value, ok := strings.Cut(line, ":"); ok {
				*hs = append(*hs, newHeader(name, value))
			}
		}
		return nil
	}
	if !bytes.HasPrefix(raw, []byte("[")) {
		return nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return err //nolint:wrapcheck // the decoder's own
	}
	for _, item := range list {
		var pair struct {
			Key      looseText `json:"key"`
			Value    looseText `json:"value"`
			Disabled looseBool `json:"disabled"`
		}
		if json.Unmarshal(item, &pair) == nil && !bool(pair.Disabled) {
			*hs = append(*hs, newHeader(string(pair.Key), string(pair.Value)))
		}
	}
	return nil
}

// newHeader keeps of a value what is no secret.
func newHeader(name, value string) header {
	h := header{name: strings.TrimSpace(name)}
	switch strings.ToLower(h.name) {
	case "authorization", "proxy-authorization":
		scheme, _, ok := strings.Cut(strings.TrimSpace(value), " ")
		if ok && len(scheme) <= 30 && strings.Trim(strings.ToLower(scheme), "abcdefghijklmnopqrstuvwxyz0123456789-_") == "" {
			h.kept = strings.ToLower(scheme)
		}
	case "content-type", "accept":
		h.kept = strings.TrimSpace(value)
	}
	return h
}

// formats are the formats of what a request sends and accepts.
func (r *postmanRequest) formats() []string {
	var formats []string
	for _, h := range r.Header {
		switch strings.ToLower(h.name) {
		case "content-type", "accept":
			for _, mediaType := range strings.Split(h.kept, ",") {
				formats = addNew(formats, formatOf(mediaType))
			}
		}
	}
	if r.Body == nil {
		return formats
	}
	switch r.Body.Mode {
	case "raw":
		if language := string(r.Body.Options.Raw.Language); language == "json" || language == "xml" {
			formats = addNew(formats, language)
		}
	case "urlencoded":
		formats = addNew(formats, "form")
	case "formdata":
		formats = addNew(formats, "multipart")
	case "graphql":
		formats = addNew(formats, "json")
	}
	return formats
}
