package report

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// RepositoryURIs returns the function that finds the URI of an inventory file
// as code scanning services want it: relative to the root of the repository,
// with slashes and percent-encoding (RFC 3986 section 4.2), after symbolic
// links were resolved.
//
// The root of the repository is root, or, when that is empty, the nearest
// folder above the file that holds ".git". The function returns an empty
// string for a file that does not exist (such as standard input) or that lies
// outside of the root: a wrong URI makes a service refuse the whole report.
func RepositoryURIs(root string) func(path string) string {
	return func(path string) string {
		file, err := realPath(path)
		if err != nil {
			return ""
		}
		if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
			return ""
		}
		top := repositoryRoot(filepath.Dir(file))
		if root != "" {
			if top, err = realPath(root); err != nil {
				return ""
			}
		}
		if top == "" {
			return ""
		}
		rel, err := filepath.Rel(top, file)
		if err != nil || !filepath.IsLocal(rel) {
			return ""
		}
		return relativeURI(filepath.ToSlash(rel))
	}
}

func realPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// repositoryRoot walks up from dir. In a worktree or a submodule ".git" is a
// file, so its kind does not matter.
func repositoryRoot(dir string) string {
	for {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// relativeURI encodes each segment of a path. A colon is encoded too: in the
// first segment it would read as the end of a scheme.
func relativeURI(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = strings.ReplaceAll(url.PathEscape(s), ":", "%3A")
	}
	return strings.Join(segments, "/")
}
