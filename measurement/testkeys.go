package measurement

// TestKeys are the keys of every test that Bandish reads, in one type: each
// test fills its own.
type TestKeys struct{}
