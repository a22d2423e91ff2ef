//go:build !linux

package peers

import "os/exec"

// endWithTest is something only Linux can do.
func endWithTest(*exec.Cmd) {}
