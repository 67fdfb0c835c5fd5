package casefile

import "reflect"

// Cites returns every citation of a case, in the order of its fields.
func Cites(c *Case) []Cite {
	var all []Cite
	collectCites(reflect.ValueOf(c), &all)
	return all
}

// CitesOf returns the citations of one entry. entry is a pointer, for instance *Act
// or *Claim.
func CitesOf(entry any) []Cite {
	var all []Cite
	collectCites(reflect.ValueOf(entry), &all)
	return all
}

// Cites returns the citations of what several cases share.
func (s *Shared) Cites() []Cite {
	var all []Cite
	collectCites(reflect.ValueOf(s), &all)
	return all
}

func collectCites(v reflect.Value, all *[]Cite) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			collectCites(v.Elem(), all)
		}
	case reflect.Slice:
		for i := range v.Len() {
			collectCites(v.Index(i), all)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[Cite]() {
			*all = append(*all, v.Interface().(Cite))
			return
		}
		for i := range v.NumField() {
			if f := v.Field(i); f.CanInterface() { // it is exported
				collectCites(f, all)
			}
		}
	}
}
