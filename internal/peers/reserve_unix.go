//go:build unix

package peers

import (
	"fmt"
	"os"
	"syscall"
	"testing"
)

// reserve returns n addresses on loopback, for servers that cannot inherit a
// socket. A socket of this process stays bound to each until the end of the
// test, so that the kernel gives the port to nobody who asks for any; as it
// never listens, a server that asks for this very port may have it.
func reserve(tb testing.TB, n int) []string {
	tb.Helper()
	var addrs []string
	for range n {
		socket, port, err := bound()
		if err != nil {
			tb.Fatal(os.NewSyscallError("reserve a port", err))
		}
		tb.Cleanup(func() { _ = syscall.Close(socket) })
		addrs = append(addrs, fmt.Sprintf("127.0.0.1:%d", port))
	}
	return addrs
}

// bound makes a socket that is bound to a free port of loopback, shares it
// with whoever sets SO_REUSEADDR too, and is not inherited by other servers.
func bound() (socket, port int, err error) {
	syscall.ForkLock.RLock()
	socket, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(socket)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return 0, 0, err
	}
	defer func() {
		if err != nil {
			_ = syscall.Close(socket)
		}
	}()
	if err = syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return 0, 0, err
	}
	if err = syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, 0, err
	}
	name, err := syscall.Getsockname(socket)
	if err != nil {
		return 0, 0, err
	}
	return socket, name.(*syscall.SockaddrInet4).Port, nil
}
