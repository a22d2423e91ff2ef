package peers

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// RabbitMQNode says what a RabbitMQ node has beside a listener "amqp" without
// TLS and the user guest, whose password is guest and who may do everything.
type RabbitMQNode struct {
	// Plugins are enabled, by their names less "rabbitmq_": amqp1_0,
	// auth_mechanism_ssl. Those that listen do so without TLS at the address
	// named like them: stomp, mqtt, web_mqtt.
	Plugins []string
	Users   []RabbitMQUser
	// Conf are more lines of rabbitmq.conf, one a line.
	Conf string
	// With a certificate and its key, there are listeners "amqps", "stomps"
	// and "mqtts" as well, which ask for no client certificate.
	CAFile, CertFile, KeyFile string
	// AMQPS are listeners for AMQP over TLS by name, with the options of
	// Erlang's ssl that each has beside those files:
	// "{verify,verify_peer},{fail_if_no_peer_cert,true}".
	AMQPS map[string]string
}

// RabbitMQUser is a user of virtual host "/", with the regular expressions of
// what names it may configure, write and read.
type RabbitMQUser struct {
	Name      string `json:"user"`
	Password  string `json:"-"`
	Configure string `json:"configure"`
	Write     string `json:"write"`
	Read      string `json:"read"`
	VHost     string `json:"vhost"` // set here
}

// RabbitMQ starts a node of rabbitmq-server with all that it needs in a folder
// of the test and on loopback, and returns its addresses by name. It takes about
// ten seconds: start one for many tests.
func RabbitMQ(tb testing.TB, node RabbitMQNode) map[string]string {
	tb.Helper()
	epmd := Find(tb, "epmd")
	// The script in PATH changes to the user rabbitmq, who cannot read the
	// test's files; this one runs as whoever runs the test.
	program := "/usr/lib/rabbitmq/bin/rabbitmq-server"
	if !executable(program) {
		LeftOut(tb, "rabbitmq-server is not installed")
	}
	dir := tb.TempDir()
	private := reserve(tb, 2)
	epmdPort, distributionPort := portOf(tb, private[0]), portOf(tb, private[1])
	start(tb, exec.CommandContext(tb.Context(), epmd, "-port", epmdPort, "-address", "127.0.0.1")).awaitAccept(tb, private[0])

	addrs := node.reserve(tb)
	write(tb, dir, "rabbitmq.conf", node.conf(dir, addrs))
	write(tb, dir, "definitions.json", node.definitions(tb))
	write(tb, dir, "plugins", "["+strings.Join(node.pluginNames(), ",")+"].\n")
	booted := write(tb, dir, "booted.erl", node.booted(tb, addrs))
	cmd := exec.CommandContext(tb.Context(), program)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "RABBITMQ_") || strings.HasPrefix(v, "ERL_")
	}),
		"HOME="+dir, // for the cookie of the distribution
		"ERL_EPMD_ADDRESS=127.0.0.1", "ERL_EPMD_PORT="+epmdPort,
		"RABBITMQ_NODENAME=m2mscan-"+distributionPort+"@localhost", "RABBITMQ_DIST_PORT="+distributionPort,
		"RABBITMQ_CONF_ENV_FILE=/dev/null", "RABBITMQ_CONFIG_FILE="+filepath.Join(dir, "rabbitmq.conf"),
		"RABBITMQ_ENABLED_PLUGINS_FILE="+filepath.Join(dir, "plugins"),
		"RABBITMQ_MNESIA_BASE="+filepath.Join(dir, "mnesia"), "RABBITMQ_LOG_BASE="+filepath.Join(dir, "log"), "RABBITMQ_LOGS=-",
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1} -eval file:eval(\""+booted+"\")",
		"RUNNING_UNDER_SYSTEMD=true", // one process, with no shell before it that would have to pass signals on
	)
	awaitBooted(tb, cmd)
	return addrs
}

// awaitBooted starts a node and returns when it has evaluated booted.erl.
func awaitBooted(tb testing.TB, cmd *exec.Cmd) {
	tb.Helper()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	p := start(tb, cmd)
	lines := bufio.NewScanner(io.TeeReader(stdout, &p.said))
	for lines.Scan() {
		if strings.HasSuffix(lines.Text(), saysReady) {
			go func() { _, _ = io.Copy(&p.said, stdout) }() // a full pipe would stop it
			return
		}
	}
	tb.Fatal("rabbitmq-server ended before it served")
}

// reserve gives each listener of the node its address.
func (n RabbitMQNode) reserve(tb testing.TB) map[string]string {
	tb.Helper()
	names := []string{"amqp"}
	if n.CertFile != "" {
		names = append(names, "amqps")
	}
	for _, plugin := range n.Plugins {
		switch plugin {
		case "stomp", "mqtt":
			names = append(names, plugin)
			if n.CertFile != "" {
				names = append(names, plugin+"s")
			}
		case "web_mqtt":
			names = append(names, plugin)
		}
	}
	names = append(names, slices.Collect(maps.Keys(n.AMQPS))...)
	addrs := make(map[string]string)
	for i, addr := range reserve(tb, len(names)) {
		addrs[names[i]] = addr
	}
	return addrs
}

func (n RabbitMQNode) conf(dir string, addrs map[string]string) string {
	var conf strings.Builder
	fmt.Fprintf(&conf, "load_definitions = %s\nlog.console.level = warning\nlog.file = false\n", filepath.Join(dir, "definitions.json"))
	for name, key := range map[string]string{
		"amqp": "listeners.tcp.1", "amqps": "listeners.ssl.1", "web_mqtt": "web_mqtt.tcp.listener",
		"stomp": "stomp.listeners.tcp.1", "stomps": "stomp.listeners.ssl.1",
		"mqtt": "mqtt.listeners.tcp.1", "mqtts": "mqtt.listeners.ssl.1",
	} {
		if addr, ok := addrs[name]; ok {
			fmt.Fprintf(&conf, "%s = %s\n", key, addr)
		}
	}
	if n.CertFile != "" {
		fmt.Fprintf(&conf, "ssl_options.cacertfile = %s\nssl_options.certfile = %s\nssl_options.keyfile = %s\n", n.CAFile, n.CertFile, n.KeyFile)
		conf.WriteString("ssl_options.verify = verify_none\nssl_options.fail_if_no_peer_cert = false\n")
	}
	conf.WriteString(n.Conf)
	conf.WriteString("\n")
	return conf.String()
}

// definitions are what the node imports in place of its defaults.
func (n RabbitMQNode) definitions(tb testing.TB) string {
	tb.Helper()
	type user struct {
		Name     string `json:"name"`
		Password string `json:"password"`
		Tags     string `json:"tags"`
	}
	guest := RabbitMQUser{Name: "guest", Password: "guest", Configure: ".*", Write: ".*", Read: ".*"}
	var definitions struct {
		VHosts      []map[string]string `json:"vhosts"`
		Users       []user              `json:"users"`
		Permissions []RabbitMQUser      `json:"permissions"`
	}
	definitions.VHosts = []map[string]string{{"name": "/"}}
	for _, u := range append([]RabbitMQUser{guest}, n.Users...) {
		u.VHost = "/"
		definitions.Users = append(definitions.Users, user{Name: u.Name, Password: u.Password})
		definitions.Permissions = append(definitions.Permissions, u)
	}
	text, err := json.Marshal(definitions)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

func (n RabbitMQNode) pluginNames() []string {
	var names []string
	for _, plugin := range n.Plugins {
		names = append(names, "rabbitmq_"+plugin)
	}
	return names
}

// booted are the Erlang expressions that the node evaluates when it serves: they
// open the listeners whose options differ, of which rabbitmq.conf knows none,
// and say that it is ready.
func (n RabbitMQNode) booted(tb testing.TB, addrs map[string]string) string {
	tb.Helper()
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(n.AMQPS)) {
		options := fmt.Sprintf("{cacertfile,%q},{certfile,%q},{keyfile,%q}", n.CAFile, n.CertFile, n.KeyFile)
		if more := n.AMQPS[name]; more != "" {
			options += "," + more
		}
		fmt.Fprintf(&text, "rabbit_networking:start_ssl_listener({\"127.0.0.1\",%s},[%s],1).\n", portOf(tb, addrs[name]), options)
	}
	if len(n.AMQPS) > 0 { // EXTERNAL looks at the node's own options, whatever a listener's are
		text.WriteString("application:set_env(rabbit,ssl_options,[{verify,verify_peer}]).\n")
	}
	fmt.Fprintf(&text, "io:format(\"~n%s~n\").\n", saysReady)
	return text.String()
}

func portOf(tb testing.TB, addr string) string {
	tb.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		tb.Fatal(err)
	}
	return port
}
