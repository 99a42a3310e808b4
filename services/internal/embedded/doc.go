// Package embedded starts the servers the system stands on from inside this process: NATS with JetStream in the process
// itself, Redis as a child process that cannot outlive it, and miniredis where no redis-server is installed; and Postfix,
// to send mails to.
//
// Standalone uses it to be one command, the tests use it (through servertest) to run against real servers. Every Start
// function returns only when its server answers, or with an error of one line that says what to change. Close waits until
// the server is gone.
//
// A data folder belongs to one server at a time: neither nats-server nor redis-server notices a second one that writes
// into the same files, so a lock file in the folder does.
package embedded
