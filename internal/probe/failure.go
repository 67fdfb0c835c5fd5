package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/miekg/dns"
	"github.com/quic-go/quic-go"

	"github.com/bandish/bandish/address"
)

// The failure strings that the probe writes. They are those of OONI's df-007-errors, and
// those that OONI's engine has added since.
const (
	failTimeout          = "generic_timeout_error"
	failRefused          = "connection_refused"
	failReset            = "connection_reset"
	failAborted          = "connection_aborted"
	failEOF              = "eof_error"
	failHostUnreachable  = "host_unreachable"
	failNetUnreachable   = "network_unreachable"
	failInterrupted      = "interrupted"
	failClosed           = "connection_already_closed"
	failNXDOMAIN         = "dns_nxdomain_error"
	failServfail         = "dns_servfail_error"
	failDNSRefused       = "dns_refused_error"
	failNoAnswer         = "dns_no_answer"
	failMisbehaving      = "dns_server_misbehaving"
	failBogon            = "dns_bogon_error"
	failInvalidHostname  = "ssl_invalid_hostname"
	failUnknownAuthority = "ssl_unknown_authority"
	failInvalidCert      = "ssl_invalid_certificate"
	failHandshake        = "ssl_failed_handshake"
	failQUICVersion      = "quic_incompatible_version"
	failRedirects        = "unknown_failure: stopped after too many redirects"
	failRedirectHost     = "http_invalid_redirect_location_host"
)

// The ways in which a lookup fails without a network error.
var (
	errNoAnswer = errors.New("no answer of the type asked for")
	errRefused  = errors.New("the resolver refused")
	errServfail = errors.New("the resolver failed")
	errNXDOMAIN = errors.New("no such name")
	errRcode    = errors.New("the resolver misbehaved")
)

// rcodeError returns nil for a positive answer.
func rcodeError(rcode int) error {
	switch rcode {
	case dns.RcodeSuccess:
		return nil
	case dns.RcodeNameError:
		return errNXDOMAIN
	case dns.RcodeServerFailure:
		return errServfail
	case dns.RcodeRefused:
		return errRefused
	}
	return errRcode
}

// Failure returns the failure string of an error, "" for nil.
func Failure(err error) string {
	if err == nil {
		return ""
	}
	var redirect redirectError
	if errors.As(err, &redirect) {
		return string(redirect)
	}
	for _, classify := range []func(error) string{dnsFailure, certFailure, quicFailure, errnoFailure, plainFailure, textFailure} {
		if s := classify(err); s != "" {
			return s
		}
	}
	return "unknown_failure: " + address.Scrub(err.Error())
}

func dnsFailure(err error) string {
	switch {
	case errors.Is(err, errNXDOMAIN):
		return failNXDOMAIN
	case errors.Is(err, errServfail):
		return failServfail
	case errors.Is(err, errRefused):
		return failDNSRefused
	case errors.Is(err, errNoAnswer):
		return failNoAnswer
	case errors.Is(err, errRcode):
		return failMisbehaving
	}
	var e *net.DNSError
	if !errors.As(err, &e) {
		return ""
	}
	switch {
	case e.IsTimeout:
		return failTimeout
	case strings.Contains(e.Err, "no answer"):
		return failNoAnswer
	case e.IsNotFound:
		return failNXDOMAIN
	case strings.Contains(e.Err, "server misbehaving"):
		return failMisbehaving
	}
	return ""
}

func certFailure(err error) string {
	var (
		host    x509.HostnameError
		auth    x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		verify  *tls.CertificateVerificationError
		alert   tls.AlertError
		record  tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &host):
		return failInvalidHostname
	case errors.As(err, &auth):
		return failUnknownAuthority
	case errors.As(err, &invalid):
		return failInvalidCert
	case errors.As(err, &verify):
		return failInvalidCert
	case errors.As(err, &alert), errors.As(err, &record):
		return failHandshake
	}
	return ""
}

func quicFailure(err error) string {
	var (
		idle      *quic.IdleTimeoutError
		handshake *quic.HandshakeTimeoutError
		version   *quic.VersionNegotiationError
		reset     *quic.StatelessResetError
		transport *quic.TransportError
		app       *quic.ApplicationError
	)
	switch {
	case errors.As(err, &idle), errors.As(err, &handshake):
		return failTimeout
	case errors.As(err, &version):
		return failQUICVersion
	case errors.As(err, &reset):
		return failReset
	case errors.As(err, &transport) && transport.ErrorCode == quic.ConnectionRefused:
		return failRefused
	case errors.As(err, &transport) && transport.ErrorCode.IsCryptoError():
		return failHandshake
	case errors.As(err, &transport), errors.As(err, &app):
		return failAborted
	}
	return ""
}

func errnoFailure(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return ""
	}
	return failureOfErrno(errno)
}

func plainFailure(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return failInterrupted
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return failTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return failEOF
	case errors.Is(err, net.ErrClosed):
		return failClosed
	case errors.As(err, &timeout) && timeout.Timeout():
		return failTimeout
	}
	return ""
}

// textFailure reads errors that libraries turn into text: a TLS handshake whose cause is
// lost, or a network stack in user space.
func textFailure(err error) string {
	s := err.Error()
	for _, t := range []struct{ part, failure string }{
		{"connection reset", failReset},
		{"connection was reset", failReset},
		{"forcibly closed", failReset},
		{"connection refused", failRefused},
		{"connection was refused", failRefused},
		{"actively refused", failRefused},
		{"no route to host", failHostUnreachable},
		{"host is unreachable", failHostUnreachable},
		{"network is unreachable", failNetUnreachable},
		{"i/o timeout", failTimeout},
		{"timed out", failTimeout},
		{"tls: ", failHandshake},
		{"malformed HTTP", "unknown_failure: malformed HTTP response"},
	} {
		if strings.Contains(s, t.part) {
			return t.failure
		}
	}
	if s == "EOF" || strings.HasSuffix(s, ": EOF") || strings.HasSuffix(s, "unexpected EOF") {
		return failEOF
	}
	return ""
}
