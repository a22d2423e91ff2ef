package imports

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// detectHAR says whether a text is an HTTP archive, by its beginning: archives
// are large.
func detectHAR(text []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	for _, want := range []json.Token{json.Delim('{'), "log", json.Delim('{')} {
		if token, err := decoder.Token(); err != nil || token != want {
			return false
		}
	}
	return bytes.Contains(text, []byte(`"entries"`))
}

// readHAR reads an HTTP archive entry by entry: what is kept of an archive is
// the list of base addresses, however large it is.
//
// The types are our own: those of cdproto/har hold every body, every cookie
// and every value of a header, which an import must not, and one entry that
// is not as they want it (a time that is text) loses the whole archive.
func readHAR(source Source) (*Fragment, error) {
	source.Text = bytes.TrimPrefix(source.Text, []byte("\ufeff"))
	r := &harReader{
		source: source, decoder: json.NewDecoder(bytes.NewReader(source.Text)), fragment: &Fragment{Format: "har"}, calls: newCalls(),
	}
	err := r.object(func(key string) error {
		if key != "log" {
			return r.skip()
		}
		return r.object(r.logField)
	})
	if err != nil {
		return nil, err
	}
	if !r.hasEntries {
		return nil, source.problem(0, "no-entries", "the archive has no log.entries", "is it an HTTP archive, HAR 1.2?")
	}
	r.sayLeftOut()
	r.fragment.Vendors = r.calls.vendors()
	return r.fragment, nil
}

// harReader gathers what an archive says.
type harReader struct {
	source     Source
	decoder    *json.Decoder
	fragment   *Fragment
	calls      *calls
	hasEntries bool
	entries    int
	secrets    int       // entries that carry credentials
	leftOut    []tallied // why entries make no link, in the order in which it was met; first is the reason
}

// harEntry is what is read of one request and its answer.
type harEntry struct {
	ResourceType looseText `json:"_resourceType"`
	Request      struct {
		Method      looseText  `json:"method"`
		URL         looseText  `json:"url"`
		Headers     harHeaders `json:"headers"`
		QueryString harNames   `json:"queryString"`
		PostData    *struct {
			MimeType looseText `json:"mimeType"`
		} `json:"postData"`
	} `json:"request"`
	Response struct {
		Content struct {
			MimeType looseText `json:"mimeType"`
		} `json:"content"`
	} `json:"response"`
}

// harHeaders are the names of headers, with what is no secret of the values.
type harHeaders []header

// UnmarshalJSON reads a list of pairs, and nothing of what is none.
func (hs *harHeaders) UnmarshalJSON(raw []byte) error {
	var pairs []struct {
		Name  looseText `json:"name"`
		Value looseText `json:"value"`
	}
	if json.Unmarshal(raw, &pairs) == nil {
		for _, p := range pairs {
			*hs = append(*hs, newHeader(string(p.Name), string(p.Value)))
		}
	}
	return nil
}

// harNames are the names of parameters without their values.
type harNames []string

// UnmarshalJSON reads a list of pairs, and nothing of what is none.
func (ns *harNames) UnmarshalJSON(raw []byte) error {
	var pairs []struct {
		Name looseText `json:"name"`
	}
	if json.Unmarshal(raw, &pairs) == nil {
		for _, p := range pairs {
			*ns = append(*ns, string(p.Name))
		}
	}
	return nil
}

// object reads an object, and calls field for each key; field reads its value.
func (r *harReader) object(field func(key string) error) error {
	token, err := r.decoder.Token()
	if err != nil {
		return r.broken(err)
	}
	if token != json.Delim('{') {
		return r.source.problem(r.at()-1, "wrong-type", "an object is expected here", "is it an HTTP archive, HAR 1.2?")
	}
	for r.decoder.More() {
		key, err := r.decoder.Token()
		if err != nil {
			return r.broken(err)
		}
		text, _ := key.(string) // a key is nothing else
		if err := field(text); err != nil {
			return err
		}
	}
	if _, err := r.decoder.Token(); err != nil {
		return r.broken(err)
	}
	return nil
}

// at is where the decoder stands in the file.
func (r *harReader) at() int { return int(r.decoder.InputOffset()) }

// broken says where the JSON is broken.
func (r *harReader) broken(err error) error { return r.source.jsonProblem(err, 0) }

// skip reads over a value.
func (r *harReader) skip() error {
	if !skipValue(r.decoder) {
		_, err := r.decoder.Token() // the decoder keeps its error
		return r.broken(err)
	}
	return nil
}

// logField reads one field of the log.
func (r *harReader) logField(key string) error {
	switch key {
	case "creator":
		var creator struct {
			Name looseText `json:"name"`
		}
		err := r.decoder.Decode(&creator)
		if _, wrong := errors.AsType[*json.UnmarshalTypeError](err); err != nil && !wrong {
			return r.broken(err)
		}
		r.fragment.Title = string(creator.Name)
		return nil
	case "entries":
		r.hasEntries = true
		return r.readEntries()
	}
	return r.skip()
}

// readEntries reads the list of entries, one at a time.
func (r *harReader) readEntries() error {
	token, err := r.decoder.Token()
	if err != nil {
		return r.broken(err)
	}
	if token != json.Delim('[') {
		return r.source.problem(r.at()-1, "wrong-type", "a list of entries is expected here", "is it an HTTP archive, HAR 1.2?")
	}
	for r.decoder.More() {
		var e harEntry
		err := r.decoder.Decode(&e)
		if _, wrong := errors.AsType[*json.UnmarshalTypeError](err); wrong {
			r.leaveOut("malformed entries")
		} else if err != nil {
			return r.broken(err)
		} else {
			r.entry(&e)
		}
		r.entries++
	}
	if _, err := r.decoder.Token(); err != nil {
		return r.broken(err)
	}
	return nil
}

// leaveOut counts an entry that makes no link.
func (r *harReader) leaveOut(reason string) {
	i := slices.IndexFunc(r.leftOut, func(t tallied) bool { return t.first == reason })
	if i < 0 {
		r.leftOut = append(r.leftOut, tallied{first: reason})
		i = len(r.leftOut) - 1
	}
	r.leftOut[i].count++
}

// sayLeftOut notes how many entries make no link.
func (r *harReader) sayLeftOut() {
	for _, t := range r.leftOut {
		r.fragment.note("/log/entries", "%d of %s left out: %s", t.count, counted(r.entries, "request"), t.first)
	}
	if r.secrets > 0 {
		r.fragment.note("/log/entries", "credentials or cookies stand in %s; none was taken over, but the archive is as secret as they are", counted(r.secrets, "request"))
	}
	if r.calls.overflow > 0 {
		r.fragment.note("/log/entries", "%s went to more than %d base addresses and were left out", counted(r.calls.overflow, "request"), maxBases)
	}
}

// entry counts one request, unless it is one of a web page for its own looks.
func (r *harReader) entry(e *harEntry) {
	raw := strings.TrimSpace(string(e.Request.URL))
	scheme, _, _ := strings.Cut(raw, ":")
	switch known, ok := inventory.LookupScheme(strings.ToLower(scheme)); {
	case !ok || !fits(known, inventory.KindEndpoint):
		r.leaveOut("addresses that no link has (data:, blob: and the like)")
		return
	case isAsset(string(e.Response.Content.MimeType), string(e.ResourceType)):
		r.leaveOut("images, styles, scripts, fonts, media and pages")
		return
	case strings.EqualFold(string(e.Request.Method), "OPTIONS"):
		r.leaveOut("questions what is allowed (OPTIONS)")
		return
	}
	clean, _, refusal := usableURL(encodeBraces(raw), inventory.KindEndpoint)
	u, err := url.Parse(clean)
	if refusal != "" || err != nil {
		r.leaveOut("malformed addresses")
		return
	}
	if slices.ContainsFunc(e.Request.Headers, func(h header) bool { return isSecretName(h.name) }) ||
		slices.ContainsFunc(e.Request.QueryString, isKeyParameter) {
		r.secrets++
	}
	vendorID := vendorIDOf(u.Hostname())
	one := call{url: u}
	one.auth, one.remarks = e.auth(vendorID)
	if e.Request.PostData != nil {
		one.formats = addNew(one.formats, formatOf(string(e.Request.PostData.MimeType)))
	}
	one.formats = addNew(one.formats, formatOf(string(e.Response.Content.MimeType)))
	r.calls.add(one)
}

// encodeBraces escapes what a browser sends as it is, so that it is not taken
// for a template.
func encodeBraces(raw string) string {
	return strings.NewReplacer("{", "%7B", "}", "%7D", "<", "%3C", ">", "%3E", "|", "%7C", " ", "%20").Replace(raw)
}

// auth says how a request authenticates.
func (e *harEntry) auth(vendorID string) (auth Auth, remarks []string) {
	auth, remark := authOfHeaders(e.Request.Headers, vendorID)
	remarks = addNew(remarks, remark)
	if auth.Type == "" {
		for _, name := range e.Request.QueryString {
			if isKeyParameter(name) {
				auth = Auth{Type: inventory.AuthAPIKey, Query: name, Token: secretRef(vendorID, "api key")}
				break
			}
		}
	}
	for _, h := range e.Request.Headers {
		if strings.EqualFold(h.name, "cookie") {
			remarks = addNew(remarks, "requests carry cookies: a session of a browser is none that an inventory describes")
		}
	}
	return auth, remarks
}

// isKeyParameter says whether a query parameter carries an API key by its name.
func isKeyParameter(name string) bool {
	folded := strings.ToLower(strings.NewReplacer("-", "", "_", "", ".", "").Replace(name))
	switch folded {
	case "key", "apikey", "accesstoken", "token", "authtoken", "apitoken", "subscriptionkey", "sig", "jwt":
		return true
	}
	return strings.HasSuffix(folded, "apikey")
}

// isAsset says whether an answer is part of the looks of a web page, by its
// media type or by what the browser asked for it for.
func isAsset(mediaType, resource string) bool {
	mediaType, _, _ = strings.Cut(strings.ToLower(mediaType), ";")
	kind, sub, _ := strings.Cut(strings.TrimSpace(mediaType), "/")
	switch strings.ToLower(resource) {
	case "image", "font", "stylesheet", "script", "media", "document", "manifest", "texttrack", "ping", "beacon", "cspviolationreport", "preload":
		return true
	case "xhr", "fetch", "websocket", "eventsource":
		return false
	}
	switch kind {
	case "image", "font", "audio", "video":
		return true
	}
	switch sub {
	case "css", "javascript", "x-javascript", "ecmascript", "wasm", "x-font-woff", "font-woff", "font-woff2", "x-font-ttf", "vnd.ms-fontobject":
		return true
	}
	return false
}
