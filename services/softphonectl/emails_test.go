package softphonectl

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every state of an e-mail in plain words, with what to do.
func TestEmailsText(t *testing.T) {
	t.Parallel()
	got, err := emailsText([]byte(`{"current":true,"emails":[
		{"kind":"welcome","state":"queued","to":"a@example.com","since":"2026-03-09T08:15:00Z","at":"2026-03-09T08:15:00Z"},
		{"kind":"welcome","state":"retrying","to":"a@example.com","since":"2026-03-09T08:15:00Z","at":"2026-03-09T08:16:00Z",
			"reason":"RCPT: 450 4.2.2 mailbox full","attempts":3,"nextAttempt":"2026-03-09T08:18:00Z","advice":"The mailbox is full."},
		{"kind":"password-changed","state":"sent","to":"a@example.com","since":"2026-03-09T08:15:00Z","at":"2026-03-09T08:15:01Z",
			"reason":"2.0.0 Ok: queued as 4Yz1","queueId":"4Yz1"},
		{"kind":"welcome","state":"sent","to":"a@example.com","at":"2026-03-09T08:15:01Z","reason":"Ok","queueId":"4Yz1"},
		{"kind":"welcome","state":"bounced","to":"a@example.com","at":"2026-03-09T08:20:00Z","reason":"no such mailbox","advice":"Check the address."},
		{"kind":"welcome","state":"skipped","at":"2026-03-09T08:20:00Z","reason":"not_licensed"}
	]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := `2026-03-09 08:15:00  queued    welcome           a@example.com  waiting since 2026-03-09 08:15:00
2026-03-09 08:16:00  retrying  welcome           a@example.com  tried 3 times since 2026-03-09 08:15:00; RCPT: 450 4.2.2 mailbox full; next 2026-03-09 08:18:00
    The mailbox is full.
2026-03-09 08:15:01  sent      password-changed  a@example.com  2.0.0 Ok: queued as 4Yz1
2026-03-09 08:15:01  sent      welcome           a@example.com  Ok; queue id 4Yz1
2026-03-09 08:20:00  bounced   welcome           a@example.com  no such mailbox
    Check the address.
2026-03-09 08:20:00  skipped   welcome                          not_licensed`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
