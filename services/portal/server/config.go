package server

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/worker"
)

// Config of the portal, from the environment.
type Config struct {
	worker.Config

	// Where the pages and the API are served.
	Listen string `env:"SOFTPHONE_HTTP_LISTEN" envDefault:"127.0.0.1:8080"`

	HTTPS HTTPS

	// Where browsers find the portal, for links.
	URL string `env:"SOFTPHONE_HTTP_URL" envDefault:"http://127.0.0.1:8080"`

	// The networks of proxies, such as 10.0.0.0/8, whose X-Forwarded-For is believed, for the count of failed
	// sign-ins.
	Proxies []string `env:"SOFTPHONE_HTTP_PROXIES"`

	// With what stored passwords are sealed, the same for all portals: a key of at least 26 characters, or the current
	// one and the one before it with white space in between.
	CredentialKey process.Secret `env:"SOFTPHONE_CREDENTIAL_KEY"`

	// Server-sent streams at a time, of pages and of devices.
	Streams int `env:"SOFTPHONE_HTTP_STREAMS" envDefault:"10000"`

	// Where the test inbox is looked at. Without it mail is sent for real.
	InboxURL string `env:"SOFTPHONE_INBOX_URL"`

	Ready func(Portal) `env:"-"` // called once it serves; may be nil

	Patience time.Duration `env:"-"` // portal.Config's; tests wait longer than people do
}

// Validate checks what the types cannot.
func (c Config) Validate() error {
	_, proxies := c.proxies()
	var streams error
	if c.Streams < 1 {
		streams = fmt.Errorf("SOFTPHONE_HTTP_STREAMS: %d is not a number of streams: 1 or more", c.Streams)
	}
	return errors.Join(c.Config.Validate(), process.CheckAddress("SOFTPHONE_HTTP_LISTEN", c.Listen), c.checkHTTPS(), c.checkURL(), proxies, streams)
}

// checkURL wants an origin and nothing more: links are made by putting a path behind it.
func (c Config) checkURL() error {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		strings.TrimSuffix(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("SOFTPHONE_HTTP_URL must be a scheme and a host without a path, like https://phones.example")
	}
	return nil
}

func (c Config) proxies() (all []netip.Prefix, err error) {
	for _, text := range c.Proxies {
		p, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("SOFTPHONE_HTTP_PROXIES: %q is not a network: write for example 10.0.0.0/8,192.0.2.7/32", text)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}

// hashing is how many passwords are computed at a time: a core stays free for
// everything else.
func hashing() int { return max(1, runtime.GOMAXPROCS(0)-1) }
