package delivery

import "testing"

func TestQueueID(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2.0.0 Ok: queued as 4bXyZ12345":                          "4bXyZ12345",
		"2.0.0 OK: queued as <abc@x>":                             "",
		"OK id=1rGzvJ-0007Yq-2M":                                  "1rGzvJ-0007Yq-2M",
		"OK id=1tDnPa-00000000Abc-1xyz":                           "1tDnPa-00000000Abc-1xyz",
		"2.0.0 42QDd8Zl012345 Message accepted for delivery":      "42QDd8Zl012345",
		"2.0.0: 8a1b2c3d Message accepted for delivery":           "8a1b2c3d",
		"Ok 0100018c1a2b3c4d-1a2b3c4d-0000-1111-2222-3333-000000": "0100018c1a2b3c4d-1a2b3c4d-0000-1111-2222-3333-000000",
		"2.6.0 <1@acme.example> [InternalId=8594229, Hostname=A.B] 9016 bytes in 0.1, 62 KB/sec Queued mail for delivery": "8594229",
		"2.0.0 OK  1700000000 d2e1a72fcca58-6be.33 - gsmtp":                                                               "d2e1a72fcca58-6be.33",
		"2.0.0 Ok":                    "",
		"Ok, queued for delivery":     "",
		"":                            "",
		"2.0.0 Ok:\nqueued as\r\nXYZ": "XYZ",
	} {
		if got := queueID(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
