// Package mailer is the worker that sends e-mails: the welcome with the download
// links and the username, a notice that a password was changed and, where a brand
// turns it on, one that all devices of the license are in use. No mail carries a
// password; there is none in anything this package reads.
//
// It reads LicenseGranted, WelcomeEmailRequested, SoftphonePasswordReset and
// DeviceActivationLimitReached, and tells the end of each mail once: EmailSent,
// EmailFailed or EmailSkipped. On the way there it tells EmailDeferred of tries that
// failed, and after it EmailBounced of a mail that came back.
//
// # How one event is handled
//
// Package react hands over events, many at a time and in no order. A license whose
// welcome would go to a domain that has its share of the mails under way comes again
// when it is its turn (delivery.Client.Full). For each of the others:
//
//  1. The ledger is the log itself: an end with this event's id in its
//     Softphone-Cause-Id says that it is done. The search begins at the extension's
//     first outcome and not at the event, so that a fact that was published again
//     after the duplicate window is known too.
//  2. Decide (decide.go) by what holds now, not by what held when the event was
//     written: a license revoked meanwhile, or replaced, gets no welcome, and one
//     that was granted later no notice of a password. Now is the event's place in the
//     log or later: where the log's leader is behind what was delivered, the event
//     comes again. That a mail is skipped is final, so it is told on the condition that
//     the license which was read is still the last one.
//  3. Render (package letter) and see that the outcome can be told: nothing that can
//     fail is left for the time after the mail.
//  4. Claim the mail (guard.go, which argues why this is enough): the log may have given the
//     event to two replicas, and only one of them may send it. A replica that cannot claim
//     sends nothing and waits. The claims of a replica that died are open to the others
//     within 5 s after its lease ends.
//  5. Send (package delivery), if the claim is good when the mail itself is to be
//     written. The relay's answer decides: final, and the outcome is EmailFailed;
//     temporary, and the event comes again with growing pauses for days; unavailable,
//     and all sending pauses until a try passes; a tenant's own sender refused, and
//     its mails wait until one passes (senders.go).
//  6. Tell. From the relay's 250 on, only the outcome is tried again, never the
//     mail, until it is in the log.
//
// # What becomes of a mail
//
// The tries 1, 2, 4, 8 and so on are in the log, each as EmailDeferred: less than
// ten of a mail that is tried for three days. The latest one is in the key-value
// bucket softphone-mailer, for ask.mailer.get to show; where it is missing the last
// one told is shown.
//
// A pause is nobody's mail: nothing of it is in the log, readiness says why, and
// ask.mailer.get says it of the mails that wait. One log line says that it began,
// one that it ended. So it is when a server refuses the sender that a tenant's brand
// has of its own, but for readiness: only that tenant's mails wait.
//
// A recipient that failed for good (record.go says what that is) gets no further
// mail by itself: EmailSkipped, with the reason recipient_failed. Another address
// is another recipient, and WelcomeEmailRequested is somebody saying that the mail
// may pass now; once one did, all is forgotten. A mail that was given up at its
// deadline is no such failure: a full mailbox may be emptied.
//
// Mail servers further on send delivery status notifications (package bounce). The
// Message-Id says whose mail it was, the log whether that mail was sent: then it is
// EmailBounced, once, however often the notification comes. One that says that the
// mail is late changes nothing but what is shown.
//
// # Notices of the device limit
//
// They have a consumer of their own (notices.go), so that a flood of sign-ins holds
// up no other mail. Of all the times the limit is reached in a day one asks for a
// mail, and only of that one is anything told.
//
// # What is not guaranteed
//
// Sending and telling are two systems: a process that dies between the 250 and the
// outcome, or that is paused or alone cut off from the log there for longer than a
// claim lasts (30 s), has another send the mail again, with the same Message-Id and the
// very same bytes, some 35 s later. So does a relay that accepts the mail and
// hangs up without saying so. That is the one at-least-once there is.
//
// A pause before that does no harm, as who slept finds its claim lapsed, nor does a
// NATS server that is killed, or away for any time: its deliveries of the last moments
// are forgotten then, and the claims keep the mails apart.
//
// Redis is not used.
//
// What it may do in NATS is in package accounts.
package mailer
