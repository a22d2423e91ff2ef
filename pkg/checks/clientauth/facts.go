package clientauth

// Facts is the namespace "client_auth": the server's demand for a client
// certificate (mTLS), seen without presenting one.
//
// A server can insist in TLS, which then ends with an alert, or above it, as
// nginx does, which answers HTTP 400. In TLS 1.3 a handshake that completes
// proves nothing: the server reads our empty certificate only afterwards.
type Facts struct {
	Requested             *bool `json:"requested,omitzero" doc:"the server asks for a client certificate, in the handshake or in a renegotiation"`
	EnforcedByTLS         *bool `json:"enforced_by_tls,omitzero" doc:"TLS ends without a client certificate"`
	EnforcedByApplication *bool `json:"enforced_by_application,omitzero" doc:"TLS goes on, but the application refuses for want of a client certificate"`
	AcceptableCACount     *int  `json:"acceptable_ca_count,omitzero" doc:"CA names the server lists as acceptable; zero when it lists none or does not ask"`
}
