package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// The lines between which the tables stand in a document.
const (
	begin = "<!-- compare: begin -->\n"
	end   = "<!-- compare: end -->\n"
)

// replaceBetween puts text between the two marks of a document, in place of
// what is there.
func replaceBetween(document, text []byte) ([]byte, error) {
	before, rest, ok := bytes.Cut(document, []byte(begin))
	if !ok {
		return nil, fmt.Errorf("the line %q is missing", begin)
	}
	_, after, ok := bytes.Cut(rest, []byte(end))
	if !ok {
		return nil, fmt.Errorf("the line %q is missing", end)
	}
	return bytes.Join([][]byte{before, []byte(begin), text, []byte(end), after}, nil), nil
}

// rewrite replaces what stands between the marks of a file. The file is whole
// at any moment.
func rewrite(path string, text []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	document, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	document, err = replaceBetween(document, text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".compare-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already when all went well
	if _, err := f.Write(document); err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Chmod(f.Name(), info.Mode().Perm()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
