// Package delivery hands mails to an SMTP server and says what became of them.
//
// [Client.Send] returns no error exactly when the server took responsibility for
// the mail. Every other end is a [*Failure] with a [Verdict], judged in one place
// (failure.go) by the stage of the dialogue and the server's answer.
package delivery
