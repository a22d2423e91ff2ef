package lab

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"
)

// service is an HTTP API. Its zero value, with a path and a document, does
// well what a scan looks at: it asks for the lab's token, limits the rate as
// agreed and says so, explains errors as RFC 9457 has it and gives nothing
// away. The other fields are ways of doing worse.
type service struct {
	path     string
	document string // what the path is answered with, JSON
	limit    int    // requests in each window; zero means 600
	window   time.Duration

	everybody bool // no token is asked for
	anyToken  bool // whatever looks like a token is let in
	silent    bool // the limit is neither kept nor told
	told      int  // the limit that is told, when another one is kept
	failing   bool // an unknown path ends in a stack trace
	banner    string
	anyOrigin bool                    // CORS for everybody, with credentials
	siblings  map[string]http.Handler // served without a token beside the path
}

// serves returns an opener of the service behind the site's TLS.
func (s site) serves(api service) opener { return s.servesBy(api, HTTPS) }

// servesBy is serves with a server of another kind.
func (s site) servesBy(api service, open func(context.Context, *tls.Config, http.Handler) (*Server, error)) opener {
	return func(ctx context.Context, a authorities) (*Server, error) {
		return s.behind(func(ctx context.Context, config *tls.Config) (*Server, error) {
			return open(ctx, config, api.handler(a.token))
		})(ctx, a)
	}
}

func (s service) handler(token string) http.Handler {
	if s.limit == 0 {
		s.limit, s.window = 600, time.Minute
	}
	quota := &quota{most: s.limit, window: s.window}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.greet(w, r)
		if !s.silent && !s.admit(w, quota) {
			return
		}
		if sibling, ok := s.siblings[r.URL.Path]; ok {
			sibling.ServeHTTP(w, r)
			return
		}
		switch {
		case s.failing && r.URL.Path != s.path:
			w.Header().Set("Content-Type", "text/html;charset=utf-8")
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, javaTrace)
		case r.URL.Path != s.path:
			problem(w, http.StatusNotFound, "there is nothing here")
		case !s.lets(r, token):
			challenge := `Bearer realm="lab"`
			if r.Header.Get("Authorization") != "" {
				challenge += `, error="invalid_token"`
			}
			w.Header().Set("WWW-Authenticate", challenge)
			problem(w, http.StatusUnauthorized, "a token is required")
		default:
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, s.document)
		}
	})
}

// greet sets the headers of every answer.
func (s service) greet(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if r.TLS != nil {
		h.Set("Strict-Transport-Security", "max-age=63072000")
	}
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if s.banner != "" {
		h.Set("Server", s.banner)
	}
	if origin := r.Header.Get("Origin"); s.anyOrigin && origin != "" {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Vary", "Origin")
	}
}

// lets reports whether a request may see the document. The method does not
// matter: the lab's documents are all there is to see.
func (s service) lets(r *http.Request, token string) bool {
	given, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if key := r.Header.Get("X-Api-Key"); key != "" {
		given, bearer = key, true
	}
	switch {
	case s.everybody:
		return true
	case s.anyToken:
		return bearer
	}
	return subtle.ConstantTimeCompare([]byte(given), []byte(token)) == 1
}

// admit counts a request against the quota and tells what is left of it, as
// the newest draft of the RateLimit headers has it.
func (s service) admit(w http.ResponseWriter, q *quota) bool {
	left, reset := q.take(time.Now())
	told := s.limit
	if s.told != 0 {
		told, left = s.told, left+s.told-s.limit
	}
	seconds := int(math.Ceil(reset.Seconds()))
	w.Header().Set("RateLimit-Policy", fmt.Sprintf(`"default";q=%d;w=%d`, told, int(s.window.Seconds())))
	w.Header().Set("RateLimit", fmt.Sprintf(`"default";r=%d;t=%d`, max(left, 0), seconds))
	if left >= 0 {
		return true
	}
	w.Header().Set("Retry-After", fmt.Sprint(seconds))
	problem(w, http.StatusTooManyRequests, "too many requests")
	return false
}

// quota counts requests in windows of fixed length.
type quota struct {
	most   int
	window time.Duration

	mu    sync.Mutex
	since time.Time
	used  int
}

// take counts one request. What is left is negative when there was none left.
func (q *quota) take(now time.Time) (left int, reset time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now.Sub(q.since) >= q.window {
		q.since, q.used = now, 0
	}
	q.used++
	return q.most - q.used, q.window - now.Sub(q.since)
}

// problem answers as RFC 9457 has it.
func problem(w http.ResponseWriter, status int, title string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "about:blank", "title": title, "status": status})
}

// javaTrace is what a careless servlet container shows.
const javaTrace = `<!doctype html><html><head><title>HTTP Status 404 - Not Found</title></head><body>
<h1>HTTP Status 404 - Not Found</h1><pre>com.hooli.web.NoSuchRouteException: no route
	at com.hooli.web.Router.resolve(Router.java:230)
	at com.hooli.web.RouteFilter.doFilter(RouteFilter.java:41)
	at org.apache.catalina.core.ApplicationFilterChain.internalDoFilter(ApplicationFilterChain.java:178)
	at org.apache.catalina.core.StandardWrapperValve.invoke(StandardWrapperValve.java:167)
</pre></body></html>
`
