package imports

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// protocols are the values of a server's protocol that an inventory knows,
// with their schemes.
var protocols = map[string]struct { //nolint:gochecknoglobals // a constant table
	scheme string
	kind   inventory.Kind
}{
	"mqtt": {"mqtt", inventory.KindBroker}, "mqtt5": {"mqtt", inventory.KindBroker},
	"mqtts": {"mqtts", inventory.KindBroker}, "secure-mqtt": {"mqtts", inventory.KindBroker},
	"amqp": {"amqp", inventory.KindBroker}, "amqps": {"amqps", inventory.KindBroker}, "amqp1": {"amqp", inventory.KindBroker},
	"kafka": {"kafka", inventory.KindBroker}, "kafka-secure": {"kafkas", inventory.KindBroker},
	"nats": {"nats", inventory.KindBroker}, "natss": {"natss", inventory.KindBroker},
	"redis": {"redis", inventory.KindBroker}, "rediss": {"rediss", inventory.KindBroker},
	"stomp": {"stomp", inventory.KindBroker}, "stomps": {"stomps", inventory.KindBroker},
	"ws": {"ws", inventory.KindEndpoint}, "wss": {"wss", inventory.KindEndpoint},
	"http": {"http", inventory.KindEndpoint}, "https": {"https", inventory.KindEndpoint},
}

// readServers finds the servers that have an address which an inventory takes.
func (a *asyncAPI) readServers() {
	servers := a.root.get("servers")
	if !servers.is(yaml.MappingNode) {
		return
	}
	for name, stated := range servers.fields() {
		at := stated.at()
		stated, _ = stated.followed()
		if strings.HasPrefix(name, "x-") || !stated.is(yaml.MappingNode) {
			continue
		}
		if len(a.servers) == maxServers {
			a.tell(at, "more than %d servers; the others were left out", maxServers)
			return
		}
		if s, ok := a.server(name, at, stated); ok {
			a.servers = append(a.servers, s)
		}
	}
}

// server is one server with its address, or not ok, which is said.
func (a *asyncAPI) server(name, at string, stated place) (s asyncServer, ok bool) {
	protocol := strings.ToLower(stated.get("protocol").text())
	known, isKnown := protocols[protocol]
	if !isKnown {
		a.tell(at+"/protocol", "protocol %s is not one that can be probed; the server was left out", quoted(protocol))
		return s, false
	}
	raw, field := a.stated(stated)
	variables := stated.get("variables")
	filledIn, filled, missing := fillTemplate(raw, func(variable string) (string, []string) {
		v, _ := variables.get(variable).followed()
		return v.get("default").text(), v.get("enum").texts()
	})
	if len(missing) > 0 { // usable says so
		filledIn = raw
	}
	full, notes := schemed(filledIn, protocol, known.scheme, known.kind)
	address, more := a.usable(at+"/"+field, raw, full, filled, missing, known.kind)
	if address == "" {
		return s, false
	}
	if protocol == "amqp1" {
		notes = append(notes, "the protocol is AMQP 1.0")
	}
	return asyncServer{name: name, stated: stated, kind: known.kind, address: address, notes: append(more, notes...)}, true
}

// stated is the address as the description has it, and the name of its field.
func (a *asyncAPI) stated(server place) (address, field string) {
	if a.major == '2' {
		return server.get("url").text(), "url"
	}
	address = server.get("host").text()
	if path := server.get("pathname").text(); path != "" {
		address = strings.TrimRight(address, "/") + "/" + strings.TrimLeft(path, "/")
	}
	return address, "host"
}

// schemed gives an address the scheme of its protocol, unless it has one that
// an inventory knows, such as that of MQTT over WebSocket. Of a list of
// brokers it takes the first.
func schemed(address, protocol, scheme string, kind inventory.Kind) (full string, notes []string) {
	first, others, several := strings.Cut(address, ",")
	if several {
		_, path, _ := strings.Cut(others[strings.LastIndexByte(others, ',')+1:], "/")
		if address = strings.TrimSpace(first); path != "" && kind == inventory.KindEndpoint {
			address += "/" + path
		}
		if strings.Contains(others, "@") {
			others = "with user names or passwords"
		}
		notes = append(notes, "the first of several addresses; the others: "+quoted(others))
	}
	own, rest, hasScheme := strings.Cut(address, "://")
	if !hasScheme {
		return scheme + "://" + strings.TrimLeft(address, "/"), notes
	}
	own = strings.ToLower(own)
	if known, ok := inventory.LookupScheme(own); !ok || !fits(known, kind) {
		return scheme + "://" + rest, notes
	}
	if own != scheme {
		notes = append(notes, "the protocol is "+quoted(protocol)+", but the address says "+quoted(own)+", which was taken: check it")
	}
	return own + "://" + rest, notes
}
