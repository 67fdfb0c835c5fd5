package measurement

import (
	"bytes"
	"fmt"
)

// The limits of one document. A list of two-byte elements takes hundreds of times
// its size in memory when it is decoded. The largest real documents have some
// thousand elements.
const (
	maxElements = 50_000  // of all lists together
	maxMembers  = 400_000 // of all objects together
	maxOfOne    = 10_000  // members of one object: an object with more is a map with many entries
	maxDepth    = 1_000
)

// TooManyItems is the reason for a document that would take too much memory.
const TooManyItems Reason = "too_many_items"

// Budget returns an error where a document has more lists or objects than the
// limits allow, or nests them deeper. Decode calls it first; others who decode
// documents should do so, too. It does not check whether the document is JSON. The
// error is a *DecodeError.
func Budget(doc []byte) error {
	// Each limit needs a separator or an opening bracket for each item. Nearly all
	// documents return here.
	if bytes.Count(doc, []byte(",")) < maxOfOne && bytes.Count(doc, []byte("["))+bytes.Count(doc, []byte("{")) < maxDepth {
		return nil
	}
	c := &counter{}
	for i := 0; i < len(doc); i++ {
		switch doc[i] {
		case '"':
			i = stringEnd(doc, i) - 1
			c.value = true
		case '{', '[':
			c.value = false
			if c.open = append(c.open, container{object: doc[i] == '{'}); len(c.open) > maxDepth {
				return overBudget(fmt.Sprintf("lists and objects are more than %d deep in one another", maxDepth))
			}
		case ',':
			if err := c.item(); err != nil {
				return err
			}
			c.value = false
		case '}', ']':
			if c.value {
				if err := c.item(); err != nil {
					return err
				}
			}
			if len(c.open) > 0 {
				c.open = c.open[:len(c.open)-1]
			}
			c.value = true
		case ' ', '\t', '\r', '\n', ':':
		default:
			c.value = true
		}
	}
	return nil
}

// counter counts the items of lists and objects.
type counter struct {
	open              []container
	value             bool // the item that is being read has begun
	elements, members int
}

type container struct {
	object bool
	items  int
}

// item counts an item that has ended.
func (c *counter) item() error {
	if len(c.open) == 0 {
		return nil
	}
	in := &c.open[len(c.open)-1]
	in.items++
	if !in.object {
		if c.elements++; c.elements > maxElements {
			return overBudget(fmt.Sprintf("its lists have more than %d elements", maxElements))
		}
		return nil
	}
	if c.members++; c.members > maxMembers {
		return overBudget(fmt.Sprintf("its objects have more than %d members", maxMembers))
	}
	if in.items > maxOfOne {
		return overBudget(fmt.Sprintf("an object has more than %d members", maxOfOne))
	}
	return nil
}

func overBudget(what string) error {
	return &DecodeError{Reason: TooManyItems, Err: fmt.Errorf("%s: no measurement has so many", what), Hint: "send what was measured in several measurements"}
}
