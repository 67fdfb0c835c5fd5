package observation

import (
	"regexp"
	"strings"
)

// shortPage is how long a page is that does no more than to show another.
const shortPage = 4096

// leads find what a page shows in the place of a page of its own: a frame, a
// refresh, a script that goes elsewhere.
var leads = regexp.MustCompile(`(?is)` +
	`<i?frame[^>]{0,512}?\ssrc\s*=\s*["']?\s*((?:https?:)?//[^"'\s>]+)` +
	`|<meta[^>]{0,256}?refresh[^>]{0,256}?url\s*=\s*["']?\s*((?:https?:)?//[^"'\s>]+)` +
	`|location(?:\.href)?\s*=\s*["']((?:https?:)?//[^"']+)` +
	`|location\.(?:replace|assign)\(\s*["']((?:https?:)?//[^"']+)`)

// leadsTo returns the first other host that a short page frames or sends the
// visitor to, "" for none.
func leadsTo(body, name string) string {
	if len(body) > shortPage || !mayLead(body) {
		return ""
	}
	for _, found := range leads.FindAllStringSubmatch(body, 8) {
		to := strings.Join(found[1:], "")
		if strings.HasPrefix(to, "//") {
			to = "http:" + to
		}
		if host := HostOf(to); host != "" && host != name {
			return host
		}
	}
	return ""
}

// mayLead saves most pages the search.
func mayLead(body string) bool {
	for _, word := range []string{"frame", "FRAME", "Frame", "refresh", "REFRESH", "Refresh", "location"} {
		if strings.Contains(body, word) {
			return true
		}
	}
	return false
}
