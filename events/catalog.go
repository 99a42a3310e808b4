package events

// fact is the source, in the catalog, of what every source of facts publishes. Nobody is called that.
const fact = "fact"

// kind is one event of the contract: who publishes it, and how its data type is made and visited.
type kind struct {
	source string // a worker, or fact
	event  string
	decode func(visitor) Data       // a new value, its fields shown to the visitor
	visit  func(Data, visitor) bool // false: the data is not a value of this kind's type
}

// catalog is every event of the contract.
//
//nolint:gochecknoglobals // a table that is only ever read
var catalog = [...]kind{
	describe[SoftphoneEnabled](fact),
	describe[SoftphoneDisabled](fact),
	describe[ExtensionRenamed](fact),
	describe[ExtensionDeleted](fact),
	describe[SoftphonePasswordReset](fact),
	describe[SoftphoneEmailChanged](fact),
	describe[DeviceSignedIn](fact),
	describe[DeviceRemoved](fact),
	describe[WelcomeEmailRequested](fact),
	describe[LicenseGranted](License),
	describe[LicenseRevoked](License),
	describe[LicenseEmailChanged](License),
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
	describe[ExtensionErased](Operator),
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
	k := kindNamed(event)
	if k == nil || !k.publishedBy(source) {
		return nil
	}
	return k
}

func (k *kind) publishedBy(source string) bool {
	if k.source == fact {
		return IsFactSource(source)
	}
	return k.source == source
}

func kindNamed(event string) *kind {
	for i := range catalog {
		if k := &catalog[i]; k.event == event {
			return k
		}
	}
	return nil
}

// IsFactSource tells whether a source publishes facts.
func IsFactSource(source string) bool { return source == PBX || source == Portal }

// FactSources is everyone who publishes facts.
func FactSources() []string { return []string{PBX, Portal} }

// IsFact tells whether an event of that name is a fact.
func IsFact(event string) bool {
	k := kindNamed(event)
	return k != nil && k.source == fact
}

// SourcesOf is who publishes an event: FactSources for a fact, one worker for an outcome, nobody for a name the
// contract does not have.
func SourcesOf(event string) []string {
	switch k := kindNamed(event); {
	case k == nil:
		return nil
	case k.source == fact:
		return FactSources()
	default:
		return []string{k.source}
	}
}

// Sources is everyone who publishes: those of facts, and the workers. Operator is a person.
func Sources() []string { return []string{PBX, Portal, License, DeviceCounter, Mailer, NameSync} }

// All is a value of every event of the contract, without data.
func All() []Data {
	all := make([]Data, len(catalog))
	for i := range catalog {
		all[i] = catalog[i].decode(&nameList{})
	}
	return all
}

// Facts is the names of all facts.
func Facts() []string { return published(fact) }

// Outcomes is the names of all outcomes of a worker; none for whoever is no worker.
func Outcomes(worker string) []string {
	if worker == fact {
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
	k := kindNamed(event)
	if k == nil {
		return nil
	}
	names := nameList{}
	k.decode(&names)
	return names
}
