// Package mailer is the worker that sends e-mails: the welcome with the download
// links and the username, a notice that a password was changed, one to an address that
// is no longer the license's and, where a brand turns it on, one that all devices of the
// license are in use. No mail carries a password; there is none in anything this package
// reads.
//
// It reads LicenseGranted, LicenseEmailChanged, WelcomeEmailRequested,
// SoftphonePasswordReset and DeviceActivationLimitReached, and publishes one outcome of
// each mail: EmailSent, EmailFailed or EmailSkipped. Before it, EmailDeferred stands for
// attempts that failed; after it, EmailBounced for a mail that came back.
//
// # How one event is handled
//
// Package react hands over events, many at a time and in no order. If the recipient's
// domain has its share of the mails under way, a welcome comes again at its turn
// (delivery.Client.Full). For each of the others:
//
//  1. The ledger is the log itself: an outcome with this event's id in its
//     Softphone-Cause-Id says that it is done. The search begins at the extension's
//     first outcome and not at the event, so that a fact that was published again
//     after the duplicate window is known too.
//  2. Decide (decide.go) by what holds now, not by what held when the event was
//     written: a license that was revoked or replaced meanwhile gets no welcome, and one
//     that was granted later no notice of a password. Now is the event's position in the
//     log or later: if the log's leader is behind what was delivered, the event comes
//     again. That a mail is skipped is final, so it is published on the condition that
//     the license that was read is still the last one.
//  3. Render (package letter), and check that the outcome is valid: nothing that can
//     fail is left for the time after the mail.
//  4. Claim the mail (guard.go, which argues why this is enough): the log may have given
//     the event to two replicas, and only one of them may send it. A replica that cannot
//     claim sends nothing and waits. The claims of a replica that died are open to the
//     others within 5 s after its lease ends.
//  5. Send (package delivery), if the claim is good when the mail itself is to be
//     written. The relay's answer decides. Final: the outcome is EmailFailed. Temporary:
//     the event comes again, with growing pauses for days. Unavailable: all sending
//     pauses until an attempt passes. A tenant's own sender refused: its mails wait until
//     one passes (senders.go).
//  6. Publish the outcome. From the relay's 250 on, only the outcome is tried again,
//     never the mail, until it is in the log.
//
// # What becomes of a mail
//
// The attempts 1, 2, 4, 8 and so on are in the log, each as EmailDeferred: less than
// ten for a mail that is tried for three days. The latest attempt is in the key-value
// bucket softphone-mailer, for ask.mailer.get to show; if it is missing there, the last
// published one is shown.
//
// A pause is no mail's failure: nothing of it is in the log, readiness says why, and
// ask.mailer.get shows the reason for the mails that wait. One log line says that it
// began, one that it ended. The same holds when a server refuses the sender of a tenant's
// brand, except for readiness: only that tenant's mails wait.
//
// A recipient that failed for good (record.go says what that is) gets no further
// mail by itself: EmailSkipped, with the reason recipient_failed. Another address
// is another recipient. WelcomeEmailRequested means that somebody expects the mail to
// pass now, so it is tried; once a mail was sent, the failure is forgotten. A mail that
// was given up at its deadline is no such failure: a full mailbox may be emptied.
//
// Mail servers further on send delivery status notifications (package bounce). The
// Message-Id says which mail it was, the log whether that mail was sent: then EmailBounced
// is published, once, however often the notification comes. A notification that the mail
// is late changes only what is shown.
//
// # An address that is corrected
//
// LicenseEmailChanged asks for the welcome to the new address; the fact that it follows
// from asks for the notice to the old one, so each has one end, and neither waits for the
// other. Every mail but that notice goes to the address in force when it is sent. What
// still waits for the old address then: a welcome is skipped (email_changed), for the
// change has its own; a notice goes to the new one. A mail that is being sent just then
// reaches the old address, and the notice follows it. What failed for the old address is
// nothing against the new one: failures are kept by address.
//
// # Notices of the device limit and of addresses
//
// They have a consumer of their own (notices.go), so that a flood of sign-ins delays no
// other mail. Of all the times the limit is reached in a day, one asks for a mail, and
// only about that one anything is published.
//
// # What is not guaranteed
//
// To send and to publish are two systems. A process that dies between the 250 and the
// outcome lets another send the mail again some 35 s later, with the same Message-Id and
// the very same bytes. So does one that is paused, or alone cut off from the log, for longer
// than its lease (30 s) between the last check of its claim and the outcome. So does a relay
// that accepts the mail and hangs up without saying so. These are the only cases.
//
// A pause before that does no harm: after it, the process finds that its claim has lapsed.
// Nor does a NATS server that is killed, or away for any time: it forgets its deliveries of
// the last moments, and the claims keep the replicas apart.
//
// Redis is not used.
//
// What it may do in NATS is in package accounts.
package mailer
