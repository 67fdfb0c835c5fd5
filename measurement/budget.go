package measurement

import (
	"errors"
	"fmt"
)

// The bounds of a document. Real ones have some thousand values, and objects
// ten deep; a few kilobytes that are packed well can hold millions, each of
// which takes up to a kilobyte when it is decoded.
const (
	maxValues = 200_000
	maxDepth  = 200
	// Documents that are shorter cannot hold enough to matter.
	budgetFrom = 32 << 10
)

// budget counts the values of a document without decoding it. Text that is no
// JSON is left for the decoder to refuse.
func budget(line []byte) error {
	if len(line) < budgetFrom {
		return nil
	}
	values, depth := 0, 0
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '"':
			i = stringEnd(line, i) - 1
		case '[', '{':
			values++
			if depth++; depth > maxDepth {
				return overBudget(fmt.Sprintf("it nests deeper than %d", maxDepth))
			}
		case ']', '}':
			depth--
		case ',':
			if values++; values > maxValues {
				return overBudget(fmt.Sprintf("it has more than %d values", maxValues))
			}
		}
	}
	return nil
}

func overBudget(why string) error {
	return &DecodeError{Reason: OverBudget, Err: errors.New(why), Hint: "a measurement has some thousand values: was a file of many put into one?"}
}
