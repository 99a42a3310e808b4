package main

import (
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/license"
)

// perTenant is the number of extensions of one tenant.
const perTenant = 100

// softphone is one extension as the scenario goes: who has it, and what the
// workers' own rules have made of its events so far.
type softphone struct {
	events.Extension
	n       int
	license license.State
	counter devicecounter.State
	granted events.Recorded // the last LicenseGranted
}

func newSoftphones(n int) []softphone {
	all := make([]softphone, n)
	for i := range all {
		all[i] = newSoftphone(i)
	}
	return all
}

func newSoftphone(n int) softphone {
	return softphone{n: n, Extension: events.Extension{
		Tenant: "customer-" + strconv.Itoa(1000+n/perTenant), Number: strconv.Itoa(1000 + n%perTenant),
	}}
}

func (s *softphone) enabled() events.Event {
	people := [...]string{"Anna Schmidt", "Giovanni Ferrari", "Jane Doe", "Mehmet Yılmaz", "Siobhán O'Connor", "Li Wei"}
	return events.NewFact(s.Extension, events.SoftphoneEnabled{
		Email: fmt.Sprintf("user%d@%s.example.com", s.n, s.Tenant), Username: s.Number + "@" + s.Tenant,
		DisplayName: people[s.n%len(people)], Locale: "de-DE",
	})
}

// signedIn is a sign-in on the extension's device number d.
func (s *softphone) signedIn(d int) events.Event {
	devices := [...]struct{ platform, name string }{
		{events.PlatformIPhone, "Anna's iPhone 17 Pro"},
		{events.PlatformMac, "MacBook Pro 14"},
		{events.PlatformWindows, "DESKTOP-7QK2M1P"},
		{events.PlatformAndroid, "Galaxy S25"},
	}
	device := devices[d%len(devices)]
	id := uuid.NewSHA1(uuid.NameSpaceOID, []byte(s.String()+"/"+strconv.Itoa(d)))
	return events.NewFact(s.Extension, events.DeviceSignedIn{
		DeviceID: id.String(), Platform: device.platform, DeviceName: device.name, AppVersion: "8.4.1 (20260309)",
	})
}

// grant is the license worker's outcome on a SoftphoneEnabled stored at a sequence.
func (s *softphone) grant(enabled events.Event, at uint64) events.Event {
	next, decision := license.Decide(s.license, events.Recorded{Event: enabled, Sequence: at})
	s.license = next
	return events.NewOutcome(events.License, enabled, decision.Outcome)
}

// welcomed is the mailer's outcome on the last LicenseGranted.
func (s *softphone) welcomed() events.Event {
	return events.NewOutcome(events.Mailer, s.granted.Event, events.EmailSent{
		Kind: events.KindWelcome, LicenseID: s.license.LicenseID, To: fmt.Sprintf("user%d@%s.example.com", s.n, s.Tenant),
		MessageID: "<" + s.granted.ID + "@softphone.example>", SMTPCode: 250,
	})
}

// count is the device-counter's outcome on an event, if it has one.
func (s *softphone) count(e events.Recorded) (outcome events.Event, told bool) {
	next, decision := devicecounter.Decide(s.counter, e)
	s.counter = next
	if decision.Outcome == nil {
		return events.Event{}, false
	}
	return events.NewOutcome(events.DeviceCounter, e.Event, decision.Outcome), true
}

// factMessage is a fact as the PBX core publishes it.
func factMessage(e events.Event) (*nats.Msg, error) {
	body, err := e.Encode()
	if err != nil {
		return nil, err
	}
	return &nats.Msg{Subject: e.Subject(), Data: body, Header: nats.Header{nats.MsgIdHdr: {e.ID}}}, nil
}

// outcomeMessage is an outcome as a worker publishes it.
func outcomeMessage(e events.Event, cause uint64, causeID string) (*nats.Msg, error) {
	body, err := e.Encode()
	if err != nil {
		return nil, err
	}
	return &nats.Msg{Subject: e.Subject(), Data: body, Header: nats.Header{
		events.HeaderCause:   {strconv.FormatUint(cause, 10)},
		events.HeaderCauseID: {causeID},
	}}, nil
}
