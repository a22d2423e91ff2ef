package channel

// Facts is the namespace "broker": what a message broker shows to who asks in
// its own protocol. Nothing that is read from it is kept.
type Facts struct {
	Protocol *string `json:"protocol,omitzero" doc:"the protocol that the broker speaks, with its version: MQTT 5, AMQP 0-9-1, NATS, Redis, Kafka, STOMP 1.2"`
	Vantage  *string `json:"vantage,omitzero" doc:"where the scan stood when it saw the broker: loopback, private or public; some brokers let in more from nearby"`

	Product        *string  `json:"product,omitzero" doc:"the product that the broker says it is, such as RabbitMQ"`
	Version        *string  `json:"version,omitzero" doc:"the version that the broker says it has"`
	EndOfLife      *bool    `json:"end_of_life,omitzero" doc:"that version gets no more fixes from its makers"`
	EndOfLifeDate  *string  `json:"end_of_life_date,omitzero" doc:"the day on which it got its last, as 2006-01-02"`
	KnownExploited []string `json:"known_exploited,omitzero" doc:"vulnerabilities of the product, in some version of it, that are known to be exploited (CVE ids)"`

	Plaintext      *bool    `json:"plaintext,omitzero" doc:"the protocol is answered without TLS, on this port or on the well-known one beside it"`
	PlaintextLogin *bool    `json:"plaintext_login,omitzero" doc:"a login is offered there"`
	TLSDowngrade   *bool    `json:"tls_downgrade,omitzero" doc:"on the port that speaks TLS a client may go on without"`
	Mechanisms     []string `json:"mechanisms,omitzero" doc:"SASL mechanisms that are offered, sorted"`
	PlainOnly      *bool    `json:"plain_only,omitzero" doc:"no mechanism is offered that keeps the password from the broker: all are PLAIN, LOGIN, AMQPLAIN or ANONYMOUS"`

	WithoutCertificate *string `json:"without_certificate,omitzero" doc:"what becomes of a client without a certificate once it has sent its first message: accepted or refused"`
	Anonymous          *string `json:"anonymous,omitzero" doc:"what becomes of a client without credentials: accepted or refused"`
	AnonymousLimited   *bool   `json:"anonymous_limited,omitzero" doc:"a client without credentials is let in, and it was shown that it may neither read everything nor write nor administer"`
	AnonymousOffered   *bool   `json:"anonymous_offered,omitzero" doc:"the mechanism ANONYMOUS is offered"`
	RandomCredential   *string `json:"random_credential,omitzero" doc:"what becomes of a made-up login: accepted or refused; at level consented, and beside a declared one"`
	DefaultCredentials *bool   `json:"default_credentials,omitzero" doc:"a login that the product is delivered with is accepted; at level consented"`
	Declared           *string `json:"declared,omitzero" doc:"what becomes of the link's own login: accepted or refused"`

	// Rights are those of the client that could log in with the least: of an
	// anonymous one, else of the link's own.
	Rights         Rights   `json:"rights"`
	DeclaredRights Rights   `json:"declared_rights"`
	ExcessRights   []string `json:"excess_rights,omitzero" doc:"rights that the link's own login has beyond the declared permissions"`

	VerboseErrors     *bool    `json:"verbose_errors,omitzero" doc:"a refused login is told why: which user, which password, which virtual host"`
	AdvertisesPrivate *bool    `json:"advertises_private,omitzero" doc:"one of the advertised hosts is an address that only an inner network knows"`
	VersionDisclosed  *bool    `json:"version_disclosed,omitzero" doc:"the version is told before any login"`
	AdvertisedHosts   []string `json:"advertised_hosts,omitzero" doc:"other hosts that the broker names; they are not visited"`
	MonitoringOpen    *bool    `json:"monitoring_open,omitzero" doc:"a monitoring page beside the broker answers without a login"`
	ForeignOrigin     *bool    `json:"foreign_origin,omitzero" doc:"over WebSocket, a page of any other site may connect"`

	MaxPacket      *int     `json:"max_packet,omitzero" doc:"the largest message that is accepted, in bytes; zero when no limit is stated"`
	MaxConnections *int     `json:"max_connections,omitzero" doc:"how many clients may be connected at once, as far as the broker says"`
	Heartbeat      *int     `json:"heartbeat,omitzero" doc:"seconds of silence after which a client counts as gone, as the broker proposes; zero when never"`
	Limits         []string `json:"limits,omitzero" doc:"other limits that the broker states, as NAME=VALUE, sorted"`
	Extensions     []string `json:"extensions,omitzero" doc:"parts of the broker that it says are there, such as jetstream, sorted"`
}

// Rights are what a client may do.
type Rights struct {
	SubscribeAll *bool   `json:"subscribe_all,omitzero" doc:"it may read every topic, queue, subject or key"`
	Publish      *bool   `json:"publish,omitzero" doc:"it may write somewhere that is not its own"`
	Admin        *bool   `json:"admin,omitzero" doc:"it may administer the broker, or destroy what is in it"`
	Proof        *string `json:"proof,omitzero" doc:"what these rights were learned by: introspection, denial or delivery"`
}

// Values of facts that say what becomes of a client.
const (
	Accepted = "accepted"
	Refused  = "refused"
)
