// Package web is the page an administrator knows: the extensions of a tenant, and
// of one extension its name and the section myCloudPBX that turns the softphone on
// and off. And /softphone, a stand-in for the app that calls the JSON API.
//
// Pages are rendered here and work without JavaScript, except for copying and
// generating a password in the page and for showing at once what changed
// elsewhere. Everything a browser needs is embedded.
//
// # A password is shown once
//
// It is in the answer to the post that set it and nowhere else: that answer is no
// redirect, is never stored (Cache-Control: no-store), and its script takes it out
// of the document when the page is left. Every form carries a token that is good
// for one post (see once); a second click, a reload or another tab sends the same
// token, and is led to the page itself, without the password.
//
// # Who is signed in
//
// Administrators sign in with a one-time link, /sign-in#token: what is behind the
// # is sent to no server and written to no log, and a link scanner uses nothing up
// because it takes a click. The session is in Redis under a hash of its token, so
// that what reads Redis cannot take a session over; when Redis is away, nobody is
// signed in and every page says so with 503.
//
// The cookie is __Host-session: Secure, for this host alone, out of reach of
// scripts. Chromium and Firefox take 127.0.0.1 and localhost for secure also
// without TLS (Chromium 156 was tried); Safari does not, there put TLS in front.
package web
