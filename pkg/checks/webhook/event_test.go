package webhook

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Events of ours are JSON, say what they are, and have ids of the scheme's form
// that are never the same.
func TestEvents(t *testing.T) {
	t.Parallel()
	for _, s := range schemes {
		e := event{scheme: s.signature.Scheme}
		id := e.id()
		body := e.body(id, time.Now())
		if !json.Valid(body) || !bytes.Contains(body, []byte(eventType)) || !bytes.Contains(body, []byte("please ignore it")) || mediaType(body) != "application/json" {
			t.Errorf("%s: %s", e.scheme, body)
		}
		if e.id() == id || len(id) < 20 {
			t.Errorf("%s: id %s", e.scheme, id)
		}
	}
	own := event{scheme: inventory.SignatureStripe, own: []byte("a=b")}
	if got := own.body("x", time.Now()); string(got) != "a=b" {
		t.Errorf("%s", got)
	}
}

func TestAlter(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]struct{ altered, media string }{
		`{"a":1}`:                  {`{"m2mscan":"altered","a":1}`, "application/json"},
		" {\n}\n":                  {`{"m2mscan":"altered"}`, "application/json"},
		`[1]`:                      {`["m2mscan",1]`, "application/json"},
		`[ ]`:                      {`["m2mscan"]`, "application/json"},
		"payload=%7B%7D&token=x\n": {"payload=%7B%7D&token=x&m2mscan=altered", "application/x-www-form-urlencoded"},
		"<event>a=b</event>":       {"<event>a=b</event><!-- altered by m2mscan -->", "application/xml"},
		"hello":                    {"hello altered by m2mscan", "text/plain"},
		`"hello"`:                  {`"hello" altered by m2mscan`, "application/json"},
	} {
		before := strings.Clone(body)
		if got := string(alter([]byte(body))); got != want.altered || mediaType([]byte(body)) != want.media || body != before {
			t.Errorf("%q: %q, %s", body, got, mediaType([]byte(body)))
		}
	}
}

// FuzzAlter says that an altered body says something else, and can still be
// read as what it was.
func FuzzAlter(f *testing.F) {
	for _, seed := range []string{`{"a":1}`, `{}`, `[1,2]`, "a=b&c=d", "<a/>", "x", "\n{ }", `"="`, ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		got := alter(body)
		if bytes.Equal(got, body) || !bytes.Equal(body, before) || len(got) > len(body)+64 {
			t.Fatalf("%q became %q, and was %q", body, got, before)
		}
		trimmed := bytes.TrimSpace(body)
		switch media := mediaType(body); {
		case media == "application/json" && (trimmed[0] == '{' || trimmed[0] == '['):
			if !json.Valid(got) {
				t.Fatalf("%q became %q", body, got)
			}
		case media == "application/x-www-form-urlencoded":
			if _, err := url.ParseQuery(string(trimmed)); err == nil {
				if values, err := url.ParseQuery(string(got)); err != nil || !values.Has("m2mscan") {
					t.Fatalf("%q became %q: %v", body, got, err)
				}
			}
		case media == "application/xml" && xml.Unmarshal(body, new(any)) == nil:
			if err := xml.Unmarshal(got, new(any)); err != nil {
				t.Fatalf("%q became %q: %v", body, got, err)
			}
		}
	})
}
