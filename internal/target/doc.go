// Package target is the registry of platforms: which hosts and app endpoints
// make up X or WhatsApp, since when, and how they combine.
//
// A registry is read once from reviewed YAML and does not change afterwards;
// all its methods may be called at the same time. It answers for hosts it was
// told of and for no others: a host that no platform claims stands for itself.
// Whether a platform works is not decided here; that is for the verdict.
package target
