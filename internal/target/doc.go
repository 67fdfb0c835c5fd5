// Package target is the registry of platforms: which hosts and app endpoints belong to X
// or WhatsApp, since when, and how they combine.
//
// A registry is read once from reviewed YAML and does not change afterwards. All its
// methods may be called at the same time. It answers only for hosts that it was told of: a
// host that no platform claims stands for itself. The registry does not decide whether a
// platform works; verdicts do.
package target
