package inventory

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// signingKeys are the keys that say how a generic HMAC signature is made,
// besides header.
var signingKeys = []string{ //nolint:gochecknoglobals // a constant table
	"algorithm", "encoding", "template", "value", "timestamp_header", "timestamp_format", "id_header",
}

// signingForm is what a generic signature may consist of, and how it is made
// where the inventory does not say.
type signingForm struct {
	template []string // placeholders of the text that is signed
	value    []string // placeholders of the header's value
	client   string   // the key that {client_id} stands for
	defaults Signing
}

// webhookForm is the form of signature scheme hmac: the body alone is signed,
// as most do that have no scheme with a name.
var webhookForm = signingForm{ //nolint:gochecknoglobals // a constant table
	template: []string{"id", "timestamp", "method", "path", "body"},
	value:    []string{"signature", "timestamp"},
	defaults: Signing{
		Algorithm: "sha256", Encoding: "hex", Template: "{body}", Value: "{signature}", TimestampFormat: "unix",
	},
}

// requestForm is the form of auth type hmac. By default what is signed tells
// one request from another and from itself at a later time.
var requestForm = signingForm{ //nolint:gochecknoglobals // a constant table
	template: []string{"id", "timestamp", "method", "path", "client_id", "body"},
	value:    []string{"signature", "timestamp", "client_id"},
	client:   "client_id",
	defaults: Signing{
		Algorithm: "sha256", Encoding: "hex", Template: "{method}\n{path}\n{timestamp}\n{body}", Value: "{signature}",
		TimestampHeader: "X-Timestamp", TimestampFormat: "unix",
	},
}

// signing reads how a generic signature is made. Nothing is filled in for what
// is stated but was refused.
func (o object) signing(form signingForm) Signing {
	s := Signing{
		Header: o.text("header"), Algorithm: o.text("algorithm"), Encoding: o.text("encoding"),
		Template:        o.checked("template", func(text string) *wrong { return checkTemplate("template", text, form.template) }),
		Value:           o.checked("value", func(text string) *wrong { return checkTemplate("value", text, form.value) }),
		TimestampHeader: o.text("timestamp_header"), TimestampFormat: o.text("timestamp_format"), IDHeader: o.text("id_header"),
	}
	if s.Template != "" && !strings.Contains(s.Template, "{body}") && form.client == "" {
		o.report(o.node.get("template"), "bad-template", `"template" does not hold {body}: anybody could change what a signed call says`,
			"such as template: "+quote("{timestamp}.{body}"))
		s.Template = ""
	}
	if s.Value != "" && !strings.Contains(s.Value, "{signature}") {
		o.report(o.node.get("value"), "bad-template", `"value" does not hold {signature}`, "such as value: "+quote("sha256={signature}"))
		s.Value = ""
	}
	stated := func(key string) bool { return o.node.get(key) != nil }
	if d := form.defaults; !stated("template") && !strings.Contains(s.Value, "{timestamp}") {
		s.TimestampHeader = cmp.Or(s.TimestampHeader, d.TimestampHeader)
	}
	for _, field := range []struct {
		key       string
		value     *string
		otherwise string
	}{
		{"algorithm", &s.Algorithm, form.defaults.Algorithm},
		{"encoding", &s.Encoding, form.defaults.Encoding},
		{"template", &s.Template, form.defaults.Template},
		{"value", &s.Value, form.defaults.Value},
		{"timestamp_format", &s.TimestampFormat, form.defaults.TimestampFormat},
	} {
		if !stated(field.key) {
			*field.value = field.otherwise
		}
	}
	o.checkCarried(s, form)
	return s
}

// checkCarried reports what is signed and not sent, so that nobody could verify
// the signature, and what is sent under two names.
func (o object) checkCarried(s Signing, form signingForm) {
	template := o.node.get("template")
	if template == nil {
		template = o.node
	}
	carried := map[string]bool{
		"{timestamp}": o.node.get("timestamp_header") != nil || s.TimestampHeader != "" || strings.Contains(s.Value, "{timestamp}"),
		"{id}":        o.node.get("id_header") != nil,
	}
	for _, part := range []struct{ name, hint string }{
		{"{timestamp}", "add timestamp_header, or put {timestamp} into value"},
		{"{id}", "add id_header"},
	} {
		if strings.Contains(s.Template, part.name) && !carried[part.name] {
			o.report(template, "bad-template", "the template signs "+part.name+", and nothing carries it to who verifies", part.hint)
		}
	}
	if form.client != "" && o.node.get(form.client) == nil && strings.Contains(s.Template+s.Value, "{client_id}") {
		place := o.node.get("value")
		if strings.Contains(s.Template, "{client_id}") {
			place = template
		}
		o.report(place, "missing-key", "{client_id} needs the key "+quote(form.client), "such as client_id: key-1")
	}
	seen := map[string]string{}
	for _, header := range []struct{ key, name string }{
		{"header", s.Header}, {"timestamp_header", s.TimestampHeader}, {"id_header", s.IDHeader},
	} {
		folded := strings.ToLower(header.name)
		if first := seen[folded]; folded != "" && first != "" && o.node.get(header.key) != nil {
			o.report(o.node.get(header.key), "contradiction", fmt.Sprintf("%q and %q name the same header", first, header.key), "each has a header of its own")
		}
		seen[folded] = header.key
	}
}

// checkTemplate explains what is wrong with a template: a text in which names
// in braces stand for parts of the message.
func checkTemplate(key, text string, names []string) *wrong {
	known := "it takes {" + strings.Join(names, "}, {") + "}"
	for rest := text; ; {
		before, after, found := strings.Cut(rest, "{")
		if !found {
			return nil
		}
		name, next, closed := strings.Cut(after, "}")
		switch {
		case strings.HasSuffix(before, "$"):
			return &wrong{"bad-template", "a placeholder of " + quote(key) + " is written without $", "write {" + cmp.Or(Nearest(name, names), "body") + "}"}
		case !closed:
			return &wrong{"bad-template", "a brace of " + quote(key) + " is not closed", known}
		case !slices.Contains(names, name):
			hint := known
			if near := Nearest(name, names); near != "" {
				hint = didYouMean("{" + near + "}")
			}
			return &wrong{"bad-template", quote("{"+name+"}") + " is not a placeholder of " + quote(key), hint}
		}
		rest = next
	}
}

// signature reads how a webhook's calls are signed.
func (o object) signature() Signature {
	s := Signature{Scheme: SignatureScheme(o.text("scheme")), Secret: o.secret("secret")}
	if s.Scheme == "" {
		return s // reported, or not signed at all
	}
	if s.Scheme == SignatureHMAC {
		if o.node.get("header") == nil {
			o.report(o.node.get("scheme"), "missing-key", `signature scheme "hmac" needs the key "header"`, "such as header: X-Signature")
		}
		s.Signing = o.signing(webhookForm)
		return s
	}
	for _, key := range append([]string{"header"}, signingKeys...) {
		if f := o.node.field(key); f != nil {
			o.report(f.key, "unexpected-key", fmt.Sprintf("%q goes with signature scheme %q only", key, SignatureHMAC),
				"scheme "+string(s.Scheme)+" fixes it")
		}
	}
	return s
}

// probe reads what the owner of a link allows.
func (o object) probe(kind Kind) ProbeConsent {
	p := ProbeConsent{TestEvent: NewSecret(o.checked("test_event", checkTestEvent), o.source.dir)}
	for _, c := range o.texts("consent") {
		p.Consent = append(p.Consent, Consent(c))
	}
	f := o.node.field("test_event")
	switch {
	case f == nil:
	case kind != KindWebhook:
		o.report(f.key, "unexpected-key", `"test_event" goes with webhooks only`, "")
	case !slices.Contains(p.Consent, ConsentSendTestEvent):
		o.report(f.key, "unexpected-key", fmt.Sprintf(`"test_event" needs the consent %q`, ConsentSendTestEvent), "consent: [send_test_event] allows to send it")
	}
	return p
}

// checkTestEvent explains why a text is neither the body of an event nor a
// reference to one. A bare path is the usual mistake.
func checkTestEvent(text string) *wrong {
	if w := checkReference(text); w != nil {
		return w
	}
	if isReference(text) || strings.ContainsAny(text, "{[=<") {
		return nil
	}
	return &wrong{"not-event", "the value is neither an event nor a reference to one", "write file: before a path"}
}
