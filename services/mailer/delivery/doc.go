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
//  2. The recipient's domain admits it, or says when to come again (domains.go).
//  3. The first server that is not down takes it (client.go, relay.go). A server that
//     cannot be reached or refuses us is marked down for a time that doubles
//     (cooldown.go), and the next one is asked. An answer about the mail itself is final:
//     no other server is asked.
//  4. A connection is taken from the server's pool or opened (pool.go, conn.go). One that
//     was idle is first checked with RSET. If it turns out at MAIL that the server has
//     closed it, a fresh one replaces it at once; from the answer to MAIL on nothing is
//     sent a second time here.
//  5. MAIL, RCPT and DATA, together if the server offers PIPELINING, and the mail
//     (transaction.go).
//
// # What is never done
//
// No mail goes out unencrypted, except to this machine or if the configuration says so.
// No password goes to a server that did not prove to be the right one. No secret is in a
// URL, an error or a log line. No wait is without an end: each stage has its timeout, and
// when the context ends the connection is closed at once, in any stage. A mail with a
// lone CR or LF is refused, because servers disagree on what it means.
package delivery
