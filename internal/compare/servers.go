package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// serverName is what the servers' certificate is for.
const serverName = "bench.test"

// server is a real server on this machine.
type server struct {
	name    string // for the heading
	about   string // its configuration, for people
	address string
}

// nginxServers are the configurations that nginx serves.
var nginxServers = []struct{ name, about, directives string }{
	{
		"30 suites", "nginx as it comes: TLS 1.2 and 1.3, `HIGH:!aNULL:!MD5`",
		"ssl_protocols TLSv1.2 TLSv1.3;",
	},
	{
		"hardened", "nginx, TLS 1.2 and 1.3, ECDHE with AEAD alone",
		"ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20; ssl_prefer_server_ciphers on;",
	},
	{
		"legacy", "nginx, TLS 1.0 to 1.2, `ALL:eNULL` without a level of security",
		"ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_ciphers ALL:eNULL:@SECLEVEL=0;",
	},
}

// fleet are the servers that are compared on, and their processes.
type fleet struct {
	dir     string
	files   pki
	servers []server
	running []*exec.Cmd
}

// startFleet starts all servers, with their files in dir. They run until ctx
// ends or stop is called.
func startFleet(ctx context.Context, dir string) (*fleet, error) {
	files, err := mint(dir)
	if err != nil {
		return nil, err
	}
	f := &fleet{dir: dir, files: files}
	err = f.startNginx(ctx)
	if err == nil {
		err = f.startHAProxy(ctx)
	}
	if err == nil {
		err = f.await(ctx)
	}
	if err != nil {
		f.stop()
		return nil, err
	}
	return f, nil
}

func (f *fleet) stop() {
	for _, cmd := range f.running {
		_ = cmd.Process.Signal(syscall.SIGTERM) // a killed nginx would leave its worker behind
		_ = cmd.Wait()
	}
}

func (f *fleet) startNginx(ctx context.Context) error {
	var conf strings.Builder
	fmt.Fprintf(&conf, "daemon off; worker_processes 1; pid %[1]s/nginx.pid; error_log %[1]s/error.log;\n"+
		"events { worker_connections 512; }\nhttp { access_log off; ssl_certificate %[2]s; ssl_certificate_key %[3]s;\n",
		f.dir, f.files.chain, f.files.key)
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&conf, "%s_temp_path %s/%s;\n", kind, f.dir, kind)
	}
	for _, s := range nginxServers {
		address, err := freeAddress(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(&conf, "server { listen %s ssl; %s return 204; }\n", address, s.directives)
		f.servers = append(f.servers, server{s.name, s.about, address})
	}
	conf.WriteString("}\n")
	return f.start(ctx, "nginx.conf", conf.String(), "nginx", "-p", f.dir, "-e", filepath.Join(f.dir, "error.log"), "-c")
}

// startHAProxy starts the server that insists on a client certificate, which
// nginx cannot within TLS. Without HAProxy there is none.
func (f *fleet) startHAProxy(ctx context.Context) error {
	address, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	conf := fmt.Sprintf("defaults\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n"+
		"frontend f\n  bind %s ssl crt %s ca-file %s verify required ssl-min-ver TLSv1.3\n  http-request return status 204\n",
		address, f.files.both, f.files.ca)
	err = f.start(ctx, "haproxy.cfg", conf, "haproxy", "-db", "-f")
	if errors.Is(err, exec.ErrNotFound) {
		return nil
	}
	f.servers = append(f.servers, server{
		"client certificate", "HAProxy, TLS 1.3 alone, insists on a client certificate", address,
	})
	return err
}

// start writes a configuration and starts a program with its path as the last
// argument.
func (f *fleet) start(ctx context.Context, name, conf, program string, args ...string) error {
	found, err := lookPath(program)
	if err != nil {
		return err
	}
	path := filepath.Join(f.dir, name)
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, found, append(args, path)...)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		return err
	}
	f.running = append(f.running, cmd)
	return nil
}

// lookPath also looks where Debian keeps servers.
func lookPath(program string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/" + program)
}

// freeAddress is an address that was free a moment ago.
func freeAddress(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}

// await waits until every server takes connections.
func (f *fleet) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for _, s := range f.servers {
		for !takesConnections(ctx, s.address) {
			select {
			case <-ctx.Done():
				return fmt.Errorf("the server %q does not answer", s.name)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	return nil
}

func takesConnections(ctx context.Context, address string) bool {
	dialer := net.Dialer{}
	c, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}
