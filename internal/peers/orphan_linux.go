package peers

import (
	"os/exec"
	"syscall"
)

// endWithTest has the kernel end a server whose test died without clean-up, as
// one does that ran out of time.
func endWithTest(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
}
