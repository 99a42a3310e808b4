package web

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// origin is the scheme and host of an address as browsers write them: in small letters, without a
// port that is the scheme's own (RFC 6454, section 6.2). Of "" it is "".
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	host = strings.TrimSuffix(host, map[string]string{"http": ":80", "https": ":443"}[scheme])
	return scheme + "://" + host
}

// sameSite refuses what another site makes a browser post. A request without Sec-Fetch-Site, of an
// older browser or through a proxy that strips it, is told by its Origin: it has to be the host
// asked, or the one where browsers find the pages. The Origin null is nobody's: a framed stranger
// sends it too.
func (s *site) sameSite(next http.Handler) (http.Handler, error) {
	cross := http.NewCrossOriginProtection()
	if s.origin != "" {
		if err := cross.AddTrustedOrigin(s.origin); err != nil {
			return nil, fmt.Errorf("pages: %w", err)
		}
	}
	cross.SetDenyHandler(http.HandlerFunc(s.refuse))
	return cross.Handler(next), nil
}

// keepsNoSession tells that a page was opened over plain http, where a browser drops the session's
// cookie, which is for https alone. A browser makes an exception for its own machine.
func keepsNoSession(r *http.Request) bool {
	u, err := url.Parse(r.Header.Get("Origin"))
	return err == nil && u.Scheme == "http" && !loopback(u.Hostname())
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// secureAddress is where signing in works, if that is known.
func (s *site) secureAddress() string {
	u, err := url.Parse(s.origin)
	if err != nil || u.Scheme != "https" && !loopback(u.Hostname()) {
		return ""
	}
	return s.origin
}

// needsHTTPS answers a sign-in that cannot work. It uses no link up.
func (s *site) needsHTTPS(w http.ResponseWriter, r *http.Request) {
	s.log.Warn().Str("origin", fmt.Sprintf("%.200q", r.Header.Get("Origin"))).
		Msg("a sign-in over plain http was refused: browsers keep its cookie over https alone; serve the pages over https and set SOFTPHONE_HTTP_URL")
	where := "Open this page over https, and use the link there."
	switch address := s.secureAddress(); {
	case strings.HasPrefix(address, "https:"):
		where = "Open " + address + "/sign-in, and use the link there."
	case address != "": // a loopback address, which is another machine's own for whoever opened the page from there
		where = "Open this page over https, or " + address + "/sign-in on the machine that it runs on, and use the link there."
	}
	s.askLink(w, r, http.StatusBadRequest,
		"Signing in does not work over plain http: the browser keeps you signed in over https only. "+where+" The link is still good.")
}
