package peers

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Mosquitto starts the MQTT broker mosquitto with one listener for each
// element of listeners: the options that follow its listener line, one a line.
// Anyone may log in. It returns their addresses in order.
func Mosquitto(tb testing.TB, listeners ...string) []string {
	tb.Helper()
	program := Find(tb, "mosquitto")
	addrs := reserve(tb, len(listeners))
	var conf strings.Builder
	conf.WriteString("allow_anonymous true\nlog_dest stderr\n")
	if os.Geteuid() == 0 {
		conf.WriteString("user root\n") // another could not read the test's files
	}
	for i, options := range listeners {
		host, port, err := net.SplitHostPort(addrs[i])
		if err != nil {
			tb.Fatal(err)
		}
		fmt.Fprintf(&conf, "listener %s %s\n%s\n", port, host, options)
	}
	confFile := write(tb, tb.TempDir(), "mosquitto.conf", conf.String())
	start(tb, exec.CommandContext(tb.Context(), program, "-c", confFile)).awaitAccept(tb, addrs...)
	return addrs
}
