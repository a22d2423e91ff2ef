package report

import (
	"os"
	"runtime"
	"syscall"
	"testing"
)

// loseRootsRights makes the rest of the test access files as nobody, so that
// it shows the same for root, as whom CI may run. The kernel keeps the file
// system's user for each thread; the thread ends with the test's goroutine,
// because it is never unlocked.
func loseRootsRights(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	const nobody = 65534
	runtime.LockOSThread()
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETFSUID, nobody, 0, 0); errno != 0 {
		t.Fatal(errno)
	}
	// setfsuid tells no failure; asked for an impossible user it changes
	// nothing and answers with the one in force.
	if now, _, _ := syscall.RawSyscall(syscall.SYS_SETFSUID, ^uintptr(0), 0, 0); now != nobody {
		t.Fatalf("the file system's user is %d, want %d", now, nobody)
	}
}
