package lifecycle

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shown writes software as "product version (distro)".
func shown(list []Software) []string {
	var texts []string
	for _, s := range list {
		text := strings.TrimSpace(s.Product + " " + s.Version)
		if s.Distro != "" {
			text += " (" + s.Distro + ")"
		}
		texts = append(texts, text)
	}
	return texts
}

// TestBanners reads banners as servers in the wild send them.
func TestBanners(t *testing.T) {
	t.Parallel()
	tests := []struct {
		header, value string
		want          []string
	}{
		{"Server", "nginx/1.22.1", []string{"nginx 1.22.1"}},
		{"Server", "nginx", []string{"nginx"}},
		{"Server", "nginx/1.18.0 (Ubuntu)", []string{"nginx 1.18.0 (ubuntu)"}},
		{"Server", "nginx/1.25.3 + Phusion Passenger(R) 6.0.18", []string{"nginx 1.25.3", "phusion-passenger 6.0.18"}},
		{"Server", "nginx/1.14.1 + Phusion Passenger 6.0.4", []string{"nginx 1.14.1", "phusion-passenger 6.0.4"}},
		{"Server", "Apache/2.4.57 (Debian) OpenSSL/3.0.11 PHP/8.2.7", []string{"apache-http-server 2.4.57 (debian)", "openssl 3.0.11 (debian)", "php 8.2.7 (debian)"}},
		{"Server", "Apache/2.4.6 (CentOS) OpenSSL/1.0.2k-fips PHP/5.4.16 mod_perl/2.0.11 Perl/v5.16.3", []string{
			"apache-http-server 2.4.6 (centos)", "openssl 1.0.2k (centos)", "php 5.4.16 (centos)", "mod-perl 2.0.11 (centos)", "perl 5.16.3 (centos)",
		}},
		{"Server", "Apache/2.4.37 (Red Hat Enterprise Linux) OpenSSL/1.1.1k", []string{"apache-http-server 2.4.37 (rhel)", "openssl 1.1.1k (rhel)"}},
		{"Server", "Apache/2.4.58 (Win64) OpenSSL/3.1.3 PHP/8.2.12", []string{"apache-http-server 2.4.58", "openssl 3.1.3", "php 8.2.12"}},
		{"Server", "Apache/2.4.58 ()", []string{"apache-http-server 2.4.58"}},
		{"Server", "Apache", []string{"apache-http-server"}},
		{"Server", "Apache/2", []string{"apache-http-server 2"}},
		{"Server", "Apache (Unix) mod_wsgi/4.9.0 Python/3.9", []string{"apache-http-server", "mod-wsgi 4.9.0", "python 3.9"}},
		{"Server", "Microsoft-IIS/10.0", []string{"microsoft-iis 10.0"}},
		{"Server", "Microsoft-IIS/8.5", []string{"microsoft-iis 8.5", "windows-server 2012-r2"}},
		{"Server", "Microsoft-HTTPAPI/2.0", []string{"http-sys 2.0"}},
		{"Server", "openresty/1.21.4.1", []string{"openresty 1.21.4.1"}},
		{"Server", "Jetty(9.4.51.v20230217)", []string{"eclipse-jetty 9.4.51.v20230217"}},
		{"Server", "Jetty(11.0.15)", []string{"eclipse-jetty 11.0.15"}},
		{"Server", "gunicorn/20.1.0", []string{"gunicorn 20.1.0"}},
		{"Server", "gunicorn", []string{"gunicorn"}},
		{"Server", "Werkzeug/2.3.7 Python/3.11.4", []string{"werkzeug 2.3.7", "python 3.11.4"}},
		{"Server", "SimpleHTTP/0.6 Python/3.11.2", []string{"simplehttp 0.6", "python 3.11.2"}},
		{"Server", "TornadoServer/6.2", []string{"tornado 6.2"}},
		{"Server", "uvicorn", []string{"uvicorn"}},
		{"Server", "envoy", []string{"envoy"}},
		{"Server", "istio-envoy", []string{"envoy"}},
		{"Server", "Kestrel", []string{"kestrel"}},
		{"Server", "Caddy", []string{"caddy"}},
		{"Server", "cloudflare", []string{"cloudflare"}},
		{"Server", "LiteSpeed", []string{"litespeed"}},
		{"Server", "awselb/2.0", []string{"aws-elb 2.0"}},
		{"Server", "AmazonS3", []string{"amazon-s3"}},
		{"Server", "Apache-Coyote/1.1", []string{"tomcat"}},
		{"Server", "Apache Tomcat/9.0.1", []string{"tomcat 9.0.1"}},
		{"Server", "Tomcat", []string{"tomcat"}},
		{"Server", "WildFly/10", []string{"wildfly 10"}},
		{"Server", "GlassFish Server Open Source Edition 4.1", []string{"glassfish 4.1"}},
		{"Server", "WebLogic Server 12.2.1.3.0 Thu Aug 17 13:39:49 PDT 2017", []string{"weblogic 12.2.1.3.0"}},
		{"Server", "squid/5.7", []string{"squid 5.7"}},
		{"Server", "HAProxy", []string{"haproxy"}},
		{"Server", "Traefik", []string{"traefik"}},
		{"Server", "kong/3.4.0", []string{"kong 3.4.0"}},
		{"Server", "APISIX/2.12.1", []string{"apache-apisix 2.12.1"}},
		{"Server", "MinIO", []string{"minio"}},
		{"Server", "BigIP", []string{"big-ip"}},
		{"Server", "puma 5.6.4 Birdie's Version", []string{"puma 5.6.4"}},
		{"Server", "WEBrick/1.6.1 (Ruby/2.7.4/2021-07-07)", []string{"webrick 1.6.1", "ruby 2.7.4"}},
		{"Server", "Zope/(2.13.22, python 2.7.9, linux2) ZServer/1.1", []string{"zope", "zserver 1.1"}},
		{"Server", "Acme-Gateway/7.1", []string{"acme-gateway 7.1"}},
		{"Server", "gws", []string{"google-frontend"}},
		{"Server", "Apache/Unknown", []string{"apache-http-server"}},
		{"Server", "nginx/1.29.0-alpha1", []string{"nginx 1.29.0-alpha1"}},
		{"Server", "1.2.3", nil},
		{"Server", "", nil},
		{"Server", "((((", nil},
		{"X-Powered-By", "PHP/8.1.2-1ubuntu2.14", []string{"php 8.1.2 (ubuntu)"}},
		{"X-Powered-By", "PHP/7.4.33-0+deb11u4", []string{"php 7.4.33 (debian)"}},
		{"X-Powered-By", "PHP/8.2.7+deb12u1", []string{"php 8.2.7 (debian)"}},
		{"X-Powered-By", "PHP/7.2.24-0.el8", []string{"php 7.2.24 (rhel)"}},
		{"X-Powered-By", "PHP/8.2.9-1.amzn2023", []string{"php 8.2.9 (amazon-linux)"}},
		{"X-Powered-By", "Express", []string{"express"}},
		{"X-Powered-By", "ASP.NET", []string{"aspnet"}},
		{"X-Powered-By", "Next.js 13", []string{"nextjs 13"}},
		{"X-Powered-By", "Next.js", []string{"nextjs"}},
		{"X-Powered-By", "Servlet/3.0; JBossAS-6", []string{"servlet 3.0"}},
		{"X-Powered-By", "Craft CMS", []string{"craft-cms"}},
		{"X-Aspnet-Version", "4.0.30319", []string{"aspnet 4.0.30319"}},
		{"X-Aspnetmvc-Version", "5.2", []string{"aspnet-mvc 5.2"}},
		{"X-Jenkins", "2.401.3", []string{"jenkins 2.401.3"}},
		{"X-Generator", "Drupal 10 (https://www.drupal.org)", []string{"drupal 10"}},
		{"X-Drupal-Cache", "HIT", []string{"drupal"}},
		{"X-Varnish", "32770 5", []string{"varnish"}},
		{"X-Envoy-Upstream-Service-Time", "12", []string{"envoy"}},
		{"X-Elastic-Product", "Elasticsearch", []string{"elasticsearch"}},
		{"X-Owa-Version", "15.2.1118.7", []string{"exchange-server 15.2.1118.7"}},
		{"Liferay-Portal", "Liferay Community Edition Portal 7.4.3.4 CE GA4 (Cavanaugh / Build 7403 / October 18, 2021)", []string{"liferay 7.4.3.4"}},
		{"Via", "1.1 varnish", []string{"varnish"}},
		{"Via", "1.1 squid/5.7", []string{"squid 5.7"}},
		{"Via", "1.1 proxy.example:3128 (squid/5.7)", []string{"squid 5.7"}},
		{"Via", "1.0 fred, 1.1 p.example.net", nil},
		{"Via", "HTTP/1.1 kong/3.4.0", []string{"kong 3.4.0"}},
		{"X-Unheard-Of", "nginx/1.2", nil},
	}
	for _, test := range tests {
		got := shown(Identify(http.Header{test.header: {test.value}}))
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", test.header, test.value, diff)
		}
	}
}

// TestIdentifyTogether: the server comes first, and the same product from two
// headers is one, with the version that one of them has.
func TestIdentifyTogether(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	h.Set("Via", "1.1 varnish (Varnish/6.0)")
	h.Set("X-Varnish", "1")
	h.Set("Server", "Microsoft-IIS/10.0")
	h.Set("X-AspNet-Version", "4.0.30319")
	h.Add("X-Powered-By", "ASP.NET")
	h.Add("X-Powered-By", "PHP/8.2.7")
	h.Set("MicrosoftSharePointTeamServices", "16.0.0.5071")
	want := []string{"microsoft-iis 10.0", "aspnet 4.0.30319", "php 8.2.7", "sharepoint 16.0.0.5071", "varnish 6.0"}
	if diff := cmp.Diff(want, shown(Identify(h))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBannerText(t *testing.T) {
	t.Parallel()
	tests := []struct{ value, want string }{
		{"Apache/2.4.57 (Debian)", "Apache/2.4.57"},
		{"Jetty(9.4.51)", "Jetty(9.4.51)"},
		{"Phusion  Passenger(R) 6.0.18", "Phusion Passenger(R) 6.0.18"},
		{"nginx\x1b[31m/1.2", "nginx[31m/1.2"},
	}
	for _, test := range tests {
		got := Identify(http.Header{"Server": {test.value}})
		if len(got) == 0 || got[0].Banner != test.want {
			t.Errorf("%q: %+v, want the words %q", test.value, got, test.want)
		}
	}
}

func TestNamed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		product, version string
		want             string // empty: not known
	}{
		{"RabbitMQ", "3.12.1", "rabbitmq 3.12.1"},
		{"redis", "7.0.15", "redis 7.0.15"},
		{"Redis", "5:7.0.15-1~deb12u1", "redis"},
		{"redis", "7.0.15-1~deb12u1", "redis 7.0.15 (debian)"},
		{"Valkey", "8.0.1", "valkey 8.0.1"},
		{"kafka", "3.7", "apache-kafka 3.7"},
		{"Apache ActiveMQ", "5.15.2", "apache-activemq 5.15.2"},
		{"apache-activemq", "", "apache-activemq"},
		{"apache-kafka", "v4.0.0", "apache-kafka 4.0.0"},
		{"nats-server", "2.10.7", "nats 2.10.7"},
		{"mosquitto", "2.0.18", "mosquitto 2.0.18"},
		{"Acme Broker", "1.0", ""},
		{"", "", ""},
	}
	for _, test := range tests {
		s, ok := Named(test.product, test.version)
		got := ""
		if ok {
			got = shown([]Software{s})[0]
		}
		if got != test.want || ok != (test.want != "") {
			t.Errorf("Named(%q, %q) = %q, %t; want %q", test.product, test.version, got, ok, test.want)
		}
	}
}

// TestHostileHeaders: no header makes us keep much.
func TestHostileHeaders(t *testing.T) {
	t.Parallel()
	var many strings.Builder
	for i := range 20_000 {
		many.WriteString(strings.Repeat("a", 1+i%50) + "/" + strings.Repeat("1", 1+i%9) + " ")
	}
	for name, h := range map[string]http.Header{
		"many products":  {"Server": {many.String()}},
		"many headers":   {"Server": slices.Repeat([]string{many.String()[:2000]}, 1000)},
		"one long word":  {"Server": {strings.Repeat("x", 1<<20)}},
		"a long version": {"Server": {"nginx/" + strings.Repeat("1.", 1<<19)}},
		"parentheses":    {"Server": {strings.Repeat("(", 1<<20)}},
		"a long comment": {"Server": {"a (" + strings.Repeat("php/1 ", 1<<18) + ")"}},
		"no text":        {"Via": {strings.Repeat("\xff\x00", 1<<19)}},
		"spaces":         {"X-Generator": {strings.Repeat(" ", 1<<20)}},
		"not canonical":  {"server": {"nginx/1.2"}},
	} {
		got := Identify(h)
		if len(got) > maxSoftware {
			t.Errorf("%s: %d products", name, len(got))
		}
		checkBounds(t, got)
	}
	if got := Identify(http.Header{"Server": {"a/1 " + strings.Repeat("x ", maxPieces) + "php/8.2"}}); len(got) != 1 {
		t.Errorf("read beyond %d words: %v", maxPieces, got)
	}
	var some, more strings.Builder
	for i := range 20 {
		fmt.Fprintf(&some, "some%d/1 ", i)
		fmt.Fprintf(&more, "more%d/1 ", i)
	}
	if got := Identify(http.Header{"Server": {some.String()}, "X-Powered-By": {more.String()}}); len(got) != maxSoftware {
		t.Errorf("%d products, want the first %d", len(got), maxSoftware)
	}
	for name, h := range map[string]http.Header{
		"one value":      {"Server": {strings.Repeat(" ", maxHeaders) + "nginx"}},
		"many values":    {"Server": append(slices.Repeat([]string{strings.Repeat(" ", 1024)}, maxHeaders/1024), "nginx")},
		"another header": {"Server": {strings.Repeat(" ", maxHeaders)}, "X-Powered-By": {"PHP/8.2"}},
	} {
		if got := Identify(h); got != nil {
			t.Errorf("%s: read beyond %d bytes: %v", name, maxHeaders, got)
		}
	}
}

func checkBounds(t *testing.T, list []Software) {
	t.Helper()
	for _, s := range list {
		if s.Product == "" || len(s.Product) > maxName || len(s.Version) > maxName || len(s.Banner) > maxBanner {
			t.Errorf("out of bounds: %+v", s)
		}
		if strings.ContainsFunc(s.Product+s.Version+s.Banner, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("holds control characters: %+q", s)
		}
	}
}

func FuzzIdentify(f *testing.F) {
	for _, seed := range []string{
		"nginx/1.18.0 (Ubuntu)", "Jetty(9.4.51.v20230217)", "Phusion Passenger(R) 6.0.18", "1.1 proxy (squid/5.7), 1.1 varnish",
		"Apache/2.4.6 (CentOS) OpenSSL/1.0.2k-fips", "a/b/c (d/1", "Microsoft-IIS/8.5", "GlassFish Server Open Source Edition 4.1", "\xff/1", "-/1", "1.1.1-+~",
	} {
		f.Add(seed, seed)
	}
	d := Embedded()
	now := day(2026, 9, 1)
	f.Fuzz(func(t *testing.T, server, via string) {
		got := Identify(http.Header{"Server": {server}, "Via": {via}, "X-Jenkins": {via}})
		if len(got) > maxSoftware {
			t.Errorf("%d products", len(got))
		}
		checkBounds(t, got)
		for _, s := range got {
			status := d.Status(s, now)
			if status.Cycle == "" && (status.EndOfLife != nil || status.Behind != nil) {
				t.Errorf("%+v: %+v without a cycle", s, status)
			}
			if s.Version == "" && status.Cycle != "" {
				t.Errorf("%+v: a cycle without a version", s)
			}
		}
	})
}

func BenchmarkIdentifyAndStatus(b *testing.B) {
	h := http.Header{
		"Server": {"Apache/2.4.57 (Debian) OpenSSL/3.0.11 PHP/8.2.7"}, "X-Powered-By": {"PHP/8.2.7"}, "Via": {"1.1 varnish"},
		"Content-Type": {"application/json"}, "Date": {"Sat, 21 Nov 2026 10:00:00 GMT"},
	}
	d, now := Embedded(), day(2026, 9, 1)
	b.ReportAllocs()
	for b.Loop() {
		for _, s := range Identify(h) {
			d.Status(s, now)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parse("", embedded); err != nil {
			b.Fatal(err)
		}
	}
}
