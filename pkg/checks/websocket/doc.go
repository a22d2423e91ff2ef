// Package websocket speaks the WebSocket protocol (RFC 6455) as a client, for
// protocols that run in one ([Dial]), and finds out who may open one ([Probe]).
package websocket
