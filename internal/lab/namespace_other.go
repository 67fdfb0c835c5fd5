//go:build !linux

package lab

import (
	"fmt"
	"net/netip"
)

func kernelReady() error { return fmt.Errorf("%w: only Linux has network namespaces", ErrNoKernel) }

func newNamespace([]netip.Addr, func([]byte)) (node, error) { return nil, kernelReady() }

func newRouted(netip.Addr, [][]string, func([]byte)) (node, error) { return nil, kernelReady() }
