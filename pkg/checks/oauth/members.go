package oauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

const (
	listMax = 100 // elements of a list that becomes a fact
	textMax = 200 // bytes of each
)

// members are those of a JSON object, by their exact names: encoding/json
// takes "Issuer" for "issuer", and the last of two for the only one.
type members map[string]json.RawMessage

// parseMembers reads one JSON object. Names that occur twice are refused: two
// clients may well read two different documents in it (RFC 8259 section 4).
func parseMembers(body []byte) (members, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return nil, garbage("it is no JSON object")
	}
	m := make(members)
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		var value json.RawMessage
		if err != nil || !ok || d.Decode(&value) != nil {
			return nil, garbage("its JSON is malformed")
		}
		if _, twice := m[name]; twice {
			return nil, garbage("its JSON has the member %q twice", clip(name))
		}
		m[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, garbage("its JSON is malformed")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, garbage("its JSON object is followed by more")
	}
	return m, nil
}

func garbage(format string, args ...any) error {
	return checks.Because(checks.ReasonGarbage, format, args...)
}

func clip(text string) string { return text[:min(len(text), 40)] }

// read decodes a member. It is false when there is none, or when it is null.
func (m members) read(name string, into any, kind string) (bool, error) {
	raw, ok := m[name]
	if !ok || string(raw) == "null" {
		return false, nil
	}
	if json.Unmarshal(raw, into) != nil {
		return false, garbage("the member %s is not %s", name, kind)
	}
	return true, nil
}

func (m members) text(name string) (text string, ok bool, err error) {
	ok, err = m.read(name, &text, "a string")
	return text, ok, err
}

func (m members) flag(name string) (flag, ok bool, err error) {
	ok, err = m.read(name, &flag, "true or false")
	return flag, ok, err
}

func (m members) list(name string) (list []string, ok bool, err error) {
	var elements []*string // null has no place in these lists, and would pass for an empty string
	if ok, err = m.read(name, &elements, "a list of strings"); !ok {
		return nil, false, err
	}
	list = make([]string, len(elements))
	for i, element := range elements {
		if element == nil {
			return nil, false, garbage("the member %s is not a list of strings", name)
		}
		list[i] = *element
	}
	return list, true, nil
}

// shown makes a list fit to be a fact: sorted, each element once.
func shown(list []string) ([]string, error) {
	list = slices.Clone(list)
	slices.Sort(list)
	list = slices.Compact(list)
	if len(list) > listMax {
		return nil, checks.Because(checks.ReasonTooLarge, "the list has %d elements", len(list))
	}
	for _, element := range list {
		if !showable(element, textMax) {
			return nil, garbage("the list holds what is no name")
		}
	}
	return list, nil
}

// showable reports a text that is short and has nothing in it that a terminal
// would act on.
func showable(text string, most int) bool {
	return text != "" && len(text) <= most && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}
