package inventory

import (
	"net"
	"strconv"
	"strings"
)

// Target is where a link is reached. It is comparable: two links with equal
// targets share one server and one budget.
type Target struct {
	Scheme     string // lower case
	Host       string // name or address literal, lower case, without brackets
	Port       uint16
	ServerName string // sent as SNI and checked in the certificate; empty for schemes without TLS
}

// Address is the host and port as net.Dial takes them.
func (t Target) Address() string {
	return net.JoinHostPort(t.Host, strconv.Itoa(int(t.Port)))
}

// Scheme describes one URL scheme an inventory may use.
type Scheme struct {
	Name    string
	Port    uint16 // used when the URL names none
	TLS     bool   // TLS from the first byte
	Sealed  bool   // encrypts by means of its own, which are not TLS
	HTTP    bool   // speaks HTTP, so one GET is a protocol-correct request
	Kinds   []Kind
	Twin    string // the same protocol with TLS, when this one is plain text
	Service string // the protocol's name for people
}

// Schemes are the URL schemes an inventory may use.
var Schemes = []Scheme{
	{Name: "https", Port: 443, TLS: true, HTTP: true, Kinds: []Kind{KindEndpoint, KindWebhook}, Service: "HTTPS"},
	{Name: "http", Port: 80, HTTP: true, Kinds: []Kind{KindEndpoint, KindWebhook}, Twin: "https", Service: "HTTP"},
	{Name: "wss", Port: 443, TLS: true, HTTP: true, Kinds: []Kind{KindEndpoint, KindBroker}, Service: "WebSocket over TLS"},
	{Name: "ws", Port: 80, HTTP: true, Kinds: []Kind{KindEndpoint, KindBroker}, Twin: "wss", Service: "WebSocket"},
	{Name: "grpcs", Port: 443, TLS: true, Kinds: []Kind{KindEndpoint}, Service: "gRPC over TLS"},
	{Name: "grpc", Port: 80, Kinds: []Kind{KindEndpoint}, Twin: "grpcs", Service: "gRPC"},
	{Name: "mqtts", Port: 8883, TLS: true, Kinds: []Kind{KindBroker}, Service: "MQTT over TLS"},
	{Name: "mqtt", Port: 1883, Kinds: []Kind{KindBroker}, Twin: "mqtts", Service: "MQTT"},
	{Name: "amqps", Port: 5671, TLS: true, Kinds: []Kind{KindBroker}, Service: "AMQP over TLS"},
	{Name: "amqp", Port: 5672, Kinds: []Kind{KindBroker}, Twin: "amqps", Service: "AMQP"},
	{Name: "kafkas", Port: 9093, TLS: true, Kinds: []Kind{KindBroker}, Service: "Kafka over TLS"},
	{Name: "kafka", Port: 9092, Kinds: []Kind{KindBroker}, Twin: "kafkas", Service: "Kafka"},
	{Name: "natss", Port: 4222, TLS: true, Kinds: []Kind{KindBroker}, Service: "NATS over TLS"},
	{Name: "nats", Port: 4222, Kinds: []Kind{KindBroker}, Twin: "natss", Service: "NATS"},
	{Name: "rediss", Port: 6379, TLS: true, Kinds: []Kind{KindBroker}, Service: "Redis over TLS"},
	{Name: "stomps", Port: 61614, TLS: true, Kinds: []Kind{KindBroker}, Service: "STOMP over TLS"},
	{Name: "stomp", Port: 61613, Kinds: []Kind{KindBroker}, Twin: "stomps", Service: "STOMP"},
	{Name: "sftp", Port: 22, Sealed: true, Kinds: []Kind{KindEndpoint}, Service: "SFTP"},
	{Name: "ssh", Port: 22, Sealed: true, Kinds: []Kind{KindEndpoint}, Service: "SSH"},
	{Name: "redis", Port: 6379, Kinds: []Kind{KindBroker}, Twin: "rediss", Service: "Redis"},
}

// LookupScheme finds a scheme by its name.
func LookupScheme(name string) (Scheme, bool) {
	for _, s := range Schemes {
		if s.Name == name {
			return s, true
		}
	}
	return Scheme{}, false
}

// TLS reports whether the target's scheme speaks TLS from the first byte.
func (t Target) TLS() bool {
	s, _ := LookupScheme(t.Scheme)
	return s.TLS
}

// HTTP reports whether the target's scheme carries HTTP.
func (t Target) HTTP() bool {
	s, _ := LookupScheme(t.Scheme)
	return s.HTTP
}

// Target returns where the link is reached: the URL's host in lower case, its
// port or the scheme's own, and for schemes with TLS the server name, which
// is tls.server_name or else the host.
func (l *Link) Target() Target {
	if l.URL == nil {
		return Target{}
	}
	scheme, _ := LookupScheme(strings.ToLower(l.URL.Scheme))
	t := Target{Scheme: strings.ToLower(l.URL.Scheme), Host: strings.ToLower(l.URL.Hostname()), Port: scheme.Port}
	if port, err := strconv.ParseUint(l.URL.Port(), 10, 16); err == nil {
		t.Port = uint16(port)
	}
	if scheme.TLS {
		// RFC 6066 section 3: the name is sent without a trailing dot.
		t.ServerName = strings.TrimSuffix(t.Host, ".")
		if l.TLS.ServerName != "" {
			t.ServerName = strings.ToLower(l.TLS.ServerName)
		}
	}
	return t
}
