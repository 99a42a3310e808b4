package events_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/mycloudpbx/softphone/events"
)

// A publisher makes a fact and sends its bytes to its subject, with its id in Nats-Msg-Id.
func Example_publish() {
	fact := events.NewFact(events.Extension{Tenant: "acme", Number: "1001"}, events.SoftphoneEnabled{
		Email:       "anna@example.com",
		Username:    "acme-1001",
		DisplayName: "Anna Müller",
	})
	body, err := fact.Encode()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("publish to", fact.Subject())
	fmt.Println("header", events.HeaderMsgID, "has", len(fact.ID), "characters")
	fmt.Println("fits:", len(body) <= events.MaxSize)
	// Output:
	// publish to softphone.pbx.acme.1001.SoftphoneEnabled
	// header Nats-Msg-Id has 36 characters
	// fits: true
}

// A reader gives Decode what it received, skips what it does not know, and puts aside what is wrong.
func ExampleDecode() {
	body := []byte(`{
		"specversion": "1.0", "id": "019ccf20-93e1-7a55-8b1c-0d9e8f7a6b5c", "source": "pbx",
		"type": "com.mycloudpbx.DeviceSignedIn", "subject": "acme/1001", "time": "2026-03-09T08:15:00Z",
		"data": {"deviceId": "iphone-6E7D3C52", "platform": "iOS"}
	}`)
	_, err := events.Decode("log.7.pbx.acme.1001.DeviceSignedIn", body)
	var fault *events.FieldError
	switch {
	case errors.Is(err, events.ErrUnknownEvent):
		fmt.Println("skip it")
	case errors.As(err, &fault):
		fmt.Println("put it aside:", fault)
	}
	// Output:
	// put it aside: data.platform: "iOS" is not a platform: mac, iphone, windows, android or other
}

// A worker's outcome follows from its cause alone: deciding again gives the same event, with the same id.
func ExampleNewOutcome() {
	cause := events.Event{
		ID: "019ccf20-93e1-7a55-8b1c-0d9e8f7a6b5c", Source: events.PBX,
		Time:      time.Date(2026, 3, 9, 8, 15, 0, 0, time.UTC),
		Extension: events.Extension{Tenant: "acme", Number: "1001"},
		Data:      events.ExtensionRenamed{Name: "Anna Berger"},
	}
	outcome := events.NewOutcome(events.NameSync, cause, events.SoftphoneRenamed{Name: "Anna Berger"})
	data, err := outcome.EncodeData()
	fmt.Println(outcome.Subject(), string(data), err)
	// Output:
	// softphone.name-sync.acme.1001.SoftphoneRenamed {"name":"Anna Berger"} <nil>
}
