//go:build unix

package main

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// endWhole makes the end of a command's context the end of all processes that
// the command has started: testssl starts hundreds.
func endWhole(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// peakMemory is the most memory, in bytes, that a process that has ended held,
// or one of those it waited for: the largest, not the sum.
func peakMemory(state *os.ProcessState) int64 {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	unit := int64(1 << 10)
	if runtime.GOOS == "darwin" {
		unit = 1
	}
	return unit * int64(usage.Maxrss) //nolint:unconvert // an int32 on some systems
}
