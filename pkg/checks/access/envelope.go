package access

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// content is what the body of a 2xx says.
type content string

const (
	contentPlain   content = "an answer"
	contentRefusal content = "a refusal"  // for want of a good credential, with a status that says otherwise
	contentError   content = "an error"   // of another kind, or one that does not say which
	contentAlive   content = "a greeting" // says that the service is there, and nothing else
	contentBlank   content = "no content"
)

// classify reads a body. A word such as "invalid" or "error" means nothing by
// itself: it may be data. A JSON document is an error only where its fields say
// so and hold no data, and a refusal only where the error speaks of credentials.
func classify(r *httpclient.Response) content {
	if len(bytes.TrimSpace(r.Body)) == 0 {
		return contentBlank
	}
	if !r.Plain() {
		return contentPlain
	}
	if isJSON(r) {
		var document any
		if err := json.Unmarshal(r.Body, &document); err == nil {
			return classifyJSON(document, r.MediaType() == "application/problem+json")
		}
		return contentPlain // of truncated JSON the start is data
	}
	return classifyText(r)
}

func classifyJSON(document any, problem bool) content {
	if list, isList := document.([]any); isList && len(list) == 1 {
		document = list[0] // as some APIs list their errors
	}
	switch d := document.(type) {
	case nil:
		return contentBlank
	case []any:
		if len(d) == 0 {
			return contentBlank
		}
	case map[string]any:
		return classifyObject(d, problem)
	}
	return contentPlain
}

func classifyObject(d map[string]any, problem bool) content {
	if len(d) == 0 {
		return contentBlank
	}
	e := envelope{failed: problem}
	e.read(d, 0)
	switch {
	case e.data || e.strange > strangeMax:
		return contentPlain
	case e.failed && (e.code || e.spoken || e.noted),
		e.coded && e.spoken,
		e.bare && (e.code || e.spoken || e.coded && e.noted):
		return contentRefusal
	case e.failed, e.bare && e.coded:
		return contentError
	case e.greets:
		return contentAlive
	}
	return contentPlain
}

// envelope is what is found in the fields of a JSON object that may be an error.
type envelope struct {
	failed bool // a field says that the request failed, and has no other meaning
	coded  bool // a status or a code does: those of data fail, too
	code   bool // it names credentials as the reason
	spoken bool // a message does
	noted  bool // a text does that is a message only beside one of those above

	bare    bool // all fields are those of an error
	greets  bool // all fields are those of a greeting
	strange int  // fields that are neither
	data    bool // a field holds what an error does not
}

const (
	fieldsMax  = 16 // fields that an error has at most
	strangeMax = 2  // fields of an error that errors seldom have
	wrapMax    = 2  // objects around an error
)

// read looks at an object and at those in its fields that wrap an error.
func (e *envelope) read(d map[string]any, depth int) {
	if len(d) > fieldsMax {
		e.data = true
		return
	}
	e.bare, e.greets = true, true
	for name, value := range d {
		folded := fold(name)
		role := roles[folded]
		if role == roleNone && !slices.Contains(companions, folded) {
			e.bare = false
			e.strange++
		}
		e.greets = e.greets && slices.Contains(greetings, folded) && isScalar(value)
		e.field(role, value, depth)
	}
}

func (e *envelope) field(role role, value any, depth int) {
	switch v := value.(type) {
	case map[string]any:
		e.object(role, v, depth)
	case []any:
		e.list(role, v, depth)
	case bool:
		if v == (role == roleError) && (role == roleError || role == roleSuccess || role == roleAuth) {
			e.failed, e.code = true, e.code || role == roleAuth
		}
	case float64:
		if (role == roleCode || role == roleError) && v >= 400 && v < 600 {
			e.coded = true
			e.code = e.code || v == 401 || v == 403
		}
	case string:
		e.text(role, v)
	}
}

func (e *envelope) object(role role, d map[string]any, depth int) {
	wraps := role == roleError || role == roleErrors || role == roleWrap || role == roleCode
	switch {
	case holdsNothing(d): // {"data": {"account": null}}
	case !wraps || depth >= wrapMax:
		e.data = e.data || role == roleNone
	default:
		inner := envelope{}
		inner.read(d, depth+1)
		e.failed = e.failed || inner.failed || role == roleError || role == roleErrors
		e.coded, e.code = e.coded || inner.coded, e.code || inner.code
		e.spoken, e.noted = e.spoken || inner.spoken, e.noted || inner.noted
		if role == roleWrap {
			e.data, e.strange = e.data || inner.data, e.strange+inner.strange
		}
	}
}

func (e *envelope) list(role role, list []any, depth int) {
	if len(list) == 0 {
		return
	}
	if role != roleErrors && role != roleError {
		e.data = e.data || role == roleNone || role == roleWrap
		return
	}
	e.failed = true
	for _, item := range list[:min(len(list), fieldsMax)] {
		if d, isObject := item.(map[string]any); isObject {
			e.object(roleError, d, depth)
		} else if text, isString := item.(string); isString {
			e.text(roleError, text)
		}
	}
}

func (e *envelope) text(role role, text string) {
	switch code, folded := isCode(text), foldCode(text); role {
	case roleError, roleErrors:
		set(&e.failed, folded != "")
		set(&e.code, code)
		set(&e.spoken, speaksOfCredentials(text))
	case roleCode:
		set(&e.code, code)
		set(&e.coded, code || slices.Contains(failures, folded))
	case roleSuccess, roleAuth:
		if no := slices.Contains([]string{"false", "no", "0"}, folded); no {
			e.failed, e.code = true, e.code || role == roleAuth
		}
	case roleMessage:
		set(&e.spoken, code || speaksOfCredentials(text))
	case roleAbout:
		set(&e.noted, code || speaksOfCredentials(text))
	case roleNone, roleWrap:
	}
}

// set makes a flag true, and never false.
func set(flag *bool, when bool) { *flag = *flag || when }

// holdsNothing reports an object with nothing but null in it.
func holdsNothing(d map[string]any) bool {
	for _, value := range d {
		if value != nil {
			return false
		}
	}
	return true
}

func isScalar(value any) bool {
	switch value.(type) {
	case map[string]any, []any:
		return false
	}
	return true
}

// fold makes names comparable: "errorCode", "error_code" and "Error-Code".
func fold(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(name))
}

func foldCode(text string) string { return strings.Trim(fold(text), ".!") }

// isCode reports the code of a refusal, which may stand in any field of an error.
func isCode(text string) bool {
	return len(text) <= plainMax && slices.Contains(codes, foldCode(text))
}

// messageMax is how long a message of an error is at most.
const messageMax = 300

// speaksOfCredentials reports a message that says why nobody was let in.
func speaksOfCredentials(message string) bool {
	if len(message) > messageMax {
		return false
	}
	text := strings.Join(strings.Fields(strings.NewReplacer("_", " ", "-", " ").Replace(strings.ToLower(message))), " ")
	return slices.ContainsFunc(phrases, func(phrase string) bool { return strings.Contains(text, phrase) })
}
