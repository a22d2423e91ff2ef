package kafka

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel/channeltest"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

func TestReadResponse(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]checks.Reason{
		"\x00\x00\x00\x06\x00\x00\x00\x07ok":          "",
		"\x00\x00\x00\x04\x00\x00\x00\x07":            "",
		"":                                            checks.ReasonReset,
		"\x00\x00\x00":                                checks.ReasonReset,
		"\x00\x00\x00\x06":                            checks.ReasonReset,
		"\x00\x00\x00\x06\x00\x00\x00\x07o":           checks.ReasonReset,
		"\x00\x00\x00\x06\x00\x00\x00\x08ok":          checks.ReasonGarbage, // the number of another request
		"\x00\x00\x00\x03\x00\x00\x00":                checks.ReasonGarbage,
		"\x00\x00\x00\x00\x00\x00\x00\x00":            checks.ReasonGarbage,
		"\xff\xff\xff\xff\x00\x00\x00\x07":            checks.ReasonGarbage,
		"HTTP/1.1 400 Bad Request\r\n\r\n":            checks.ReasonGarbage,
		"\x15\x03\x03\x00\x02\x02\x46":                checks.ReasonGarbage,
		"\x7f\xff\xff\xff\x00\x00\x00\x07":            checks.ReasonTooLarge,
		"\x00\x02\x00\x01" + strings.Repeat("x", 1e5): checks.ReasonTooLarge,
	} {
		body, err := readResponse(channeltest.Reading(in), 7)
		if _, reason := checks.Classify(err); reason != want {
			t.Errorf("%.20q: %v, want %s", in, err, want)
		}
		if err == nil && string(body) != in[8:] {
			t.Errorf("%.20q: body %q", in, body)
		}
	}
}

func TestHungUp(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]bool{
		"": true, "\x00": false, "\x00\x00\x00\x08": false, "\x00\x00\x00\x08\x00\x00": false, "HTTP": false,
	} {
		if _, err := readResponse(channeltest.Reading(in), 1); hungUp(err) != want {
			t.Errorf("%q: %v counts as hung up: %v", in, err, !want)
		}
	}
	if hungUp(nil) || hungUp(errors.New("else")) || !hungUp(io.EOF) {
		t.Error("other errors")
	}
}

// Responses as Apache Kafka sends them, behind the header.
const (
	bytesVersions35 = "\x00\x23\x00\x00\x00\x01\x00\x12\x00\x00\x00\x02" // ApiVersions v3 refused by Kafka 2.3
	bytesVersions0  = "\x00\x00\x00\x00\x00\x02\x00\x03\x00\x00\x00\x08\x00\x12\x00\x00\x00\x02"
	bytesVersions3  = "\x00\x00\x03\x00\x03\x00\x00\x00\x0c\x00\x00\x12\x00\x00\x00\x04\x00\x00\x00\x00\x07" +
		"\x02\x00\x2a\x03" + "\x11metadata.version\x00\x01\x00\x15\x00" + "\x0ekraft.version\x00\x00\x00\x01\x00" +
		"\x01\x08\x00\x00\x00\x00\x00\x00\x00\x05"
	bytesHandshake33 = "\x00\x21\x00\x00\x00\x02\x00\x05PLAIN\x00\x0dSCRAM-SHA-512"
	bytesHandshake34 = "\x00\x22\x00\x00\x00\x00"
	bytesOld34       = "\x00\x22\x00\x00\x00\x01\x00\x06GSSAPI" // before 1.0
	bytesACLs54      = "\x00\x00\x00\x00\x00\x36\x00\x26No Authorizer is configured on the bro\x00\x00\x00\x00"
	bytesACLs31      = "\x00\x00\x00\x00\x00\x1f\xff\xff\x00\x00\x00\x00"
	bytesLogin58     = "\x00\x3a\x00\x15Authentication failed\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	bytesMetadata8   = "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x05mq-01\x00\x00\x23\x84\xff\xff\x00\x01c\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x1f\xa0"
)

func TestReadVersions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in string
		version  int16
		want     apiVersions
	}{
		{"version 0", bytesVersions0, 0, apiVersions{versions: versions{map[int16]span{3: {0, 8}, 18: {0, 2}}, map[string]uint16{}}}},
		{"version 3", bytesVersions3, 3, apiVersions{throttle: 7, versions: versions{
			map[int16]span{3: {0, 12}, 18: {0, 4}}, map[string]uint16{"metadata.version": 21, "kraft.version": 1},
		}}},
		{"refused", bytesVersions35, 3, apiVersions{code: 35, versions: versions{map[int16]span{}, map[string]uint16{}}}},
		{"an unknown tagged field with a high number", "\x00\x00\x01\x00\x00\x00\x00\x01\xff\x7f\x01x", 3, apiVersions{versions: versions{map[int16]span{}, map[string]uint16{}}}},
	} {
		got, err := readVersions([]byte(tt.in), tt.version)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(got, tt.want, cmp.AllowUnexported(apiVersions{}, versions{}, span{})); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
		if tt.version == 0 || tt.want.code != 0 {
			continue
		}
		for n := range len(tt.in) {
			if _, err := readVersions([]byte(tt.in[:n]), tt.version); err == nil {
				t.Errorf("%s: cut to %d bytes it is accepted", tt.name, n)
			}
		}
	}
	if _, err := readVersions([]byte("\x00\x00\x7f\xff\xff\xff"), 0); err == nil {
		t.Error("a claim of two billion requests is accepted")
	}
	for _, in := range []string{
		"\x00\x00\xff\xff\xff\xff\x0f", "\x00\x00\x02\x00\x12\x00\x00\x00\x04\xff\xff\xff\xff\x0f\x00\x00\x00\x00",
		"\x00\x00\x01\x00\x00\x00\x00\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "\x00\x00\x81",
	} {
		if _, err := readVersions([]byte(in), 3); err == nil {
			t.Errorf("%q is accepted", in)
		}
	}
}

// TestDecode holds kmsg against bytes of Apache Kafka.
func TestDecode(t *testing.T) {
	t.Parallel()
	read := func(in string, version int16, resp kmsg.Response) {
		t.Helper()
		if err := decode([]byte(in), version, resp); err != nil {
			t.Errorf("%q: %v", in, err)
		}
		for n := range len(in) {
			if err := decode([]byte(in[:n]), version, resp); err == nil {
				t.Errorf("%q: cut to %d bytes it is accepted", in, n)
			}
		}
		_ = decode([]byte(in), version, resp)
	}
	handshake, acls := kmsg.NewPtrSASLHandshakeResponse(), kmsg.NewPtrDescribeACLsResponse()
	if read(bytesHandshake33, 1, handshake); handshake.ErrorCode != 33 || len(handshake.SupportedMechanisms) != 2 {
		t.Errorf("%+v", handshake)
	}
	if read(bytesHandshake34, 1, handshake); handshake.ErrorCode != 34 || len(handshake.SupportedMechanisms) != 0 {
		t.Errorf("%+v", handshake)
	}
	if read(bytesOld34, 0, handshake); handshake.ErrorCode != 34 || len(handshake.SupportedMechanisms) != 1 {
		t.Errorf("%+v", handshake)
	}
	if read(bytesACLs54, 1, acls); acls.ErrorCode != 54 || acls.ErrorMessage == nil {
		t.Errorf("%+v", acls)
	}
	if read(bytesACLs31, 1, acls); acls.ErrorCode != 31 {
		t.Errorf("%+v", acls)
	}
	login, meta := kmsg.NewPtrSASLAuthenticateResponse(), kmsg.NewPtrMetadataResponse()
	if read(bytesLogin58, 1, login); login.ErrorCode != 58 || login.ErrorMessage == nil {
		t.Errorf("%+v", login)
	}
	if read(bytesMetadata8, 8, meta); len(meta.Brokers) != 1 || meta.Brokers[0].Port != 9092 || operations(meta.AuthorizedOperations).admin() == false {
		t.Errorf("%+v", meta)
	}
	if _, reason := checks.Classify(decode(nil, 9, kmsg.NewPtrMetadataResponse())); reason != checks.ReasonBug {
		t.Errorf("a flexible version is %q", reason)
	}
}

func TestOperations(t *testing.T) {
	t.Parallel()
	for bits, want := range map[operations]struct {
		admin bool
		text  string
	}{
		0:              {false, "none"},
		1 << 7:         {true, "ALTER"},
		1 << 8:         {false, "DESCRIBE"},
		1 << 9:         {true, "CLUSTER_ACTION"},
		1<<5 | 1<<12:   {false, "CREATE IDEMPOTENT_WRITE"},
		1<<10 | 1<<11:  {true, "DESCRIBE_CONFIGS ALTER_CONFIGS"},
		operations(-1): {true, "READ WRITE CREATE DELETE ALTER DESCRIBE CLUSTER_ACTION DESCRIBE_CONFIGS ALTER_CONFIGS IDEMPOTENT_WRITE"},
	} {
		if bits.admin() != want.admin || bits.String() != want.text {
			t.Errorf("%b: %v %q, want %v", bits, bits.admin(), bits, want)
		}
	}
}

func TestClientVersion(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		"m2mscan/1.2.3 (+https://acme.example)": "1.2.3", "m2mscan/v0.9-rc.1": "v0.9-rc.1", "m2mscan/": "0", "m2mscan": "0", "": "0",
		"m2mscan/(devel)": "devel", "m2mscan/1.0-": "1.0", "m2mscan/.": "0", "x/" + strings.Repeat("1", 100): strings.Repeat("1", 64),
	} {
		if got := clientVersion(agent); got != want {
			t.Errorf("%q: %q, want %q", agent, got, want)
		}
	}
}

// TestMemory holds that a response costs no more than a multiple of its size,
// whatever numbers it claims.
func TestMemory(t *testing.T) {
	huge := make([]byte, messageMax)
	for _, resp := range responses() {
		for _, fill := range []string{"\x00\x00\x00\x00\x00\x01\xff\x00", "\x00\x01\xff\x00", "\x00", "\x00\x00\x01\xff\x00"} {
			for i := range huge {
				huge[i] = fill[i%len(fill)]
			}
			start, before := time.Now(), allocated()
			_ = decode(huge, resp.version, resp.empty())
			if cost := allocated() - before; cost > 64<<20 {
				t.Errorf("%s %q: %d bytes", kmsg.NameForKey(resp.empty().Key()), fill, cost)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("%s %q: %v", kmsg.NameForKey(resp.empty().Key()), fill, took)
			}
		}
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// response is a kind of response that is read from brokers, at one version.
type response struct {
	version int16
	empty   func() kmsg.Response
	seeds   []string
}

func responses() []response {
	handshake := func() kmsg.Response { return kmsg.NewPtrSASLHandshakeResponse() }
	login := func() kmsg.Response { return kmsg.NewPtrSASLAuthenticateResponse() }
	acls := func() kmsg.Response { return kmsg.NewPtrDescribeACLsResponse() }
	meta := func() kmsg.Response { return kmsg.NewPtrMetadataResponse() }
	return []response{
		{0, handshake, []string{bytesOld34}}, {1, handshake, []string{bytesHandshake33, bytesHandshake34}},
		{0, login, nil}, {1, login, []string{bytesLogin58}},
		{0, acls, nil}, {1, acls, []string{bytesACLs31, bytesACLs54}},
		{1, meta, nil}, {4, meta, nil}, {7, meta, nil}, {8, meta, []string{bytesMetadata8}},
	}
}

// FuzzReadResponse reads each kind of response that kmsg is trusted with.
func FuzzReadResponse(f *testing.F) {
	for kind, resp := range responses() {
		for _, seed := range resp.seeds {
			f.Add(uint8(kind), []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, in []byte) {
		if len(in) > messageMax {
			return
		}
		resp := responses()[int(kind)%len(responses())]
		start := time.Now()
		read := resp.empty()
		_ = decode(in, resp.version, read)
		if meta, ok := read.(*kmsg.MetadataResponse); ok {
			if n := len(others(meta.Brokers, inventory.Target{})); n > hostsMax {
				t.Errorf("%d hosts", n)
			}
			tallyOf(meta.Topics)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func FuzzReadVersions(f *testing.F) {
	for _, seed := range []string{bytesVersions0, bytesVersions3, bytesVersions35} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, in []byte, flexible bool) {
		version := int16(0)
		if flexible {
			version = 3
		}
		got, err := readVersions(in, version)
		if err != nil {
			return
		}
		if len(got.requests) > requestsMax || len(got.features) > featuresMax {
			t.Errorf("%d requests, %d features", len(got.requests), len(got.features))
		}
		for name := range got.features {
			if name == "" || len(name) > nameMax {
				t.Errorf("feature %q", name)
			}
		}
		_ = got.atLeast()
	})
}
