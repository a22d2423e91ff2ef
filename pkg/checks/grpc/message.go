package grpc

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// servicesMax is how many services of a list are looked at.
const servicesMax = 4096

// message takes the first message out of a body: a byte that says whether it is
// compressed, its length in four, and its bytes (gRPC over HTTP/2,
// Length-Prefixed-Message). No compression was asked for.
func message(body []byte) ([]byte, error) {
	const head = 5
	if len(body) < head {
		return nil, checks.Because(checks.ReasonGarbage, "status 0 without a message")
	}
	length := binary.BigEndian.Uint32(body[1:])
	switch {
	case body[0] == 1:
		return nil, checks.Because(checks.ReasonAmbiguous, "the message is compressed, though that was not asked for")
	case body[0] != 0:
		return nil, checks.Because(checks.ReasonGarbage, "a message that does not say whether it is compressed")
	case uint64(length) > uint64(len(body)-head):
		return nil, checks.Because(checks.ReasonGarbage, "a message of %d bytes of which %d came", length, len(body)-head)
	}
	return body[head : head+int(length)], nil
}

// field is one of a message of Protocol Buffers: a number, or bytes that are a
// text or a message of their own.
type field struct {
	number int
	value  uint64
	bytes  []byte
}

// Wire types of Protocol Buffers (Encoding, "Message Structure").
const (
	wireVarint = 0
	wire64     = 1
	wireBytes  = 2
	wire32     = 5
)

// fields yields those of a message in their order. Groups, which were given up
// long ago, are not read.
func fields(m []byte, each func(field) error) error {
	for len(m) > 0 {
		tag, n := binary.Uvarint(m)
		if n <= 0 || tag>>3 == 0 || tag>>3 > 1<<29-1 {
			return malformed("a field without a number")
		}
		m = m[n:]
		f := field{number: int(tag >> 3)}
		var size int
		switch tag & 7 {
		case wireVarint:
			if f.value, size = binary.Uvarint(m); size <= 0 {
				return malformed("a number that breaks off")
			}
		case wireBytes:
			length, n := binary.Uvarint(m)
			if n <= 0 || length > uint64(len(m)-n) {
				return malformed("a length past the end")
			}
			size = n + int(length)
			f.bytes = m[n:size]
		case wire32:
			size = 4
		case wire64:
			size = 8
		default:
			return malformed(fmt.Sprintf("wire type %d", tag&7))
		}
		if size > len(m) {
			return malformed("a number that breaks off")
		}
		if err := each(f); err != nil {
			return err
		}
		m = m[size:]
	}
	return nil
}

func malformed(what string) error {
	return checks.Because(checks.ReasonGarbage, "the message is not one of Protocol Buffers: %s", what)
}

// healthNames are the values of HealthCheckResponse.ServingStatus.
//
//nolint:gochecknoglobals // a table
var healthNames = []string{"unknown", "serving", "not_serving", "service_unknown"}

// readHealth reads a HealthCheckResponse. A status that is not there is zero.
func readHealth(m []byte) (string, error) {
	status := uint64(0)
	err := fields(m, func(f field) error {
		if f.number == 1 && f.bytes == nil {
			status = f.value
		}
		return nil
	})
	if err == nil && status >= uint64(len(healthNames)) {
		err = checks.Because(checks.ReasonAmbiguous, "health status %d, which is not defined", status)
	}
	if err != nil {
		return "", err
	}
	return healthNames[status], nil
}

// listing is what of a list of services is kept.
type listing struct {
	services int      // of the server's own
	admin    []string // see Facts.AdminServices
}

// Fields of ServerReflectionResponse, ListServiceResponse and ServiceResponse.
const (
	fieldServices = 6
	fieldError    = 7
	fieldService  = 1
	fieldName     = 1
)

// readServices reads a ServerReflectionResponse that lists services.
func readServices(m []byte) (*listing, error) {
	var list *listing
	err := fields(m, func(f field) error {
		switch f.number {
		case fieldServices:
			list = &listing{admin: []string{}}
			return fields(f.bytes, func(f field) error {
				if f.number != fieldService {
					return nil
				}
				return fields(f.bytes, list.name)
			})
		case fieldError:
			return checks.Because(checks.ReasonAmbiguous, "the list of services was answered with an error")
		}
		return nil
	})
	if err == nil && list == nil {
		err = checks.Because(checks.ReasonAmbiguous, "the answer holds no list of services")
	}
	if err != nil {
		return nil, err
	}
	slices.Sort(list.admin)
	return list, nil
}

// name counts a service by its name.
func (l *listing) name(f field) error {
	name := string(f.bytes)
	if f.number != fieldName || strings.HasPrefix(name, "grpc.reflection.") || strings.HasPrefix(name, "grpc.health.") {
		return nil
	}
	if l.services++; l.services > servicesMax {
		return checks.Because(checks.ReasonTooLarge, "more than %d services", servicesMax)
	}
	if admin, ok := adminName(name); ok && !slices.Contains(l.admin, admin) {
		l.admin = append(l.admin, admin)
	}
	return nil
}

// adminPublic are services for administration that many products have: those
// of gRPC's own admin package, of Envoy's and of etcd.
//
//nolint:gochecknoglobals // a table
var adminPublic = []string{
	"grpc.channelz.v1.Channelz",
	"envoy.service.status.v3.ClientStatusDiscoveryService",
	"envoy.service.status.v2.ClientStatusDiscoveryService",
	"etcdserverpb.Auth",
	"etcdserverpb.Cluster",
	"etcdserverpb.Maintenance",
}

// adminOwn are names that servers give to such services of their own, in lower
// case and without a "Service" at the end.
//
//nolint:gochecknoglobals // a table
var adminOwn = []string{"admin", "administration", "debug", "debugger", "diagnostics", "internal", "maintenance", "management", "pprof", "profiler"}

// adminName is what a service for administration is called in the facts: the
// package of a server's own, which may be anybody's business name, is left out.
func adminName(name string) (string, bool) {
	if slices.Contains(adminPublic, name) {
		return name, true
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	lower := strings.TrimSuffix(strings.ToLower(last), "service")
	if !slices.Contains(adminOwn, lower) {
		return "", false
	}
	return last, true
}
