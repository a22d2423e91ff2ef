package imports

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// The Go parsers of AsyncAPI are made for generating code: the one that is
// kept up drops the servers of version 2, fails on their security in version 3
// and panics on odd references. So this reads the few fields it needs itself.

func detectAsyncAPI(text []byte) bool { return hasTopKey(text, "asyncapi") }

// asyncAPIVersion are the versions that are read.
var asyncAPIVersion = regexp.MustCompile(`^(2\.[0-6]|3\.\d)(\.\d+)?(-\S+)?$`) //nolint:gochecknoglobals // a constant

// readAsyncAPI makes a link of each server of an AsyncAPI description, with
// the channels as permissions.
//
// We are taken to be a client of the application that is described. AsyncAPI 2
// says from the client's side what it may do on a channel: publish and
// subscribe are ours. AsyncAPI 3 says what the application does: when it
// sends, we subscribe, and when it receives, we publish.
func readAsyncAPI(s Source) (*Fragment, error) {
	d, err := parseDescription(s, "asyncapi")
	if err != nil {
		return nil, err
	}
	version := d.root.get("asyncapi").text()
	switch {
	case version == "":
		return nil, s.problem(0, "no-version", `the description does not say "asyncapi: 2.x" or "3.x"`, "m2mscan import --help lists the formats that are read")
	case !asyncAPIVersion.MatchString(version):
		return nil, s.atKey("asyncapi", "unknown-version", "AsyncAPI version "+quoted(version)+" is not read",
			"versions 2.0 to 2.6 and 3.x are; asyncapi convert brings others up to date")
	}
	a := &asyncAPI{description: d, major: version[0]}
	a.readServers()
	if a.major == '2' {
		a.readChannels2()
	} else {
		a.readOperations3()
	}
	if a.reads <= maxValues { // or else finish says that it was too much
		a.readLinks()
	}
	return d.finish(s)
}

// asyncAPI is a description on its way to a fragment.
type asyncAPI struct {
	*description
	major   byte // '2' or '3'
	servers []asyncServer
	uses    []channelUse
}

// asyncServer is a server that has an address.
type asyncServer struct {
	name    string
	stated  place
	kind    inventory.Kind
	address string
	notes   []string
}

// channelUse is what we may do on a channel.
type channelUse struct {
	operation string // its name, for notes
	verb      string // publish or subscribe
	address   string
	servers   []string // names; none means all
	messages  []string
	formats   []string
	security  place
}

// maxPermissions bounds the channels that are listed for one link.
const maxPermissions = 50

// directions says whose side the permissions are on.
var directions = map[byte]string{ //nolint:gochecknoglobals // a constant table
	'2': "publish and subscribe are what we may do, as AsyncAPI 2 defines them; swap them when the description was written from the other side",
	'3': "we are taken to be the other side of the described application: it sends, we subscribe; it receives, we publish; " +
		"swap them when the application is our own",
}

// readLinks makes the links.
func (a *asyncAPI) readLinks() {
	if len(a.servers) == 0 {
		if !a.root.get("servers").exists() {
			a.tell("/servers", "the description names no server; add the link by hand")
		}
		return
	}
	var hosts []string
	for _, s := range a.servers {
		hosts = append(hosts, hostOf(s.address))
	}
	vendorID := a.vendorID(hosts)
	var links []Link
	for _, s := range a.servers {
		l := Link{
			Kind: s.kind, ID: slugOr(s.name, "server"), URL: s.address, Direction: inventory.DirectionOutbound, Notes: s.notes,
		}
		used := a.usesOf(s.name)
		a.permit(&l, used)
		a.secure(vendorID, &l, s, used)
		if len(a.servers) > 1 {
			l.Notes = append(l.Notes, "one of several servers: delete those that are not used")
		}
		links = append(links, l)
	}
	a.vendor(vendorID, links)
	if len(a.uses) > 0 {
		a.Vendors[0].Notes = append(a.Vendors[0].Notes, directions[a.major])
	}
}

// usesOf are the uses of channels on one server.
func (a *asyncAPI) usesOf(server string) []channelUse {
	var out []channelUse
	for _, use := range a.uses {
		if len(use.servers) == 0 || slices.Contains(use.servers, server) {
			out = append(out, use)
		}
	}
	return out
}

// permit states what we may do, and with which messages.
func (a *asyncAPI) permit(l *Link, uses []channelUse) {
	var permissions, payloads, formats []string
	for _, use := range uses {
		permissions = append(permissions, use.verb+":"+use.address)
		payloads = append(payloads, use.messages...)
		formats = append(formats, use.formats...)
	}
	var more int
	if l.Permissions, more = bounded(permissions, maxPermissions); more > 0 {
		l.Notes = append(l.Notes, fmt.Sprintf("permissions not listed: %d", more))
	}
	if l.Data.Payloads, more = bounded(payloads, maxPayloads); more > 0 {
		l.Notes = append(l.Notes, fmt.Sprintf("payloads not listed: %d", more))
	}
	l.Data.Formats, _ = bounded(formats, maxPayloads)
	if len(permissions) == 0 {
		l.Notes = append(l.Notes, "no operation is described on this server: state permissions by hand")
	}
}

// bounded is the first of the texts, each once and sorted, and how many there
// are besides.
func bounded(texts []string, most int) (first []string, more int) {
	texts = slices.DeleteFunc(slices.Clone(texts), func(text string) bool { return strings.TrimSpace(text) == "" })
	slices.Sort(texts)
	texts = slices.Compact(texts)
	more = max(0, len(texts)-most)
	return texts[:len(texts)-more], more
}
