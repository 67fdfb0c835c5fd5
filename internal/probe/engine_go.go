//go:build !cgo || windows

package probe

// systemEngine is the name, in OONI's format df-002-dnst, of what LookupHost calls.
const systemEngine = "golang_net_resolver"
