package exposure

// Facts is the namespace "http": what the link's answers say by the way, what
// stands open beside it on the same scheme, host and port, and whom it lets in
// from other origins.
//
// What the headers of a success say is not known from an error: servers such
// as nginx add headers to successful answers alone. A fact is false only where
// an answer shows it to be.
type Facts struct {
	Status    *int     `json:"status,omitzero" doc:"HTTP status of a GET of the declared URL without credentials"`
	LatencyMS *float64 `json:"latency_ms,omitzero" doc:"time from that request to the first byte of its answer, in milliseconds"`

	Server               *string  `json:"server,omitzero" doc:"text of the Server header, its first 80 characters; empty when there is none"`
	Software             []string `json:"software,omitzero" doc:"products that the headers of any answer name, with the version if they say it, such as nginx 1.22.1"`
	Product              *string  `json:"product,omitzero" doc:"the product that the headers name; of several the one that is worst off; empty when they name none"`
	Version              *string  `json:"version,omitzero" doc:"version of that product as the headers say it, or empty"`
	EndOfLife            *bool    `json:"end_of_life,omitzero" doc:"the product's maker has ended the support of that release"`
	EndOfLifeDate        *string  `json:"end_of_life_date,omitzero" doc:"day that support ended or will end, as 2006-01-02; empty when no day is known"`
	KnownExploited       *bool    `json:"known_exploited,omitzero" doc:"vulnerabilities of some version of that product are known to be exploited"`
	KnownExploitedCVEs   []string `json:"known_exploited_cves,omitzero" doc:"ids of those vulnerabilities, the first 10 of them"`
	BackportsLikely      *bool    `json:"backports_likely,omitzero" doc:"the headers name a distribution, or one ships that very version and still mends it: fixes may have been ported back"`
	ShippedBy            []string `json:"shipped_by,omitzero" doc:"distributions that ship that very version and still port fixes back to it, such as Debian 12"`
	LifecycleDataAgeDays *int     `json:"lifecycle_data_age_days,omitzero" doc:"whole days since the date of the data on support and exploited vulnerabilities"`

	HSTS                  *bool `json:"hsts,omitzero" doc:"an answer sets a valid Strict-Transport-Security policy (RFC 6797) that is in force"`
	HSTSMaxAge            *int  `json:"hsts_max_age,omitzero" doc:"seconds that the policy lasts; zero without one"`
	HSTSIncludeSubDomains *bool `json:"hsts_include_subdomains,omitzero" doc:"the policy includes the subdomains"`

	NoStore         *bool `json:"no_store,omitzero" doc:"the answer to the link's own credential forbids every cache to keep it: Cache-Control: no-store"`
	SharedCacheable *bool `json:"shared_cacheable,omitzero" doc:"a cache that others use may keep the answer to the link's own credential (public or s-maxage), or it came from one"`

	ContentType     *string `json:"content_type,omitzero" doc:"media type of the answer, without parameters; empty when none is given"`
	ContentTypeFits *bool   `json:"content_type_fits,omitzero" doc:"a JSON body is served as JSON, and what is served as JSON is"`
	NoSniff         *bool   `json:"nosniff,omitzero" doc:"the answer says X-Content-Type-Options: nosniff"`

	CORSReflectsOrigin *bool `json:"cors_reflects_origin,omitzero" doc:"a successful answer allows an origin that nobody knows, by repeating it"`
	CORSWildcard       *bool `json:"cors_wildcard,omitzero" doc:"a successful answer allows every origin, by the wildcard"`
	CORSCredentials    *bool `json:"cors_credentials,omitzero" doc:"a successful answer that allows a foreign origin in one of those ways, or null, allows credentials as well"`
	CORSNullOrigin     *bool `json:"cors_null_origin,omitzero" doc:"a successful answer allows the origin null; asked where the foreign origin is repeated"`
	CORSOnError        *bool `json:"cors_on_error,omitzero" doc:"an answer other than a success repeats the foreign origin and allows credentials"`

	Exposed Exposed `json:"exposed"`
}

// Exposed is what answers without credentials at fixed paths of the link's
// host, and shows by its content what it is.
type Exposed struct {
	OpenAPI              *bool `json:"openapi,omitzero" doc:"a description of the API, OpenAPI or Swagger, at /openapi.json, /v3/api-docs or /swagger.json"`
	Metrics              *bool `json:"metrics,omitzero" doc:"Prometheus metrics at /metrics"`
	Pprof                *bool `json:"pprof,omitzero" doc:"the profiler of Go at /debug/pprof/"`
	Expvar               *bool `json:"expvar,omitzero" doc:"variables of a Go program, its command line among them, at /debug/vars"`
	Actuator             *bool `json:"actuator,omitzero" doc:"endpoints of Spring Boot Actuator beyond health and info, listed at /actuator"`
	GraphQLIntrospection *bool `json:"graphql_introspection,omitzero" doc:"GraphQL answers a query for its schema, at /graphql or at the declared path if it ends so"`
	ServerStatus         *bool `json:"server_status,omitzero" doc:"status page of the Apache HTTP Server at /server-status"`
	Git                  *bool `json:"git,omitzero" doc:"a Git repository at /.git/HEAD"`
	PHPInfo              *bool `json:"phpinfo,omitzero" doc:"output of phpinfo() at /phpinfo.php"`
	Jolokia              *bool `json:"jolokia,omitzero" doc:"Jolokia, which manages a Java process over HTTP, at /jolokia/version"`
}
