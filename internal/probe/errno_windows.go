package probe

import "syscall"

// failureOfErrno translates the numbers of Windows Sockets, which package syscall does
// not.
func failureOfErrno(e syscall.Errno) string {
	switch e {
	case 10061, syscall.ECONNREFUSED:
		return failRefused
	case 10054, syscall.ECONNRESET, syscall.EPIPE:
		return failReset
	case 10053, syscall.ECONNABORTED:
		return failAborted
	case 10065, syscall.EHOSTUNREACH:
		return failHostUnreachable
	case 10051, 10049, 10047, syscall.ENETUNREACH:
		return failNetUnreachable
	case 10060, syscall.ETIMEDOUT:
		return failTimeout
	}
	return ""
}
