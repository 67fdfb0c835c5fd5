package verdict

// Suppositions are the sentences of the suppositions, for tests.
func Suppositions() []string {
	var all []string
	for i := range suppositions {
		all = append(all, suppositions[i].sentence)
	}
	return all
}
