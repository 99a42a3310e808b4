package events

// LicenseHistory is what decides whether an extension's last license is in force: the sequences of its last events of
// some kinds, 0 for none.
//
// Every fact that closes an extension ends its license, and the license worker then publishes LicenseRevoked. So a
// reader needs one of the two alone: Closed, with Cause, says it at once; Revoked when the license worker has decided.
type LicenseHistory struct {
	Granted uint64 // the last LicenseGranted
	Cause   uint64 // the SoftphoneEnabled that it answers
	Closed  uint64 // the last SoftphoneDisabled, ExtensionDeleted or ExtensionErased
	Revoked uint64 // the last LicenseRevoked
}

// InForce tells whether the last license is in force. This is the rule for everybody who reads the log; the deciders of
// license and device-counter, who see every event in order, come to the same.
//
// What counts is where the SoftphoneEnabled stands and not where its answer does: of a license that was granted after
// somebody disabled the softphone, but for an earlier SoftphoneEnabled, nobody may make use.
func (h LicenseHistory) InForce() bool {
	return h.Granted > 0 && h.Closed <= h.Cause && h.Revoked < h.Granted
}
