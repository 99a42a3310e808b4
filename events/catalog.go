package events

// kind is one event of the contract: who publishes it, and how its data type is made and visited.
type kind struct {
	source string
	event  string
	decode func(visitor) Data       // a new value, its fields shown to the visitor
	visit  func(Data, visitor) bool // false: the data is not a value of this kind's type
}

// catalog is every event of the contract.
//
//nolint:gochecknoglobals // a table that is only ever read
var catalog = [...]kind{
	describe[SoftphoneEnabled](PBX),
	describe[SoftphoneDisabled](PBX),
	describe[ExtensionRenamed](PBX),
	describe[ExtensionDeleted](PBX),
	describe[SoftphonePasswordReset](PBX),
	describe[DeviceSignedIn](PBX),
	describe[DeviceRemoved](PBX),
	describe[WelcomeEmailRequested](PBX),
	describe[LicenseGranted](License),
	describe[LicenseRevoked](License),
	describe[DeviceActivated](DeviceCounter),
	describe[DeviceActivationLimitReached](DeviceCounter),
	describe[DeviceSignInRefused](DeviceCounter),
	describe[DeviceDeactivated](DeviceCounter),
	describe[EmailSent](Mailer),
	describe[EmailFailed](Mailer),
	describe[EmailSkipped](Mailer),
	describe[EmailDeferred](Mailer),
	describe[EmailBounced](Mailer),
	describe[SoftphoneRenamed](NameSync),
}

func describe[T Data, P interface {
	*T
	visited
}](source string) kind {
	var zero T
	return kind{
		source: source,
		event:  zero.EventName(),
		decode: func(v visitor) Data {
			var d T
			P(&d).fields(v)
			return d
		},
		visit: func(data Data, v visitor) bool {
			d, ok := data.(T)
			if ok {
				P(&d).fields(v)
			}
			return ok
		},
	}
}

// kindOf finds an event by source and name; nil when the contract has none such.
func kindOf(source, event string) *kind {
	for i := range catalog {
		if k := &catalog[i]; k.event == event && k.source == source {
			return k
		}
	}
	return nil
}

// SourceOf is who publishes an event: PBX for facts, a worker for outcomes, "" for a name the contract does not have.
func SourceOf(event string) string {
	for i := range catalog {
		if catalog[i].event == event {
			return catalog[i].source
		}
	}
	return ""
}

// Sources is everyone who publishes: PBX and the workers.
func Sources() []string { return []string{PBX, License, DeviceCounter, Mailer, NameSync} }

// Facts is the names of all facts.
func Facts() []string { return published(PBX) }

// Outcomes is the names of all outcomes of a worker.
func Outcomes(worker string) []string {
	if worker == PBX {
		return nil
	}
	return published(worker)
}

func published(source string) []string {
	var names []string
	for i := range catalog {
		if catalog[i].source == source {
			names = append(names, catalog[i].event)
		}
	}
	return names
}

// KnownFields is the names of an event's data fields, in the order of the contract; nil for an unknown event.
func KnownFields(event string) []string {
	k := kindOf(SourceOf(event), event)
	if k == nil {
		return nil
	}
	names := nameList{}
	k.decode(&names)
	return names
}
