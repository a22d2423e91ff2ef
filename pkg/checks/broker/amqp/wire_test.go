package amqp

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel/channeltest"
)

// What RabbitMQ 3.10.8 sends, byte for byte.
const (
	recordedStart = "\x01\x00\x00\x00\x00\x01\xf7\x00\n\x00\n\x00\t\x00\x00\x01\xd2\x0ccapabilitiesF\x00\x00\x00\xc7\x12publisher_confirmst\x01" +
		"\x1aexchange_exchange_bindingst\x01\nbasic.nackt\x01\x16consumer_cancel_notifyt\x01\x12connection.blockedt\x01\x13consumer_prioritiest\x01" +
		"\x1cauthentication_failure_closet\x01\x10per_consumer_qost\x01\x0fdirect_reply_tot\x01\x0ccluster_nameS\x00\x00\x00\x10m2mscan-33335@vm" +
		"\tcopyrightS\x00\x00\x007Copyright (c) 2007-2022 VMware, Inc. or its affiliates.\x0binformationS\x00\x00\x009Licensed under the MPL 2.0. Website: https://rabbitmq.com" +
		"\x08platformS\x00\x00\x00\x11Erlang/OTP 25.2.3\x07productS\x00\x00\x00\x08RabbitMQ\x07versionS\x00\x00\x00\x063.10.8\x00\x00\x00\x0eAMQPLAIN PLAIN\x00\x00\x00\x05en_US\xce"
	recordedTune       = "\x01\x00\x00\x00\x00\x00\x0c\x00\n\x00\x1e\x07\xff\x00\x02\x00\x00\x00<\xce"
	recordedOpenOK     = "\x01\x00\x00\x00\x00\x00\x05\x00\n\x00)\x00\xce"
	recordedRefused    = "\x01\x00\x00\x00\x00\x00w\x00\n\x002\x01\x93lACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.\x00\x00\x00\x00\xce"
	recordedNoHost     = "\x01\x00\x00\x00\x00\x00-\x00\n\x002\x02\x12\"NOT_ALLOWED - vhost nope not found\x00\n\x00(\xce"
	recordedCloseOK    = "\x01\x00\x00\x00\x00\x00\x04\x00\n\x003\xce"
	recordedMechanisms = "\x00\x00\x004\x02\x01\x00\x00\x00S@\xc0'\x01\xe0$\x03\xb3\x00\x00\x00\tANONYMOUS\x00\x00\x00\x08AMQPLAIN\x00\x00\x00\x05PLAIN"
)

func TestReadCall(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		in   string
		want method
	}{
		"start":                    {recordedStart, connectionStart},
		"tune":                     {recordedTune, connectionTune},
		"close":                    {recordedRefused, connectionClose},
		"tune behind a heartbeat":  {"\x08\x00\x00\x00\x00\x00\x00\xce" + recordedTune, connectionTune},
		"tune behind a message":    {"\x03\x00\x01\x00\x00\x00\x02hi\xce" + recordedTune, connectionTune},
		"open-ok, and something":   {recordedOpenOK + "x", connectionOpenOK},
		"a method that is unknown": {"\x01\x00\x00\x00\x00\x00\x04\x00\x63\x00\x63\xce", 99<<16 | 99},
	} {
		got, err := readCall(channeltest.Reading(tt.in))
		if err != nil || got.method != tt.want {
			t.Errorf("%s: %x, %v", name, got.method, err)
		}
	}
}

func TestReadCallRefuses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]checks.Reason{
		"":                             checks.ReasonReset,
		recordedTune[:12]:              checks.ReasonReset,
		"HTTP/1.1 400 Bad Request":     checks.ReasonGarbage,
		"\x01\x00\x00\xff\xff\xff\xff": checks.ReasonTooLarge,
		"\x01\x00\x00\x00\x01\x00\x01": checks.ReasonTooLarge,
		"\x01\x00\x00\x00\x00\x00\x04\x00\n\x00\nx":             checks.ReasonGarbage, // no end
		"\x01\x00\x00\x00\x00\x00\x02\x00\n\xce":                checks.ReasonGarbage, // no method
		strings.Repeat("\x08\x00\x00\x00\x00\x00\x00\xce", 100): checks.ReasonGarbage,
	} {
		_, err := readCall(channeltest.Reading(in))
		if _, reason := checks.Classify(err); reason != want {
			t.Errorf("%.20q: %v, want %s", in, err, want)
		}
	}
}

func TestParseStart(t *testing.T) {
	t.Parallel()
	answer, err := readCall(channeltest.Reading(recordedStart))
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseStart(answer.args)
	if err != nil {
		t.Fatal(err)
	}
	if got.major != 0 || got.minor != 9 || got.mechanisms != "AMQPLAIN PLAIN" {
		t.Errorf("%+v", got)
	}
	for name, want := range map[string]string{
		"product": "RabbitMQ", "version": "3.10.8", "platform": "Erlang/OTP 25.2.3", "cluster_name": "m2mscan-33335@vm", "capabilities": "", "nothing": "",
	} {
		if text := got.properties.text(name); text != want {
			t.Errorf("%s: %q", name, text)
		}
	}
	want := []string{
		"publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify", "connection.blocked", "consumer_priorities",
		"authentication_failure_close", "per_consumer_qos", "direct_reply_to",
	}
	if diff := cmp.Diff(got.properties.truths("capabilities"), want); diff != "" {
		t.Error(diff)
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		in   string
		want checks.Reason
	}{
		"every type": {in: "\x01aS\x00\x00\x00\x01x" + "\x01bt\x01" + "\x01cF\x00\x00\x00\x00" + "\x01dA\x00\x00\x00\x04t\x01t\x00" + "\x01ex\x00\x00\x00\x00" + "\x01fV" +
			"\x01gb1" + "\x01hB1" + "\x01is12" + "\x01ju12" + "\x01kU12" + "\x01lI1234" + "\x01mi1234" + "\x01nf1234" + "\x01oD12345" +
			"\x01pl12345678" + "\x01qL12345678" + "\x01rd12345678" + "\x01sT12345678"},
		"an unknown type":                            {"\x01az", checks.ReasonGarbage},
		"a text that is too long":                    {"\x01aS\xff\xff\xff\xff", checks.ReasonGarbage},
		"a name that is too long":                    {"\xffa", checks.ReasonGarbage},
		"a table that is longer than the one around": {"\x01aF\x00\x00\x00\x05", checks.ReasonGarbage},
		"too many entries":                           {strings.Repeat("\x01aV", entriesMax+1), checks.ReasonTooLarge},
		"too many in an array":                       {"\x01aA" + string(long([]byte(strings.Repeat("V", entriesMax+1)))), checks.ReasonTooLarge},
		"nested too deep":                            {nest(depthMax + 2), checks.ReasonTooLarge},
		"nested, not too deep":                       {in: nest(depthMax + 1)},
	} {
		r := &reader{rest: long([]byte(tt.in))}
		got := r.table()
		if _, reason := checks.Classify(r.err); reason != tt.want {
			t.Errorf("%s: %v %v, want %q", name, got, r.err, tt.want)
		}
	}
}

func nest(depth int) string {
	table := ""
	for range depth {
		table = "\x01aF" + string(long([]byte(table)))
	}
	return table
}

func TestParseTuneAndClosing(t *testing.T) {
	t.Parallel()
	tuned, _ := readCall(channeltest.Reading(recordedTune))
	got, err := parseTune(tuned.args)
	if want := (tune{2047, 131072, 60}); got != want || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	closed, _ := readCall(channeltest.Reading(recordedNoHost))
	why, err := parseClosing(closed.args)
	if want := (closing{530, "NOT_ALLOWED - vhost nope not found"}); why != want || err != nil {
		t.Errorf("%+v, %v", why, err)
	}
	if _, err := parseTune([]byte{1, 2, 3}); err == nil {
		t.Error("a tune that is cut off is read")
	}
}

// TestStartOK pins the bytes of a login: RabbitMQ writes one that it cannot read
// into its log, with the password.
func TestStartOK(t *testing.T) {
	t.Parallel()
	response, err := plain("app", "correct-horse")
	if err != nil {
		t.Fatal(err)
	}
	if want := "\x00app\x00correct-horse"; string(response) != want {
		t.Errorf("%q, want %q", response, want)
	}
	want := "\x01\x00\x00\x00\x00\x00\x8c\x00\x0a\x00\x0b" + // start-ok on channel 0
		"\x00\x00\x00\x62" + "\x0ccapabilitiesF\x00\x00\x00\x1f\x1cauthentication_failure_closet\x01" +
		"\x07productS\x00\x00\x00\x07m2mscan" + "\x0binformationS\x00\x00\x00\x0cm2mscan/test" +
		"\x05PLAIN" + "\x00\x00\x00\x12\x00app\x00correct-horse" + "\x05en_US\xce"
	if got := string(startOK("PLAIN", response, "m2mscan/test")); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if _, err := plain("app", "correct\x00horse"); err == nil {
		t.Error("a password with a NUL is sent")
	}
}

func TestParsePerformative(t *testing.T) {
	t.Parallel()
	first, err := readPerformative(channeltest.Reading(recordedMechanisms), typeSASL)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first.mechanisms(), []string{"ANONYMOUS", "AMQPLAIN", "PLAIN"}); first.descriptor != saslMechanisms || diff != "" {
		t.Errorf("%+v %s", first, diff)
	}
	alone, err := parsePerformative(described(saslMechanisms, symbol("PLAIN")))
	if err != nil || cmp.Diff(alone.mechanisms(), []string{"PLAIN"}) != "" {
		t.Errorf("one alone: %+v %v", alone, err)
	}
	refusal := described(closeIt, described(0x1d, symbol("amqp:unauthorized-access"), text("not you")))
	closed, err := readPerformative(channeltest.Reading(string(encodeFrame(typeAMQP, refusal))), typeAMQP)
	if err != nil {
		t.Fatal(err)
	}
	if condition, description := closed.condition(); condition != "amqp:unauthorized-access" || description != "not you" {
		t.Errorf("%q %q", condition, description)
	}
}

func TestReadPerformativeRefuses(t *testing.T) {
	t.Parallel()
	frameOf := func(body string) string { return string(encodeFrame(typeAMQP, []byte(body))) }
	for name, tt := range map[string]struct {
		in   string
		want checks.Reason
	}{
		"nothing":                       {"", checks.ReasonReset},
		"half":                          {string(encodeOpen("container", "host")[:20]), checks.ReasonReset},
		"another type of frame":         {recordedMechanisms, checks.ReasonGarbage},
		"a huge length":                 {"\xff\xff\xff\xff\x02\x00\x00\x00", checks.ReasonTooLarge},
		"a length below the header":     {"\x00\x00\x00\x04\x02\x00\x00\x00", checks.ReasonGarbage},
		"an offset below the header":    {"\x00\x00\x00\x08\x01\x00\x00\x00", checks.ReasonGarbage},
		"an offset behind the end":      {"\x00\x00\x00\x08\xff\x00\x00\x00", checks.ReasonGarbage},
		"heartbeats without end":        {strings.Repeat(string(encodeFrame(typeAMQP, nil)), 100), checks.ReasonGarbage},
		"a value that is not described": {frameOf("\x45"), checks.ReasonGarbage},
		"a descriptor that is a text":   {frameOf("\x00\xa1\x01x\x45"), checks.ReasonGarbage},
		"an unknown constructor":        {frameOf("\x00\x53\x10\x15"), checks.ReasonGarbage},
		"a list longer than the frame":  {frameOf("\x00\x53\x10\xd0\xff\xff\xff\xff\x00\x00\x00\x01"), checks.ReasonGarbage},
		"more elements than bytes":      {frameOf("\x00\x53\x10\xd0\x00\x00\x00\x04\xff\xff\xff\xff"), checks.ReasonGarbage},
		"an array of endless nothing":   {frameOf("\x00\x53\x10\xf0\x00\x00\x00\x05\xff\xff\xff\xff\x40"), checks.ReasonTooLarge},
		"nested too deep":               {frameOf(strings.Repeat("\x00", 20)), checks.ReasonTooLarge},
	} {
		_, err := readPerformative(channeltest.Reading(tt.in), typeAMQP)
		if _, reason := checks.Classify(err); reason != tt.want {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
}

// TestEncodePerformatives reads back what is sent.
func TestEncodePerformatives(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		frame      []byte
		kind       byte
		descriptor uint64
		first      string
	}{
		"init":  {encodeInit("PLAIN", []byte("\x00u\x00p"), "host"), typeSASL, saslInit, "PLAIN"},
		"open":  {encodeOpen("m2mscan", "host"), typeAMQP, open, "m2mscan"},
		"begin": {encodeBegin(), typeAMQP, begin, ""},
		"close": {encodeClose(), typeAMQP, closeIt, ""},
	} {
		if size := binary.BigEndian.Uint32(tt.frame); int(size) != len(tt.frame) {
			t.Errorf("%s: says %d bytes, has %d", name, size, len(tt.frame))
		}
		got, err := readPerformative(channeltest.Reading(string(tt.frame)), tt.kind)
		if err != nil || got.descriptor != tt.descriptor || got.fields.item(0).text() != tt.first {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]uint64{
		"\x43": 0, "\x44": 0, "\x50\x07": 7, "\x52\xff": 255, "\x53\x10": 16, "\x60\x01\x00": 256, "\x70\x00\x01\x00\x00": 65536, "\x80\x00\x00\x00\x01\x00\x00\x00\x00": 1 << 32,
	} {
		v, err := parseValue([]byte(in))
		if got, ok := v.number(); err != nil || !ok || got != want {
			t.Errorf("%q: %d %v %v", in, got, ok, err)
		}
	}
	if _, ok := (value{code: codeNull}).number(); ok {
		t.Error("null is a number")
	}
}

func FuzzReadCall(f *testing.F) {
	for _, seed := range []string{recordedStart, recordedTune, recordedOpenOK, recordedRefused, recordedNoHost, recordedCloseOK} {
		f.Add([]byte(seed))
	}
	f.Add([]byte(recordedStart[11:])) // the arguments alone
	f.Fuzz(func(t *testing.T, in []byte) {
		if s, err := parseStart(in); err == nil && entries(s.properties) > entriesMax {
			t.Errorf("%d entries", entries(s.properties))
		}
		answer, err := readCall(channeltest.Reading(string(in)))
		if err != nil {
			return
		}
		if len(answer.args) > frameMax {
			t.Errorf("%d bytes", len(answer.args))
		}
		s, err := parseStart(answer.args)
		if n := entries(s.properties); err == nil && n > entriesMax {
			t.Errorf("%d entries", n)
		}
		_, _ = parseTune(answer.args)
		_, _ = parseClosing(answer.args)
	})
}

func entries(t table) int {
	n := len(t)
	for _, e := range t {
		n += entries(e.table)
	}
	return n
}

func FuzzReadPerformative(f *testing.F) {
	for _, seed := range [][]byte{
		[]byte(recordedMechanisms), encodeOpen("c", "h"), encodeBegin(), encodeClose(),
		encodeFrame(typeSASL, described(saslOutcome, []byte{0x50, 0})),
		encodeFrame(typeAMQP, described(closeIt, described(0x1d, symbol("amqp:not-allowed"), text("no")))),
		encodeFrame(typeAMQP, described(open, text("c"), null(), uint32of(9), []byte{0x60, 0, 1}, null(), null(), null(), null(), null(), append([]byte{0xc1, 8, 2, 0xa3, 1, 'a', 0xa1, 2}, "bc"...))),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, kind := range []byte{typeAMQP, typeSASL} {
			p, err := readPerformative(channeltest.Reading(string(in)), kind)
			if err != nil {
				continue
			}
			if n := count(p.fields); n > entriesMax {
				t.Errorf("%d values", n)
			}
			_ = p.mechanisms()
			_, _ = p.condition()
			_ = p.fields.item(9).entry("product").text()
		}
	})
}

func count(v value) int {
	n := 1
	for _, item := range v.items {
		n += count(item)
	}
	return n
}
