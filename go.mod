module github.com/bandish/bandish

go 1.26.0

require (
	github.com/goccy/go-json v0.12.0
	github.com/miekg/dns v1.1.73
	github.com/quic-go/quic-go v0.65.0
)

require (
	github.com/quic-go/qpack v0.6.0 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)
