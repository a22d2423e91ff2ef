package verbose

// Facts is the namespace "errors": what the server tells about itself when a
// request goes wrong. What the declared URL normally shows, and what the
// request itself said, is left out.
//
// One sighting is enough for true. For false, three requests must have been
// answered in full by the server itself, one of them with an error; what stands
// in front of a server speaks only for itself.
type Facts struct {
	StackTrace            *bool `json:"stack_trace,omitzero" doc:"an answer shows two or more different stack frames of one runtime, or the head of a stack trace"`
	DebugPage             *bool `json:"debug_page,omitzero" doc:"an answer is one that its framework or runtime gives only with debugging switched on"`
	SQLError              *bool `json:"sql_error,omitzero" doc:"an answer shows an error of a database, its driver or an object-relational mapper"`
	PathDisclosed         *bool `json:"path_disclosed,omitzero" doc:"an error shows an absolute path of the server's file system"`
	InternalHostDisclosed *bool `json:"internal_host_disclosed,omitzero" doc:"an error shows a private address (RFC 1918) or a host name of an internal network, other than the link's own"`
	VersionDisclosed      *bool `json:"version_disclosed,omitzero" doc:"the body of an error shows the exact version of a server, runtime or framework"`
	SecretDisclosed       *bool `json:"secret_disclosed,omitzero" doc:"an answer shows a private key, an access key or token, or a connection string with its password"`
	ServerError           *bool `json:"server_error,omitzero" doc:"a request at fault was answered with HTTP 500, though the declared URL is not"`
	ProblemDetails        *bool `json:"problem_details,omitzero" doc:"an error came as problem details in JSON (RFC 9457)"`

	Kinds          []string `json:"kinds,omitzero" doc:"what was recognised, such as java, django, postgresql, unix-path or stripe-key, sorted"`
	Frames         *int     `json:"frames,omitzero" doc:"different stack frames of one runtime in the answer that shows most, at most 200"`
	ProbesAnswered *int     `json:"probes_answered,omitzero" doc:"requests that the server itself answered in full, without those to which the declared URL gave its normal answer"`
}
