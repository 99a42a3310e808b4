// Package servertest gives tests real servers, and the means to hurt them.
//
//	n := servertest.NATS(t)          // nats-server in this process: Stop, Restart
//	r := servertest.Redis(t)         // a redis-server child: Stop, Start, Pause, Resume, Empty, Snapshot, PutBack
//	c := servertest.StartChild(t, "worker", "NATS_URL="+n.URL())   // code of the test in a process of its own: Kill, Pause, Resume
//	p := servertest.Postfix(t, servertest.PostfixConfig{})         // Debian's Postfix, as root, with a Maildir: Wait, Restart, Log
//	k := servertest.NATSChild(t)     // a nats-server to be killed with -9 and started again on the same store
//
// Children need a TestMain that calls Main. Everything starts on an address the kernel chose, keeps it when it is started
// again, keeps its data in the test's temporary folder, and is stopped when the test ends; a child also ends when the
// test process is killed. Whatever goes wrong fails the test, at once and with one line: no function
// here skips one.
package servertest
