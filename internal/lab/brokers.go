package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
	nats "github.com/nats-io/nats-server/v2/server"
)

// MQTT starts a real MQTT broker (3.1.1 and 5). With a config it speaks TLS;
// with a user name it refuses everybody else, without one it accepts anybody.
func MQTT(ctx context.Context, config *tls.Config, user, password string) (*Server, error) {
	l, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	var inner net.Listener = l
	if config != nil {
		inner = tls.NewListener(l, config)
	}
	broker := mqtt.New(&mqtt.Options{Logger: slog.New(slog.DiscardHandler)})
	hook := &mqttLogin{user: user, password: password}
	err = broker.AddHook(hook, nil)
	if err == nil {
		err = broker.AddListener(listeners.NewNet("lab", inner))
	}
	if err == nil {
		err = broker.Serve() // does not block
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start MQTT broker: %w", err), l.Close())
	}
	return &Server{
		address:     l.Addr().String(),
		connections: l.count,
		stop: func() error {
			err := errors.Join(broker.Close(), l.Close())
			l.done.Wait()
			return err
		},
	}, nil
}

// mqttLogin lets in one user, or anybody when no user is named. Whoever is in
// may use any topic.
type mqttLogin struct {
	mqtt.HookBase
	user, password string
}

// ID implements [mqtt.Hook].
func (*mqttLogin) ID() string { return "lab-login" }

// Provides implements [mqtt.Hook].
func (*mqttLogin) Provides(b byte) bool {
	return b == mqtt.OnConnectAuthenticate || b == mqtt.OnACLCheck
}

// OnConnectAuthenticate implements [mqtt.Hook].
func (h *mqttLogin) OnConnectAuthenticate(_ *mqtt.Client, pk packets.Packet) bool {
	return h.user == "" ||
		string(pk.Connect.Username) == h.user && string(pk.Connect.Password) == h.password
}

// OnACLCheck implements [mqtt.Hook].
func (*mqttLogin) OnACLCheck(*mqtt.Client, string, bool) bool { return true }

// natsStart is how long a NATS server may take to open its port.
const natsStart = 10 * time.Second

// NATS starts a real NATS server that lets in one user. With a config its
// clients must upgrade to TLS after the INFO line, as NATS does by default.
func NATS(_ context.Context, config *tls.Config, user, password string) (*Server, error) {
	broker, err := nats.NewServer(&nats.Options{
		Host: "127.0.0.1", Port: nats.RANDOM_PORT,
		Username: user, Password: password,
		TLS: config != nil, TLSConfig: config, TLSTimeout: time.Minute.Seconds(),
		NoLog: true, NoSigs: true, NoSystemAccount: true,
	})
	if err != nil {
		return nil, fmt.Errorf("start NATS server: %w", err)
	}
	broker.Start() // returns when the port is open
	if !broker.ReadyForConnections(natsStart) {
		broker.Shutdown()
		return nil, errors.New("start NATS server: not ready in time")
	}
	return &Server{
		address: broker.Addr().String(),
		connections: func() int {
			status, err := broker.Varz(nil)
			if err != nil {
				return 0
			}
			return int(status.TotalConnections)
		},
		stop: func() error {
			broker.Shutdown()
			broker.WaitForShutdown()
			return nil
		},
	}, nil
}
