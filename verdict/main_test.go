package verdict_test

import (
	"testing"

	"github.com/bandish/bandish/internal/frugal"
)

func TestMain(m *testing.M) {
	frugal.Tests()
	m.Run()
}
