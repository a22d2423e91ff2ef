// Package lab runs real servers in one process, on loopback ports, for tests
// and for examples/lab: good, bad and hostile ones, with certificates minted
// at start.
//
// [Start] opens the whole lab: the links of three made-up vendors, each with
// a server of its own and with what a scan of it must find. The servers
// ([HTTPS], [HTTP], [MQTT], [NATS], [Stall], [Reset] and others) and the
// certificate kit ([NewCA]) also stand alone, for tests of one probe.
//
// Nothing here listens on, or connects to, anything but 127.0.0.1.
package lab
