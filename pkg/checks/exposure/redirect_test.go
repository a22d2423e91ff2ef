package exposure

import (
	"testing"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

func TestLeadsBack(t *testing.T) {
	t.Parallel()
	secure := inventory.Target{Scheme: "https", Host: "api.acme.example", Port: 443}
	plain := inventory.Target{Scheme: "ws", Host: "api.acme.example", Port: 8080}
	for _, test := range []struct {
		target        inventory.Target
		uri, location string
		want          bool
	}{
		{secure, "/actuator", "/actuator/", true},
		{secure, "/actuator", "/Actuator/", true},
		{secure, "/debug/pprof/", "/debug/pprof", true},
		{secure, "/swagger.json", "/swagger/v1/swagger.json", true},
		{secure, "/metrics", "https://API.acme.example/metrics/", true},
		{secure, "/metrics", "https://api.acme.example:443/metrics/", true},
		{secure, "/metrics", "//api.acme.example/metrics/", true},
		{secure, "/graphql" + introspection, "/graphql/", true},
		{secure, "/metrics", "metrics/", true},
		{secure, "/metrics", "", false},
		{secure, "/metrics", "/", false},
		{secure, "/metrics", "/login?next=/metrics", false},
		{secure, "/metrics", "https://login.acme.example/metrics", false},
		{secure, "/metrics", "https://api.acme.example:8443/metrics", false},
		{secure, "/metrics", "http://api.acme.example/metrics", false},
		{secure, "/metrics", "https://[::1/%zz", false},
		{plain, "/metrics", "http://api.acme.example:8080/metrics/", true},
		{plain, "/metrics", "http://api.acme.example/metrics/", false},
		{plain, "/metrics", "https://api.acme.example:8080/metrics/", false},
	} {
		if got := leadsBack(test.uri, test.location, test.target); got != test.want {
			t.Errorf("%s to %q: %t, want %t", test.uri, test.location, got, test.want)
		}
	}
}
