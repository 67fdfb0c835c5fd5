package lab

import (
	"errors"

	"golang.org/x/crypto/cryptobyte"
)

// errMore means that the bytes are a good beginning, and more are needed.
var errMore = errors.New("more bytes are needed")

// errNotHello means that the bytes are no TLS ClientHello.
var errNotHello = errors.New("not a ClientHello")

// helloName finds the server name in the first bytes that a client sends, however they are
// cut into records and segments (RFC 8446 sections 4.1.2 and 5.1, RFC 6066 section 3). The
// name is "" if the hello has none. The error is errMore until the hello is whole.
func helloName(stream []byte) (string, error) {
	message, err := handshakeMessage(stream)
	if err != nil {
		return "", err
	}
	var (
		hello              = cryptobyte.String(message)
		session, ciphers   cryptobyte.String
		methods, extension cryptobyte.String
		kind               uint16
	)
	if !hello.Skip(4+2+32) || !hello.ReadUint8LengthPrefixed(&session) ||
		!hello.ReadUint16LengthPrefixed(&ciphers) || !hello.ReadUint8LengthPrefixed(&methods) {
		return "", errNotHello
	}
	var extensions cryptobyte.String
	if hello.Empty() || !hello.ReadUint16LengthPrefixed(&extensions) {
		return "", nil
	}
	for !extensions.Empty() {
		if !extensions.ReadUint16(&kind) || !extensions.ReadUint16LengthPrefixed(&extension) {
			return "", errNotHello
		}
		if kind == 0 { // server_name
			return serverName(extension)
		}
	}
	return "", nil
}

func serverName(extension cryptobyte.String) (string, error) {
	var names, name cryptobyte.String
	var kind uint8
	if !extension.ReadUint16LengthPrefixed(&names) {
		return "", errNotHello
	}
	for !names.Empty() {
		if !names.ReadUint8(&kind) || !names.ReadUint16LengthPrefixed(&name) {
			return "", errNotHello
		}
		if kind == 0 { // host_name
			return string(name), nil
		}
	}
	return "", nil
}

// handshakeMessage joins the fragments of the first handshake message, including its
// header of four bytes.
func handshakeMessage(stream []byte) ([]byte, error) {
	var (
		rest    = cryptobyte.String(stream)
		message []byte
		kind    uint8
		version uint16
		part    cryptobyte.String
	)
	for {
		if !rest.ReadUint8(&kind) {
			return nil, errMore
		}
		if kind != 22 { // handshake
			return nil, errNotHello
		}
		if !rest.ReadUint16(&version) {
			return nil, errMore
		}
		if version>>8 != 3 {
			return nil, errNotHello
		}
		if !rest.ReadUint16LengthPrefixed(&part) {
			return nil, errMore
		}
		message = append(message, part...)
		if len(message) > 0 && message[0] != 1 { // client_hello
			return nil, errNotHello
		}
		if len(message) >= 4 {
			if n := 4 + (int(message[1])<<16 | int(message[2])<<8 | int(message[3])); len(message) >= n {
				return message[:n], nil
			}
		}
	}
}
