package kafka

import (
	"encoding/binary"
	"regexp"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// versions is what a broker says it can do (ApiVersions).
type versions struct {
	requests map[int16]span    // by the key of a request
	features map[string]uint16 // the highest level of what it supports (KIP-584)
}

// span is the versions of a request that a broker takes.
type span struct{ least, most int16 }

// common is the newest version of a request, from least to most, that the
// broker takes. The error is [checks.ReasonNotTested] where there is none.
func (v versions) common(key, least, most int16) (int16, error) {
	has, ok := v.requests[key]
	if !ok || has.least > most || has.most < least {
		return 0, checks.Because(checks.ReasonNotTested, "the broker takes no version of %s that is known here", kmsg.NameForKey(key))
	}
	return min(has.most, most), nil
}

// The newest version of Fetch is raised by most releases of Kafka, and says how
// new the protocol of a broker is, whoever made it.
//
//nolint:gochecknoglobals // a table
var releaseOfFetch = []struct {
	version int16
	release string
}{
	{18, "4.1"}, {17, "3.9"}, {16, "3.7"}, {15, "3.5"}, {13, "3.1"}, {12, "2.7"}, {11, "2.3"}, {10, "2.1"},
	{8, "2.0"}, {7, "1.1"}, {6, "1.0"}, {5, "0.11"}, {3, "0.10.1"}, {2, "0.10.0"},
}

// keyFetch is the request whose versions tell the release.
const keyFetch = 1

// atLeast is the release of Kafka whose protocol the broker speaks, or a later
// one; empty where that is not known. The maker of the broker may be another.
func (v versions) atLeast() string {
	fetch, ok := v.requests[keyFetch]
	if !ok {
		return ""
	}
	for _, known := range releaseOfFetch {
		if fetch.most >= known.version {
			return known.release
		}
	}
	return ""
}

// softwareVersion is the pattern for the version of client software (KIP-511).
var softwareVersion = regexp.MustCompile(`[a-zA-Z0-9](?:[a-zA-Z0-9.-]{0,62}[a-zA-Z0-9])?`) //nolint:gochecknoglobals // constant

// clientVersion is the program's version as its User-Agent has it.
func clientVersion(agent string) string {
	_, version, _ := strings.Cut(agent, "/")
	version, _, _ = strings.Cut(version, " ")
	if version = softwareVersion.FindString(version); version == "" {
		return "0"
	}
	return version
}

// hello says who asks, and learns which versions the broker knows. A broker
// that does not know this version of the question answers in the form of
// version 0, and is asked in that (KIP-511).
func (k *session) hello(agent string) error {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = clientName, clientVersion(agent)
	for _, version := range []int16{3, 0} {
		req.Version = version
		body, err := k.ask(req)
		if err != nil {
			return err
		}
		answer, err := readVersions(body, version)
		if err != nil {
			return err
		}
		k.throttle = max(k.throttle, answer.throttle)
		switch {
		case version > 0 && (answer.code == codeUnsupportedVersion || answer.code == codeInvalidRequest):
		case answer.code != 0:
			return checks.Because(checks.ReasonAmbiguous, "ApiVersions is answered with error %d", answer.code)
		case len(answer.requests) == 0:
			return errGarbage
		default:
			k.known = answer.versions
			return nil
		}
	}
	return checks.Because(checks.ReasonAmbiguous, "the broker knows no version of ApiVersions")
}

// apiVersions is a response to ApiVersions.
type apiVersions struct {
	versions
	code     int16
	throttle int32 // milliseconds
}

// Caps on what is read of a response to ApiVersions.
const (
	requestsMax = 1024
	featuresMax = 64
	nameMax     = 64 // bytes
)

// readVersions reads a response to ApiVersions of version 0 or 3. It is the one
// that is read here and not by kmsg: version 3 is flexible; see [decode].
func readVersions(body []byte, version int16) (apiVersions, error) {
	d := &decoder{left: body}
	out := apiVersions{code: d.int16(), versions: versions{map[int16]span{}, map[string]uint16{}}}
	if out.code == codeUnsupportedVersion {
		return out, d.err() // the rest has the form of version 0
	}
	var n int
	if version >= 3 {
		n = d.count() - 1
	} else {
		n = int(d.int32())
	}
	if n > requestsMax {
		return apiVersions{}, errGarbage
	}
	for range n {
		key, has := d.int16(), span{d.int16(), d.int16()}
		if version >= 3 {
			d.tags(nil)
		}
		out.requests[key] = has
	}
	if version >= 3 {
		out.throttle = d.int32()
		d.tags(func(tag uint64, field *decoder) {
			if tag == 0 {
				out.supports(field)
			}
		})
	}
	return out, d.err()
}

// supports reads the tagged field SupportedFeatures (KIP-584).
func (a *apiVersions) supports(d *decoder) {
	n := d.count() - 1
	if n > featuresMax {
		d.bad = true
		return
	}
	for range n {
		name := d.span(d.count() - 1)
		_, most := d.int16(), d.int16()
		d.tags(nil)
		if !d.bad && len(name) > 0 && len(name) <= nameMax && most >= 0 {
			a.features[printable(string(name), nameMax)] = uint16(most)
		}
	}
}

// decoder reads what flexible versions are made of (KIP-482). Past the end of
// its bytes it reads zeros and is bad.
type decoder struct {
	left []byte
	bad  bool
}

func (d *decoder) err() error {
	if d.bad {
		return errGarbage
	}
	return nil
}

func (d *decoder) span(n int) []byte {
	if n < 0 || n > len(d.left) {
		d.bad, d.left = true, nil
		return nil
	}
	p := d.left[:n]
	d.left = d.left[n:]
	return p
}

func (d *decoder) int16() int16 {
	if p := d.span(2); p != nil {
		return int16(binary.BigEndian.Uint16(p))
	}
	return 0
}

func (d *decoder) int32() int32 {
	if p := d.span(4); p != nil {
		return int32(binary.BigEndian.Uint32(p))
	}
	return 0
}

// number reads an unsigned number of variable length.
func (d *decoder) number() uint64 {
	n, size := binary.Uvarint(d.left)
	if size <= 0 {
		d.bad, d.left = true, nil
		return 0
	}
	d.left = d.left[size:]
	return n
}

// count reads how many there are of something that takes a byte at least, such
// that more than there are bytes left is bad. Of strings and arrays the number
// is one higher, and zero stands for none at all.
func (d *decoder) count() int {
	n := d.number()
	if n > uint64(len(d.left))+1 {
		d.bad, d.left = true, nil
		return 0
	}
	return int(n)
}

// tags reads tagged fields and gives each to use.
func (d *decoder) tags(use func(tag uint64, field *decoder)) {
	for range d.count() {
		tag := d.number()
		field := &decoder{left: d.span(d.count())}
		if d.bad {
			return
		}
		if use != nil {
			use(tag, field)
			d.bad = d.bad || field.bad
		}
	}
}
