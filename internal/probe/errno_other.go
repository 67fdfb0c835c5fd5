//go:build !windows

package probe

import "syscall"

func failureOfErrno(e syscall.Errno) string {
	switch e {
	case syscall.ECONNREFUSED:
		return failRefused
	case syscall.ECONNRESET, syscall.EPIPE:
		return failReset
	case syscall.ECONNABORTED:
		return failAborted
	case syscall.EHOSTUNREACH:
		return failHostUnreachable
	case syscall.ENETUNREACH, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT:
		return failNetUnreachable
	case syscall.ETIMEDOUT:
		return failTimeout
	}
	return ""
}
