package flaws

// Facts is the namespace "tls_flaws": known faults in how a server's TLS was
// written. Each is looked for at the first address that is visited.
type Facts struct {
	Heartbleed   *bool `json:"heartbleed,omitzero" worst:"true" doc:"a heartbeat request is answered with memory that it does not hold (CVE-2014-0160)"`
	CCSInjection *bool `json:"ccs_injection,omitzero" worst:"true" doc:"keys are changed before any were agreed (CVE-2014-0224)"`
	ROBOT        *bool `json:"robot,omitzero" worst:"true" doc:"the alert to a malformed RSA key exchange tells how it is malformed, which lets sessions be decrypted (Bleichenbacher's attack)"`
}
