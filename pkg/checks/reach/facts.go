package reach

// Facts is the namespace "link": can the peer be reached, where, how fast. A
// link that cannot be reached has no facts; its observation says why.
type Facts struct {
	Reachable *bool    `json:"reachable,omitzero" doc:"a TCP connection was made, whatever came of it then"`
	Addresses []string `json:"addresses,omitzero" doc:"addresses the name resolves to, sorted"`
	Address   *string  `json:"address,omitzero" doc:"the address that was connected to, without the port"`
	Network   *string  `json:"network,omitzero" doc:"loopback, private or public: where that address lies"`
	Drift     []string `json:"address_drift,omitzero" doc:"what differs between the addresses of the name, such as certificate, version, suite or reachability; empty when nothing does or there is one address"`
	LatencyMS *float64 `json:"latency_ms,omitzero" doc:"time to connect, in milliseconds: about one round trip"`
}
