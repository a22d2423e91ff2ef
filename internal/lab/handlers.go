package lab

import (
	"io"
	"net/http"
)

// answer serves one JSON document to everybody.
func answer(document string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, document)
	})
}

// receiver is a webhook receiver: it takes POST alone.
func receiver() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "POST only", http.StatusMethodNotAllowed)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	})
}

// certificateWanted refuses requests without a client certificate as nginx
// does with "ssl_verify_client on": TLS lets everybody in, and the answer is
// status 400 with this text.
func certificateWanted(next http.Handler) http.Handler {
	const page = "<html>\r\n<head><title>400 No required SSL certificate was sent</title></head>\r\n" +
		"<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n" +
		"<center>No required SSL certificate was sent</center>\r\n" +
		"<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Server", "nginx")
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, page)
	})
}
