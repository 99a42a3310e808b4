package events

import (
	"testing"
)

// benchmarkEvent is the event a busy system has most of, about 400 bytes encoded.
func benchmarkEvent() Event {
	return NewFact(Extension{"acme", "1001"}, DeviceSignedIn{
		DeviceID: "6E7D3C52-41F0-4B0B-9C9A-2F6F0B1D8E11", Platform: PlatformIPhone,
		DeviceName: "Anna's iPhone 17 Pro", AppVersion: "8.4.1 (20260309)",
	})
}

func BenchmarkDecode(b *testing.B) {
	e := benchmarkEvent()
	subject := LogSubject(7, e.Source, e.Extension.Tenant, e.Extension.Number, e.EventName())
	body, err := e.Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(subject, body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	e := benchmarkEvent()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Encode(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewOutcome(b *testing.B) {
	cause := benchmarkEvent()
	b.ReportAllocs()
	for b.Loop() {
		_ = NewOutcome(DeviceCounter, cause, DeviceSignInRefused{DeviceID: "a", Reason: ReasonNotLicensed})
	}
}
