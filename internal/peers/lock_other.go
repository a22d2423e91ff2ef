//go:build !unix

package peers

// lock waits for nobody: what it guards is made under a name of its own and
// then renamed, so that the worst is work done twice.
func lock(string) (unlock func(), err error) { return func() {}, nil }
