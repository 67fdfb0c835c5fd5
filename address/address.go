// Package address knows what IP addresses are for, and finds them in text.
package address
