package events

import "testing"

func TestInForce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what string
		is   LicenseHistory
		want bool
	}{
		{"nothing happened", LicenseHistory{}, false},
		{"enabled, not granted yet", LicenseHistory{Cause: 5}, false},
		{"disabled, never enabled", LicenseHistory{Closed: 5}, false},
		{"granted", LicenseHistory{Cause: 5, Granted: 6}, true},
		{"granted, disabled", LicenseHistory{Cause: 5, Granted: 6, Closed: 7}, false},
		{"granted, disabled, revoked", LicenseHistory{Cause: 5, Granted: 6, Closed: 7, Revoked: 8}, false},
		{"granted, revoked, and who reads only that", LicenseHistory{Cause: 5, Granted: 6, Revoked: 8}, false},
		{"disabled before the license was granted", LicenseHistory{Cause: 5, Closed: 6, Granted: 7}, false},
		{"that, and revoked", LicenseHistory{Cause: 5, Closed: 6, Granted: 7, Revoked: 8}, false},
		{"enabled again, not granted yet", LicenseHistory{Cause: 5, Granted: 6, Closed: 7, Revoked: 8}, false},
		{"granted again", LicenseHistory{Closed: 7, Revoked: 8, Cause: 9, Granted: 10}, true},
		{"granted again, and who reads only the revocation", LicenseHistory{Revoked: 8, Cause: 9, Granted: 10}, true},
		{"enabled again before the revocation was published", LicenseHistory{Closed: 7, Cause: 8, Revoked: 9, Granted: 10}, true},
		{"granted a second time and disabled", LicenseHistory{Revoked: 8, Cause: 9, Granted: 10, Closed: 11}, false},
	} {
		if got := c.is.InForce(); got != c.want {
			t.Errorf("%s: %t, want %t", c.what, got, c.want)
		}
	}
}
