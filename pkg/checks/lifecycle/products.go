package lifecycle

// productIDs are the products whose releases we keep: those that a banner, a
// greeting of a broker or a debug page may name. Upstream has ten times as
// many.
var productIDs = []string{
	"apache-activemq", "apache-apisix", "apache-http-server", "apache-kafka", "caddy", "consul", "django", "dotnet",
	"eclipse-jetty", "elasticsearch", "envoy", "express", "gitlab", "go", "grafana", "haproxy", "hashicorp-vault",
	"istio", "jenkins", "keycloak", "kubernetes", "laravel", "mongodb", "nginx", "nodejs", "openssl", "oracle-jdk",
	"php", "postgresql", "prometheus", "python", "quarkus-framework", "rabbitmq", "redis", "ruby", "spring-boot",
	"squid", "symfony", "tomcat", "traefik", "valkey", "windows-server",
}

// productNames maps what software calls itself, in lower case, to the id that
// endoflife.date has for it, or to one of our own.
//
//nolint:gosec // G101 takes one of the names for a password
var productNames = map[string]string{
	// Web servers and proxies.
	"nginx": "nginx", "nginx-plus": "nginx-plus", "openresty": "openresty", "tengine": "tengine", "angie": "angie",
	"apache": "apache-http-server", "apache httpd": "apache-http-server", "httpd": "apache-http-server",
	"microsoft-iis": "microsoft-iis", "iis": "microsoft-iis", "microsoft-httpapi": "http-sys", "kestrel": "kestrel",
	"caddy": "caddy", "envoy": "envoy", "istio-envoy": "envoy", "haproxy": "haproxy", "traefik": "traefik",
	"squid": "squid", "varnish": "varnish", "varnishd": "varnish", "litespeed": "litespeed", "openlitespeed": "litespeed",
	"lighttpd": "lighttpd", "h2o": "h2o", "cherokee": "cherokee", "ats": "apache-traffic-server",
	"apachetrafficserver": "apache-traffic-server", "kong": "kong", "apisix": "apache-apisix", "tyk": "tyk",
	// Clouds.
	"cloudflare": "cloudflare", "awselb": "aws-elb", "amazons3": "amazon-s3", "cloudfront": "amazon-cloudfront",
	"akamaighost": "akamai", "google frontend": "google-frontend", "gws": "google-frontend", "gse": "google-frontend",
	"bigip": "big-ip", "big-ip": "big-ip", "netscaler": "netscaler", "heroku": "heroku", "vegur": "heroku",
	// Java.
	"apache-coyote": "tomcat", "tomcat": "tomcat", "apache tomcat": "tomcat", "jetty": "eclipse-jetty",
	"wildfly": "wildfly", "jboss": "jboss", "jboss-eap": "jboss-eap", "jbossas": "jboss", "jbossweb": "jboss-web",
	"undertow": "undertow", "glassfish": "glassfish", "glassfish server": "glassfish",
	"glassfish server open source edition": "glassfish", "payara server": "payara", "weblogic": "weblogic",
	"weblogic server": "weblogic", "oracle weblogic server": "weblogic", "websphere application server": "websphere",
	"java": "java", "oracle jdk": "oracle-jdk", "servlet": "servlet", "jsp": "jsp", "spring-boot": "spring-boot",
	"spring boot": "spring-boot", "quarkus": "quarkus-framework", "keycloak": "keycloak", "jenkins": "jenkins",
	"coldfusion": "coldfusion",
	// Other languages and frameworks.
	"php": "php", "python": "python", "cpython": "python", "ruby": "ruby", "perl": "perl", "go": "go", "golang": "go",
	"node": "nodejs", "node.js": "nodejs", "nodejs": "nodejs", "express": "express", "next.js": "nextjs", "nuxt": "nuxt",
	"koa": "koa", "hapi": "hapi", "asp.net": "aspnet", "asp.net core": "aspnet-core", ".net": "dotnet", "dotnet": "dotnet",
	"django": "django", "gunicorn": "gunicorn", "uvicorn": "uvicorn", "hypercorn": "hypercorn", "waitress": "waitress",
	"werkzeug": "werkzeug", "tornadoserver": "tornado", "aiohttp": "aiohttp", "cherrypy": "cherrypy",
	"laravel": "laravel", "thinkphp": "thinkphp", "symfony": "symfony", "drupal": "drupal",
	"craft cms": "craft-cms", "wordpress": "wordpress",
	"puma": "puma", "webrick": "webrick", "unicorn": "unicorn", "thin": "thin", "phusion passenger": "phusion-passenger",
	"phusion_passenger": "phusion-passenger", "ruby on rails": "rails",
	"cowboy": "cowboy", "rocket": "rocket", "actix-web": "actix-web",
	// Libraries that servers name.
	"openssl": "openssl", "libressl": "libressl", "boringssl": "boringssl",
	// Products over HTTP.
	"grafana": "grafana", "prometheus": "prometheus", "elasticsearch": "elasticsearch", "opensearch": "opensearch",
	"solr": "apache-solr", "apache solr": "apache-solr", "minio": "minio", "minio console": "minio", "consul": "consul",
	"vault": "hashicorp-vault", "gitlab": "gitlab", "influxdb": "influxdb", "kubernetes": "kubernetes", "istio": "istio",
	"couchdb": "couchdb", "mongodb": "mongodb", "postgresql": "postgresql", "confluence": "confluence",
	"liferay": "liferay", "liferay portal": "liferay", "liferay community edition portal": "liferay",
	"liferay digital experience platform": "liferay", "sharepoint": "sharepoint",
	// Brokers.
	"rabbitmq": "rabbitmq", "redis": "redis", "valkey": "valkey", "kafka": "apache-kafka", "apache kafka": "apache-kafka",
	"activemq": "apache-activemq", "apache activemq": "apache-activemq", "nats": "nats", "nats-server": "nats",
	"mosquitto": "mosquitto", "eclipse mosquitto": "mosquitto", "emqx": "emqx", "hivemq": "hivemq", "vernemq": "vernemq",
	"activemq artemis": "apache-artemis", "apache activemq artemis": "apache-artemis", "artemis": "apache-artemis",
	"qpid": "apache-qpid", "lavinmq": "lavinmq", "keydb": "keydb", "dragonfly": "dragonfly", "redpanda": "redpanda",
}

// unversioned names carry a number that is not the product's version:
// Tomcat's connector counts by itself.
var unversioned = map[string]bool{"apache-coyote": true}

// windowsOfIIS is the release of Windows Server that a version of IIS came
// with, as endoflife.date calls it; where service packs differ, the one that
// lived longest. IIS 10.0 came with every release since 2016.
var windowsOfIIS = map[string]string{
	"8.5": "2012-r2", "8.0": "2012", "7.5": "2008-r2-sp1", "7.0": "2008-sp2", "6.0": "2003-sp2", "5.0": "2000",
}

// distroTokens are how banners name the distribution that built the software,
// in lower case; of two that match, the first.
var distroTokens = []struct{ token, distro string }{
	{"ubuntu", "ubuntu"}, {"raspbian", "raspbian"}, {"debian", "debian"},
	{"red hat", "rhel"}, {"redhat", "rhel"}, {"rhel", "rhel"}, {"centos", "centos"}, {"almalinux", "almalinux"},
	{"rocky linux", "rocky"}, {"oracle linux", "oracle-linux"}, {"amazon linux", "amazon-linux"}, {"fedora", "fedora"},
	{"suse", "suse"}, {"alpine", "alpine"}, {".amzn", "amazon-linux"}, {"+deb", "debian"}, {"~deb", "debian"},
	{".el5", "rhel"}, {".el6", "rhel"}, {".el7", "rhel"}, {".el8", "rhel"}, {".el9", "rhel"}, {".el10", "rhel"}, {".fc", "fedora"},
}
