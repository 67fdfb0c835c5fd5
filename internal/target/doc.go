// Package target is the registry of platforms: which hosts and app endpoints
// make up X or WhatsApp, since when, and how they combine.
package target
