package inventory

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestSecretResolve(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("M2M_TOKEN", "s3cr3t")
	t.Setenv("M2M_EMPTY", "")
	t.Setenv("M2M_NAME", "token.txt")
	for name, content := range map[string]string{
		"token.txt": "s3cr3t\n", "crlf.txt": "s3cr3t\r\n", "two.txt": "s3\ncr3t\n\n", "empty.txt": "\n",
		"large.txt": strings.Repeat("x", maxSecretBytes+1), "full.txt": strings.Repeat("x", maxSecretBytes),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		raw, want, err string
		literal        bool
		shown          string
	}{
		{raw: "${M2M_TOKEN}", want: "s3cr3t", shown: "${M2M_TOKEN}"},
		{raw: "a-${M2M_TOKEN}-b", want: "a-s3cr3t-b", shown: "[redacted]${M2M_TOKEN}[redacted]"},
		{raw: "${M2M_TOKEN}${M2M_TOKEN}", want: "s3cr3ts3cr3t", shown: "${M2M_TOKEN}${M2M_TOKEN}"},
		{raw: "file:token.txt", want: "s3cr3t", shown: "file:token.txt"},
		{raw: "file:" + filepath.Join(dir, "token.txt"), want: "s3cr3t", shown: "file:" + filepath.Join(dir, "token.txt")},
		{raw: "file:${M2M_NAME}", want: "s3cr3t", shown: "file:${M2M_NAME}"},
		{raw: "file:crlf.txt", want: "s3cr3t", shown: "file:crlf.txt"},
		{raw: "file:two.txt", want: "s3\ncr3t\n", shown: "file:two.txt"},
		{raw: "file:full.txt", want: strings.Repeat("x", maxSecretBytes), shown: "file:full.txt"},
		{raw: "plain", want: "plain", literal: true, shown: "[redacted]"},
		{raw: "pa$$word$", want: "pa$$word$", literal: true, shown: "[redacted]"},
		{raw: "a$${b}", want: "a${b}", literal: true, shown: "[redacted]"},
		{raw: "$${${M2M_TOKEN}", want: "${s3cr3t", shown: "[redacted]${M2M_TOKEN}"},
		{raw: "${M2M_EMPTY}", err: "environment variable M2M_EMPTY is empty", shown: "${M2M_EMPTY}"},
		{raw: "${M2M_UNSET_X}", err: "environment variable M2M_UNSET_X is not set", shown: "${M2M_UNSET_X}"},
		{raw: "${not a name}", err: "malformed reference: a reference is written ${NAME}", literal: true, shown: "[redacted]"},
		{raw: "file:none.txt", err: "file:none.txt: no such file or directory", shown: "file:none.txt"},
		{raw: "file:.", err: "file:.: is a directory", shown: "file:."},
		{raw: "file:empty.txt", err: "file:empty.txt: the file is empty", shown: "file:empty.txt"},
		{raw: "file:large.txt", err: "file:large.txt: the file is larger than 1048576 bytes", shown: "file:large.txt"},
		{raw: "file:${M2M_TOKEN}/x", err: "file:${M2M_TOKEN}/x: no such file or directory", shown: "file:${M2M_TOKEN}/x"},
		{raw: "", err: "no secret was stated"},
	}
	for _, test := range tests {
		s := NewSecret(test.raw, dir)
		got, err := s.Resolve()
		message := ""
		if err != nil {
			message = err.Error()
		}
		if got != test.want || message != test.err {
			t.Errorf("%q: got %.40q, error %q; want %.40q, %q", test.raw, got, message, test.want, test.err)
		}
		if s.IsLiteral() != test.literal || s.String() != test.shown || s.IsZero() != (test.raw == "") {
			t.Errorf("%q: literal %t, shown %q", test.raw, s.IsLiteral(), s)
		}
	}
	certificate := newCertificate("-----BEGIN CERTIFICATE-----", "")
	if certificate.IsLiteral() || certificate.String() != redacted {
		t.Errorf("certificate: literal %t, shown %q", certificate.IsLiteral(), certificate)
	}
}

// TestSecretNeverPrints prints a literal in every way there is.
func TestSecretNeverPrints(t *testing.T) {
	t.Parallel()
	const leak = "hunter2"
	secret := NewSecret(leak, "/tmp")
	type hidden struct {
		Open   Secret
		closed Secret
		list   []Secret
	}
	values := map[string]any{
		"secret": secret, "pointer": &secret, "auth": Auth{Token: secret}, "slice": []Secret{secret},
		"map": map[string]Secret{"a": secret}, "unexported": hidden{secret, secret, []Secret{secret}},
		"pointer to struct": &hidden{secret, secret, []Secret{secret}}, "any": []any{secret, &secret},
	}
	for name, v := range values {
		var outputs []string
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%T", "%10v", "%!"} {
			outputs = append(outputs, fmt.Sprintf(verb, v))
		}
		outputs = append(outputs, fmt.Sprint(v), fmt.Errorf("failed: %v", v).Error())
		for _, encode := range []func(any) ([]byte, error){json.Marshal, xml.Marshal, yaml.Marshal} {
			text, err := encode(v)
			if err != nil {
				continue // XML has no maps
			}
			outputs = append(outputs, string(text))
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "value", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "value", v)
		outputs = append(outputs, log.String())
		for _, out := range outputs {
			if strings.Contains(out, leak) || strings.Contains(strings.ToLower(out), fmt.Sprintf("%x", leak)) {
				t.Errorf("%s leaks: %s", name, out)
			}
		}
	}
	text, err := json.Marshal(Auth{Token: NewSecret("${A}", "")})
	if err != nil || !bytes.Contains(text, []byte(`"Token":"${A}"`)) {
		t.Errorf("a reference is not shown: %s, %v", text, err)
	}
	if !secret.Equal(NewSecret(leak, "/tmp")) || secret.Equal(NewSecret(leak, "/")) || secret.Equal(Secret{}) || !(Secret{}).Equal(Secret{}) {
		t.Error("Equal is wrong")
	}
}
