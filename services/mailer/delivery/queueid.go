package delivery

import "regexp"

// accepted is how servers name the mail they took: Postfix and its kin; Exim;
// Exchange; sendmail and OpenSMTPD; Amazon's; Google's.
var accepted = regexp.MustCompile(`(?i)\bqueued as ([A-Z0-9._-]+)` +
	`|\bid=([A-Z0-9]{6,}-[A-Z0-9]{6,}-[A-Z0-9]{2,})` +
	`|\[InternalId=(\d+)[,\]].*\bQueued mail for delivery` +
	`|\b([A-Z0-9]{8,}) Message accepted for delivery` +
	`|^(?:2\.\d+\.\d+ )?Ok ([0-9a-f]{12,}[0-9a-f-]*)$` +
	`|\bOK +\d+ (\S+) - gsmtp`)

// queueID is the name under which a server knows the mail it accepted; "" when its
// words name none.
func queueID(text string) string {
	found := accepted.FindStringSubmatch(OneLine(text))
	for i := 1; i < len(found); i++ {
		if found[i] != "" {
			return found[i]
		}
	}
	return ""
}
