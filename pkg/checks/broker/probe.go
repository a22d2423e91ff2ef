// Package broker finds out what a message broker lets a client do: without
// credentials, with made-up ones, and with the link's own.
package broker

import (
	"context"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/amqp"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/kafka"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/mqtt"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/nats"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/redis"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/stomp"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// dialects are the protocols by URL scheme. MQTT is what brokers speak within a
// WebSocket.
//
//nolint:gochecknoglobals // a table
var dialects = map[string]func(context.Context, *channel.Survey) error{
	"mqtt": mqtt.Survey, "mqtts": mqtt.Survey, "ws": mqtt.Survey, "wss": mqtt.Survey,
	"amqp": amqp.Survey, "amqps": amqp.Survey,
	"kafka": kafka.Survey, "kafkas": kafka.Survey,
	"nats": nats.Survey, "natss": nats.Survey,
	"redis": redis.Survey, "rediss": redis.Survey,
	"stomp": stomp.Survey, "stomps": stomp.Survey,
}

// mostConnections is how many connections a survey opens at level observe;
// mostTries is how many logins come to it at level consented.
const (
	mostConnections = 6
	mostTries       = 3
)

// Probe gathers the facts of namespace "broker".
func Probe() checks.Probe {
	return checks.New(checks.Spec{
		Name:    "broker",
		Doc:     "Asks a broker in its own protocol what it is, and what a client may do there without credentials and with the link's own.",
		Level:   checks.Observe,
		Applies: func(l *inventory.Link) bool { return l.Kind == inventory.KindBroker },
		Plan: func(s checks.Scope) checks.Cost {
			// The shared handshake, and one more where an alert was lost.
			cost := checks.Cost{Connections: mostConnections + 2}
			if s.Level.Allows(checks.Consented) {
				cost.Connections += mostTries
			}
			if s.Link.Target().HTTP() {
				cost.MoreAsks = cost.Connections // each WebSocket begins with a request
			}
			return cost
		},
	}, observe)
}

func observe(ctx context.Context, v *checks.Visit) (*channel.Facts, error) {
	survey, ok := dialects[v.Target().Scheme]
	if !ok {
		return nil, checks.Because(checks.ReasonBug, "no dialect for scheme %s", v.Target().Scheme)
	}
	s := &channel.Survey{Visit: v, Facts: &channel.Facts{}}
	err := survey(ctx, s)
	s.Facts.Vantage = new(channel.Vantage(v.Address().Addr()))
	if err != nil {
		return nil, err
	}
	judgeAge(s)
	conclude(s)
	return s.Facts, nil
}
