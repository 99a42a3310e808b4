// Package inbox catches mail instead of delivering it: an SMTP server that takes
// everything, a page to read it on, and the subset of Mailpit's API that tests use.
//
// It is for trying the system out. Whoever can reach its SMTP port can put mail
// into it, and whoever can reach its page can read that, so both belong on the
// loopback interface. What a mail contains is never trusted: its HTML is shown in
// a frame that may neither run a script nor load anything.
package inbox
