package observation

import (
	"regexp"
	"strings"
)

// shortPage is the longest page, in bytes, that can do no more than show another
// page.
const shortPage = 4096

// leads matches what a page shows instead of content of its own: a frame, a
// refresh, a script that goes elsewhere.
var leads = regexp.MustCompile(`(?is)` +
	`<i?frame[^>]{0,512}?\ssrc\s*=\s*["']?\s*((?:https?:)?//[^"'\s>]+)` +
	`|<meta[^>]{0,256}?refresh[^>]{0,256}?url\s*=\s*["']?\s*((?:https?:)?//[^"'\s>]+)` +
	`|location(?:\.href)?\s*=\s*["']((?:https?:)?//[^"']+)` +
	`|location\.(?:replace|assign)\(\s*["']((?:https?:)?//[^"']+)`)

// leadsTo returns the first other host that a short page shows in a frame or sends
// the visitor to; "" for none.
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

// mayLead is a quick check that spares most pages the search.
func mayLead(body string) bool {
	for _, word := range []string{"frame", "FRAME", "Frame", "refresh", "REFRESH", "Refresh", "location"} {
		if strings.Contains(body, word) {
			return true
		}
	}
	return false
}
