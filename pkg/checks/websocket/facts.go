package websocket

// Facts is the namespace "websocket": who may open a WebSocket at the declared
// URL. What is said in one is not looked at, but for how the server ends it: one
// that asks for a token in its first message is not told from one that asks for
// none.
type Facts struct {
	SpeaksWebSocket *bool   `json:"speaks_websocket,omitzero" doc:"a handshake was agreed to, with the right answer to its key"`
	Plaintext       *bool   `json:"plaintext,omitzero" doc:"the handshake is answered without TLS"`
	Subprotocol     *string `json:"subprotocol,omitzero" doc:"the subprotocol that the server chose of well-known ones; any, when it takes one that nobody has; empty when it chose none"`
	Compression     *bool   `json:"compression,omitzero" doc:"the server agrees on compression (permessage-deflate, RFC 7692)"`

	WithoutToken     *string `json:"without_token,omitzero" doc:"what became of a handshake without a token: accepted or refused, by HTTP 401 or 403 or by being closed at once for that reason"`
	WithGarbageToken *string `json:"with_garbage_token,omitzero" doc:"what became of one with a token that nobody issued: accepted or refused"`
	Declared         *string `json:"declared,omitzero" doc:"what became of one with the link's own credential, its client certificate included: accepted or refused"`
	PresenceOnly     *bool   `json:"presence_only,omitzero" doc:"a token that nobody issued was accepted where none was refused: that there is one is all that is checked"`

	ForeignOrigin   *bool   `json:"foreign_origin,omitzero" doc:"a handshake that was accepted is accepted as well when it says that it comes from a page of another site (field Origin)"`
	ForeignOriginAs *string `json:"foreign_origin_as,omitzero" doc:"whose handshake that was: anonymous, or declared when it had the link's own credential"`
}

// What became of a handshake.
const (
	accepted = "accepted"
	refused  = "refused"
)

// Whose handshake was tried with a foreign origin.
const (
	asAnonymous = "anonymous"
	asDeclared  = "declared"
)
