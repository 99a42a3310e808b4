// Package delivery hands mails to SMTP servers and says what became of them.
//
// [Client.Send] returns no error exactly when a server took responsibility for the
// mail: its final dot was answered with 250. Every other end is a [*Failure] with a
// [Verdict], judged in one place (failure.go) by the stage of the dialogue and the
// server's answer; or [*Busy], when the recipient's domain has its share of the
// connections; or the context's error.
//
// # On its way
//
//  1. The envelope is checked and its domains are written in ASCII (address.go), the
//     mail is signed (dkim.go). Both depend on the mail alone: sent again, it is the
//     same to the byte.
//  2. The recipient's domain lets it pass, or tells when to come again (domains.go).
//  3. The first server that is not resting takes it (client.go, relay.go). A server
//     that is away or refuses us rests for a while that doubles (rest.go); the next
//     one is asked. A word about the mail is the last one: no other server is asked.
//  4. A connection is taken from the server's pool or opened (pool.go, conn.go). One
//     that was idle is asked first, with RSET, whether it lives. One that turns out to
//     have ended when it is given MAIL is replaced by a fresh one at once; from the
//     answer to MAIL on nothing is sent a second time here.
//  5. MAIL, RCPT and DATA, together where the server allows it, and the mail
//     (transaction.go).
//
// # What is never done
//
// No mail without encryption, except to this machine or when told so; no password to
// whoever did not prove to be the right server; no secret in a URL, an error or a log
// line. No wait without an end: each stage has its timeout, and when the context ends
// the connection is closed at once, whatever stage it is in. A mail with a CR or LF
// alone is refused: servers differ in what they take that for.
package delivery
