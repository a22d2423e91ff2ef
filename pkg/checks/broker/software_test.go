package broker

import (
	"net/url"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

func TestIsPrivate(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"10.0.3.7:9092": true, "192.168.1.1": true, "127.0.0.1:4222": true, "[fd00::1]:4222": true, "169.254.1.1": true,
		"kafka-0:9092": true, "broker.svc.cluster.local:9092": true, "b1.internal": true,
		"203.0.113.7:9092": false, "b1.acme.example:9092": false, "[2001:db8::1]:4222": false,
	} {
		if got := isPrivate(host); got != want {
			t.Errorf("%s: %v, want %v", host, got, want)
		}
	}
}

func mustLink(t *testing.T, scheme string) *inventory.Link {
	t.Helper()
	u, err := url.Parse(scheme + "://mqtt.acme.example/mqtt")
	if err != nil {
		t.Fatal(err)
	}
	return &inventory.Link{URL: u, Kind: inventory.KindBroker}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	for scheme, asks := range map[string]int{"mqtts": 0, "wss": mostConnections + 2} {
		cost := Probe().Plan(checks.Scope{Link: mustLink(t, scheme), Level: checks.Observe})
		if cost.Connections != mostConnections+2 || len(cost.Asks) != 0 || cost.MoreAsks != asks {
			t.Errorf("%s: %+v", scheme, cost)
		}
	}
	if cost := Probe().Plan(checks.Scope{Link: mustLink(t, "mqtts"), Level: checks.Consented}); cost.Connections != mostConnections+2+mostTries {
		t.Errorf("%+v", cost)
	}
}
