package grpc

// Facts is the namespace "grpc": what a gRPC server makes of a client without a
// token, with one that nobody issued, and with the link's own; and what it tells
// about itself.
//
// All of it is learned from the health service, from the reflection service at
// level active, and from a procedure that nobody has. That health is told
// without a token does not mean that data is: many servers mean it so.
type Facts struct {
	SpeaksGRPC *bool   `json:"speaks_grpc,omitzero" doc:"an answer came in gRPC, with its media type and status; false when the server answered in HTTP/2 that it knows nothing of the kind"`
	Server     *string `json:"server,omitzero" doc:"what the server or its proxy says it is (field server); empty when it does not"`

	Health             *string `json:"health,omitzero" doc:"health of the server as a whole, as it was told to a client without a token or else to the link's own: serving, not_serving, unknown, service_unknown, or unimplemented where there is no health service"`
	HealthWithoutToken *string `json:"health_without_token,omitzero" doc:"what became of a health check without a token: accepted or refused"`
	WithGarbageToken   *string `json:"with_garbage_token,omitzero" doc:"what became of one with a token that nobody issued: accepted or refused"`
	Declared           *string `json:"declared,omitzero" doc:"what became of one with the link's own credential, its client certificate included: accepted or refused"`
	PresenceOnly       *bool   `json:"presence_only,omitzero" doc:"a token that nobody issued was accepted where none was refused: that there is one is all that is checked"`

	Reflection    *bool    `json:"reflection,omitzero" doc:"the server lists its services to a client without a token; at level active"`
	Services      *int     `json:"services,omitzero" doc:"how many services it lists, reflection and health not counted; their names are not kept"`
	AdminServices []string `json:"admin_services,omitzero" doc:"services for administration or debugging among them, by their public names or, of the server's own, by their last name alone, sorted"`

	UnknownMethodStatus *int  `json:"unknown_method_status,omitzero" doc:"gRPC status of a call to a procedure that nobody has: 12 (unimplemented), or 16 (unauthenticated) where every call is checked before it is routed"`
	VerboseErrors       *bool `json:"verbose_errors,omitzero" doc:"the text of an error shows a stack trace, a path or an address of an inner network"`

	Compression []string `json:"compression,omitzero" doc:"compressions that the server says it takes, sorted"`
}

// What became of a client.
const (
	accepted = "accepted"
	refused  = "refused"
)
