//go:build !cgo || windows

package probe

// systemEngine names what LookupHost calls (df-002-dnst).
const systemEngine = "golang_net_resolver"
