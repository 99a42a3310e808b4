// Package mailer is the worker that sends e-mails: the welcome with the download
// links and the username, and a notice that a password was changed. No mail
// carries a password; there is none in anything this package reads.
//
// It reads LicenseGranted, WelcomeEmailRequested and SoftphonePasswordReset, and
// tells EmailSent, EmailFailed or EmailSkipped, one of them once for each.
//
// # How one event is handled
//
// Package react hands over events, many at a time and in no order. For each:
//
//  1. The ledger is the log itself: an outcome with this event's id in its
//     Softphone-Cause-Id says that it is done. For a fact the search begins at the
//     extension's first outcome and not at the fact, so that a fact that was
//     published again after the duplicate window is known too.
//  2. Decide (decide.go) by what holds now, not by what held when the event was
//     written: a license revoked meanwhile, or replaced, gets no welcome.
//  3. Render (package letter) and encode the outcome: nothing that can fail is left
//     for the time after the mail.
//  4. Send (package delivery). The relay's answer decides: final, and the
//     outcome is EmailFailed; temporary, and the event comes again with growing
//     pauses for days; unavailable, and all sending pauses until a probe passes.
//  5. Tell. From the relay's 250 on, only the outcome is tried again, never the
//     mail, until it is in the log.
//
// # What is not guaranteed
//
// Sending and telling are two systems: a crash between the 250 and the outcome,
// or a pause of the process longer than AckWait there, sends the mail again, with
// the same Message-Id and the very same bytes. So does a relay that accepts the
// mail and hangs up without saying so. That is the one at-least-once there is.
//
// Redis is not used. Attempts that failed are kept for display alone, in the
// key-value bucket softphone-mailer; without it ask.mailer.get shows such mails
// as queued, and nothing else changes.
//
// # NATS subjects
//
// Publishes:
//
//	softphone.mailer.>                               outcomes
//	dead.mailer.>                                    events that cannot be handled
//	_INBOX.>                                         answers to whoever asks
//	$JS.API.STREAM.INFO.SOFTPHONE                    is this the log?
//	$JS.API.STREAM.MSG.GET.SOFTPHONE                 what holds now; the ledger
//	$JS.API.CONSUMER.CREATE.SOFTPHONE.mailer         the durable consumer
//	$JS.API.CONSUMER.INFO.SOFTPHONE.mailer
//	$JS.API.CONSUMER.MSG.NEXT.SOFTPHONE.mailer
//	$JS.ACK.SOFTPHONE.mailer.>
//	$JS.API.CONSUMER.CREATE.SOFTPHONE.mailer-ask-*   a short-lived consumer per question
//	$JS.API.CONSUMER.MSG.NEXT.SOFTPHONE.mailer-ask-*
//	$KV.softphone-mailer.>                           failed attempts, for display
//	$JS.API.STREAM.INFO.KV_softphone-mailer
//	$JS.API.DIRECT.GET.KV_softphone-mailer.>
//
// Subscribes: _INBOX.mailer.>, ask.mailer.get and, as a micro service, $SRV.>.
package mailer
