package events

// The names every process of the system shares. They are part of the contract: changing one is a new contract.
const (
	Stream     = "SOFTPHONE"      // the log: every fact and every outcome
	DeadStream = "SOFTPHONE_DEAD" // what could not be read, with the reason

	// APIPrefix stands before the JetStream API where a part's account imports it: deploy/nats/nats.conf.
	APIPrefix = "log.API"

	// Partitions is fixed when the stream is created: another count is another stream and a replay into it.
	Partitions = 16

	// MaxSize is the most bytes an encoded event has.
	MaxSize = 64 << 10

	// DefaultDeviceLimit is the number of devices of a license whose SoftphoneEnabled names no deviceLimit.
	DefaultDeviceLimit = 4

	// MaxDeviceLimit is the highest deviceLimit.
	MaxDeviceLimit = 100

	// MaxSeats is the most seats DeviceActivationLimitReached lists.
	MaxSeats = 10
)

// Sources: who published an event. Facts come from a PBX core or from the portal, and are facts alike; outcomes come
// from the worker of that name.
const (
	PBX           = "pbx"
	Portal        = "portal"
	License       = "license"
	DeviceCounter = "device-counter"
	Mailer        = "mailer"
	NameSync      = "name-sync"
	Operator      = "operator" // whoever operates the system, with softphonectl
)

// LeaseBucket says which replica of a worker works on which partition. Each has one of its own: in a shared one, a
// message that rolls up the bucket would take the others' leases.
func LeaseBucket(worker string) string { return "softphone-leases-" + worker }

// Headers of the messages in the log.
const (
	HeaderMsgID   = "Nats-Msg-Id"        // the event's id: a second copy within the duplicate window is dropped
	HeaderReplyTo = "Softphone-Reply-To" // on a fact: the subject under _INBOX.<user>.answer. that wants the Decision
	HeaderCause   = "Softphone-Cause"    // on an outcome: the stream sequence of the event that caused it
	HeaderCauseID = "Softphone-Cause-Id" // on an outcome: the id of the event that caused it

	// HeaderTraceParent names the trace an event belongs to, as W3C Trace Context writes it. It may be absent.
	HeaderTraceParent = "traceparent"
)

// Platforms a device says it is.
const (
	PlatformMac     = "mac"
	PlatformIPhone  = "iphone"
	PlatformWindows = "windows"
	PlatformAndroid = "android"
	PlatformOther   = "other"
)

// Kinds of e-mail the mailer sends.
const (
	KindWelcome            = "welcome"
	KindPasswordChanged    = "password-changed"
	KindDeviceLimitReached = "device-limit-reached"
	KindEmailChanged       = "email-changed" // to the address until then
)

// What a delivery status notification says became of a mail: the action of EmailBounced (RFC 3464, section 2.3.3).
const (
	ActionFailed  = "failed"  // it will not be delivered
	ActionDelayed = "delayed" // it is not delivered yet; a server still tries
)

// ReasonNotLicensed is the reason of DeviceSignInRefused when the extension has no license in force.
const ReasonNotLicensed = "not_licensed"

const (
	specVersion = "1.0"
	typePrefix  = "com.mycloudpbx."
	contentType = "application/json"
)
