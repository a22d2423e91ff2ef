// Package wire is a TCP proxy on loopback that behaves like a longer or a
// narrower network: it delays, it limits the rate of new connections, and it
// counts. Tests and benchmarks put it between a scanner and a server.
//
// # Delay
//
// With a round trip of d, every byte takes d/2 each way, in order and at full
// rate. The kernel of the machine still completes a client's connect at once,
// so the round trip that a connect costs is charged to what follows it: the
// server sees the connection 1.5 d after the client asked for it, and the
// client's first bytes with it. A client that connects, sends a question and
// reads the answer thus waits 2 d, as over a real network; only that connect
// itself took no time, which matters to who measures it alone, to connect
// timeouts, and to a server that speaks first, whose greeting arrives after
// 2 d and not 1.5.
//
// # Limit
//
// A limit is a token bucket for new connections, as firewalls have it. What
// exceeds it is reset, closed, or left open in silence. A firewall that drops
// the SYN itself cannot be imitated from outside the kernel. Another limit is
// on the connections served at once, as by devices that know only one: the
// others are taken by the kernel and wait.
package wire
