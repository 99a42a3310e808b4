package letter

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"

	"golang.org/x/text/language"
)

// Config is what mails say where no brand says otherwise, from the environment.
type Config struct {
	// The directory of tenants' brands. Without it all mails are sent under the variables that follow.
	Brands string `env:"MAIL_BRANDS"`

	// The sender, where no brand names one.
	From string `env:"MAIL_FROM" envDefault:"Softphone <softphone@softphone.example>"`
	// Where replies go; {tenant} stands for the tenant's name. Without it, to the sender.
	ReplyTo string `env:"MAIL_REPLY_TO"`
	// The domain of Message-Id. Without it, the sender's.
	Domain string `env:"MAIL_DOMAIN"`

	// A page that leads to the app for any device.
	Page string `env:"DOWNLOAD_URL" envDefault:"https://softphone.example/download"`
	// The app for Mac.
	Mac string `env:"DOWNLOAD_URL_MAC" envDefault:"https://softphone.example/download/mac"`
	// The app for iPhone.
	IPhone string `env:"DOWNLOAD_URL_IPHONE" envDefault:"https://softphone.example/download/iphone"`
	// The app for Windows.
	Windows string `env:"DOWNLOAD_URL_WINDOWS" envDefault:"https://softphone.example/download/windows"`
	// The app for Android.
	Android string `env:"DOWNLOAD_URL_ANDROID" envDefault:"https://softphone.example/download/android"`
}

// Validate reads the brands as well, so that their faults are reported together with all
// others.
func (c Config) Validate() error {
	_, err := Open(c)
	return err
}

// tenantMark in a Reply-To stands for the tenant's name.
const tenantMark = "{tenant}"

// settings are those of tenants without a brand.
func (c Config) settings() (settings, error) {
	var faults []error
	address := func(variable, value string) mail.Address {
		a, err := parseAddress(value)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %q %w", variable, value, err))
		}
		return a
	}
	web := func(variable, value string) string {
		if err := checkWeb(value); err != nil {
			faults = append(faults, fmt.Errorf("%s: %q %w", variable, value, err))
		}
		return value
	}
	s := settings{
		color: rgb(0x1A5FB4), locale: language.English, off: map[Kind]bool{DeviceLimitReached: true},
		sender: address("MAIL_FROM", c.From), page: web("DOWNLOAD_URL", c.Page),
		links: links{
			Mac: web("DOWNLOAD_URL_MAC", c.Mac), IPhone: web("DOWNLOAD_URL_IPHONE", c.IPhone),
			Windows: web("DOWNLOAD_URL_WINDOWS", c.Windows), Android: web("DOWNLOAD_URL_ANDROID", c.Android),
		},
	}
	if s.name = s.sender.Name; s.name == "" {
		_, s.name, _ = strings.Cut(s.sender.Address, "@")
	}
	if c.ReplyTo != "" {
		s.replyTo = address("MAIL_REPLY_TO", c.ReplyTo)
	}
	if c.Domain != "" && !domainName.MatchString(c.Domain) {
		faults = append(faults, fmt.Errorf("MAIL_DOMAIN: %q is not a domain name such as mail.example.com", c.Domain))
	}
	return s, errors.Join(faults...)
}
