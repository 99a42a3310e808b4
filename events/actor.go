package events

// Actor is who caused a fact. The portal, which knows who is at its pages and its API, writes it into every fact of
// its own as three CloudEvents extension attributes: actorkind, actorid, actorname. They are part of the event's bytes:
// so an export, a replay and a checkpoint's digest keep them, as they would not keep a header.
//
// Whoever publishes as the portal is believed, for the log's permissions let nobody else do so. A PBX core cannot say
// who acted: what its events have under these names is not read, and their actor is the core. See [Event.By].
type Actor struct {
	Kind string // one of the Actor constants; "" when nobody said
	ID   string // tells actors of one kind apart: a session, an API token, a device id
	Name string // as it is shown; "" when there is only the ID
}

// Kinds of actor.
const (
	ActorAdministrator = "administrator" // at the portal's pages
	ActorAPIToken      = "api-token"     // a program at the portal's API
	ActorDevice        = "device"        // a softphone that signs in
	ActorCore          = "pbx-core"      // a PBX core that publishes by itself
)

// By is who caused the event. The zero Actor says that nobody told, and that it is an outcome: a worker's, by its cause.
func (e Event) By() Actor {
	if e.Source == PBX {
		return Actor{Kind: ActorCore}
	}
	return e.Actor
}

// String is the actor in a line: "administrator Ann", "API token crm", "device Ann's iPhone", "PBX core"; "" for nobody.
func (a Actor) String() string {
	who := a.Name
	if who == "" {
		who = a.ID
	}
	kind := a.Kind
	switch kind {
	case ActorAPIToken:
		kind = "API token"
	case ActorCore:
		kind = "PBX core"
	}
	if who == "" {
		return kind
	}
	return kind + " " + who
}

func (a *Actor) fields(v visitor) {
	v.text("actorkind", optional, &a.Kind, actorKind)
	v.text("actorid", optional, &a.ID, label)
	v.text("actorname", optional, &a.Name, label)
}

// problem is a *FieldError on what breaks the contract, or nil.
func (a Actor) problem(source string) error {
	switch {
	case a == Actor{}:
		return nil
	case source != Portal:
		return &FieldError{Field: "actorkind", Problem: "only the portal says who acted, not " + show(source)}
	case a.Kind == "":
		return &FieldError{Field: "actorkind", Problem: "is missing, and there is an actorid or an actorname"}
	}
	c := checker{}
	a.fields(&c)
	return c.err
}

func actorKind(s string) string {
	switch s {
	case ActorAdministrator, ActorAPIToken, ActorDevice, ActorCore:
		return ""
	}
	return show(s) + " is not a kind of actor: administrator, api-token, device or pbx-core"
}
