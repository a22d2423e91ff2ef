package report

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// WriteFile writes a report to path so that a reader sees the old file or the
// whole new one, never a part: into a temporary file of the same folder,
// which is synced and then renamed. When write or the disk fails, the old
// file stands as it was and nothing is left behind.
//
// A symbolic link is followed, and the file it names is replaced. A file that
// exists keeps its permissions; a new one gets 0644 less the umask. What is
// no regular file (a pipe, a device, anything under /dev such as /dev/stdout)
// is written directly.
func WriteFile(path string, write func(io.Writer) error) error {
	if err := writeFile(path, write); err != nil {
		return fmt.Errorf("write report to %s: %w", path, err)
	}
	return nil
}

func writeFile(path string, write func(io.Writer) error) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return errors.New("is a folder")
	case err == nil && (!info.Mode().IsRegular() || strings.HasPrefix(path, "/dev/")):
		return writeDirectly(path, write)
	case err == nil:
		return replaceFile(path, info.Mode().Perm(), write)
	case errors.Is(err, fs.ErrNotExist):
		return replaceFile(path, 0, write)
	default:
		return cause(err)
	}
}

// writeDirectly appends, because /dev/stdout may be a file that already holds
// other output.
func writeDirectly(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return cause(err)
	}
	if err := write(f); err != nil {
		_ = f.Close() // the first error says more
		return err
	}
	return f.Close()
}

// replaceFile gives the new file the permissions perm, or leaves them to the
// umask when perm is zero.
func replaceFile(path string, perm fs.FileMode, write func(io.Writer) error) (err error) {
	path, err = followLinks(path)
	if err != nil {
		return err
	}
	dir, base := filepath.Split(path)
	temporary := filepath.Join(dir, "."+base+"."+rand.Text()+".tmp")
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // a report is for others to read
	if err != nil {
		return fmt.Errorf("cannot create a file in %s: %w", filepath.Join(dir, "."), cause(err))
	}
	defer func() {
		if err != nil {
			_ = f.Close() // the first error says more
			_ = os.Remove(temporary)
		}
	}()
	if perm != 0 {
		if err := f.Chmod(perm); err != nil {
			return cause(err)
		}
	}
	if err := write(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return cause(err)
	}
	if err := f.Close(); err != nil {
		return cause(err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("cannot replace the file: %w", err)
	}
	return nil
}

// followLinks resolves path while it names a symbolic link, even one whose
// file does not exist yet.
func followLinks(path string) (string, error) {
	const most = 40 // as Linux has it
	for range most {
		if !isLink(path) {
			return path, nil
		}
		next, err := os.Readlink(path)
		if err != nil {
			return "", cause(err)
		}
		if !filepath.IsAbs(next) {
			next = filepath.Join(filepath.Dir(path), next)
		}
		path = next
	}
	return "", errors.New("too many symbolic links")
}

// isLink leaves errors to the opening of the file.
func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// cause takes the name of the (temporary) file out of err; the caller names
// the file that the user asked for.
func cause(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err
	}
	return err
}
