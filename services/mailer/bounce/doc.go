// Package bounce reads delivery status notifications (RFC 3464): what mail servers
// send back when a mail they took over could not be delivered, or not yet.
//
// [Parse] makes a [Notification] of one. It comes from a [Maildir], or over HTTP
// from a [Hook]; either hands it to a [Taker], which decides whether it is about a
// mail of ours and puts that on record. Neither forgets a notification before it is
// on record, so one may be handed over twice.
//
// Anybody can send a notification. It is believed only as far as it names a mail
// that was sent, by its whole Message-Id, which nobody but the recipient and the
// servers on the way know.
package bounce
