package recipes

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// packed is an archive of the program, packed as a release is. What stands in
// for the program starts it.
func packed(t *testing.T, archive string) []byte {
	t.Helper()
	script := fmt.Appendf(nil, "#!/bin/sh\nexec '%s' \"$@\"\n", program(t))
	var b bytes.Buffer
	var err error
	if strings.HasSuffix(archive, ".zip") {
		w := zip.NewWriter(&b)
		header := &zip.FileHeader{Name: "m2mscan.exe"}
		header.SetMode(0o755)
		f, _ := w.CreateHeader(header)
		_, err = f.Write(script)
		err = errors.Join(err, w.Close())
	} else {
		z := gzip.NewWriter(&b)
		w := tar.NewWriter(z)
		err = w.WriteHeader(&tar.Header{Name: "m2mscan", Mode: 0o755, Size: int64(len(script))})
		_, err2 := w.Write(script)
		err = errors.Join(err, err2, w.Close(), z.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// releases stands in for the releases on GitHub.
type releases struct {
	files  map[string][]byte
	rename func(path string) string // of a request, to a file
	url    string
}

// newReleases offers one release, with the archive of one system.
func newReleases(t *testing.T, archive string) *releases {
	t.Helper()
	content := packed(t, archive)
	r := &releases{
		files: map[string][]byte{
			archive:         content,
			"checksums.txt": fmt.Appendf(nil, "%x  another_file.tar.gz\n%x  %s\n", sha256.Sum256(nil), sha256.Sum256(content), archive),
		},
		rename: func(path string) string { return strings.TrimPrefix(path, "/download/"+release+"/") },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		content, ok := r.files[r.rename(req.URL.Path)]
		if !ok {
			http.NotFound(w, req)
			return
		}
		_, _ = w.Write(content)
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}
