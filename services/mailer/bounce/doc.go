// Package bounce reads delivery status notifications (RFC 3464), which mail servers
// send when a mail they accepted could not be delivered, or not yet.
//
// [Parse] makes a [Notification] of one. It comes from a [Maildir], or over HTTP
// from a [Hook]; either hands it to a [Taker], which decides whether it is about a
// mail of ours and puts that on record. Both keep a notification until it is on record,
// so the Taker may get one twice.
//
// Anybody can send a notification. It is believed only if it names a mail that was sent,
// by its whole Message-Id, which only the recipient and the servers on the way know.
package bounce
