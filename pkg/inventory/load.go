package inventory

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"
)

// Options say where Load reads from and what day it is.
type Options struct {
	Stdin     io.Reader // what the path "-" reads
	StdinName string    // what positions call it; "stdin" when empty
	// Now is the moment that review and expiry dates are held against. When
	// it is zero, no date is overdue.
	Now time.Time
}

// Load reads inventory files as one inventory. A path is a file, a directory
// (its *.yaml, *.yml and *.json files in the order of their names, hidden
// ones, the waiver file and subdirectories left out) or "-". A file named twice
// is read once.
//
// Everything that is wrong with the files is in the Problems, in the order of
// files and lines; the inventory is nil when any of them is not a warning.
// The error is for what could not be read at all.
func Load(paths []string, o Options) (*Inventory, Problems, error) {
	files, err := expandPaths(paths, o)
	if err != nil {
		return nil, nil, err
	}
	digest := sha256.New()
	read := make([]*reading, len(files))
	for i, f := range files {
		raw, err := f.read(o)
		if err != nil {
			return nil, nil, err
		}
		sum := sha256.Sum256(raw)
		digest.Write(sum[:])
		read[i] = &reading{file: File{Path: f.name, Digest: hex.EncodeToString(sum[:])}, dir: f.dir, raw: raw, cut: inventoryParts}
	}
	parseAll(read)

	b := newBuilder(o.Now)
	sources := make([]*source, len(read))
	for i, r := range read {
		sources[i] = r.source
		b.problems = append(b.problems, r.problems...)
		b.inventory.Files = append(b.inventory.Files, r.file)
		for _, f := range r.faults {
			b.problems = append(b.problems, f.problem)
			if f.node != nil {
				b.refused[f.node] = true
			}
		}
	}
	for _, r := range read {
		b.systems(r.source, r.root)
	}
	for _, r := range read {
		b.vendors(r.source, r.root)
	}
	b.wholeInventory(sources)
	b.inventory.Digest = hex.EncodeToString(digest.Sum(nil))

	problems := finishProblems(sources, b.problems)
	if problems.Errors() > 0 {
		return nil, problems, nil
	}
	return b.inventory, problems, nil
}

// filePath is one file to read.
type filePath struct {
	path string // "-" for stdin
	name string // what positions call it
	dir  string // where relative file: references start
}

// read returns the bytes of a file, at most one more than maxFileBytes.
func (f filePath) read(o Options) ([]byte, error) {
	in := o.Stdin
	if f.path != "-" {
		opened, err := os.Open(f.path)
		if err != nil {
			return nil, fmt.Errorf("read inventory: %w", err)
		}
		defer opened.Close() //nolint:errcheck // nothing was written
		in = opened
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read inventory %s: %w", f.name, err)
	}
	return raw, nil
}

// expandPaths turns what the user named into files.
func expandPaths(paths []string, o Options) ([]filePath, error) {
	if len(paths) == 0 {
		return nil, errors.New("no inventory was named")
	}
	var files []filePath
	seen := map[string]bool{}
	add := func(path, name string) {
		key := path
		if absolute, err := filepath.Abs(path); err == nil && path != "-" {
			key = absolute
		}
		if !seen[key] {
			seen[key] = true
			files = append(files, filePath{path: path, name: name, dir: filepath.Dir(path)})
		}
	}
	for _, path := range paths {
		if path == "-" {
			if o.Stdin == nil {
				return nil, errors.New("no standard input to read the inventory from")
			}
			name := o.StdinName
			if name == "" {
				name = "stdin"
			}
			add("-", name)
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("read inventory: %w", err)
		}
		if !info.IsDir() {
			add(path, path)
			continue
		}
		found, err := listDirectory(path)
		if err != nil {
			return nil, err
		}
		for _, name := range found {
			add(name, name)
		}
	}
	return files, nil
}

// listDirectory returns the inventory files of a directory.
func listDirectory(path string) ([]string, error) {
	entries, err := os.ReadDir(path) // sorted by name
	if err != nil {
		return nil, fmt.Errorf("read inventory: %w", err)
	}
	var found []string
	for _, e := range entries {
		extension := strings.ToLower(filepath.Ext(e.Name()))
		if !e.IsDir() && e.Name()[0] != '.' && e.Name() != WaiverFile && slices.Contains([]string{".yaml", ".yml", ".json"}, extension) {
			found = append(found, filepath.Join(path, e.Name()))
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("directory %s holds no *.yaml, *.yml or *.json file", path)
	}
	return found, nil
}

// reading is one file on its way from bytes to nodes.
type reading struct {
	file     File
	dir      string
	raw      []byte
	cut      func(root *node) []part
	source   *source
	root     *node // nil when the file could not be parsed
	problems Problems
	faults   []fault
}

// parseAll parses and validates the files, several at once.
func parseAll(read []*reading) {
	var group sync.WaitGroup
	turns := make(chan struct{}, runtime.GOMAXPROCS(0))
	for _, r := range read {
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			r.parse()
		})
	}
	group.Wait()
}

// parse fills everything from source on.
func (r *reading) parse() {
	report := func(p Problem) { r.problems = append(r.problems, p) }
	var problem *Problem
	r.source, problem = newSource(r.file.Path, r.dir, r.raw)
	r.raw = nil
	if problem != nil {
		report(*problem)
		return
	}
	var parsed *yaml.Node
	if looksLikeJSON(r.file.Path, r.source.text) && len(bytes.TrimSpace([]byte(r.source.text))) > 0 {
		parsed, problem = parseJSON(r.source)
	} else {
		parsed, problem = parseYAML(r.source)
	}
	if problem != nil {
		report(*problem)
		return
	}
	r.source.root = parsed
	g := &grower{source: r.source, report: report, anchored: map[*yaml.Node]*node{}}
	root := g.grow(parsed, 0)
	r.faults = validate(r.source, r.cut(root))
	if root.shape == shapeMapping {
		r.root = root
	}
}
