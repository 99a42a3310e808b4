// Package runbook walks through deploy/RUNBOOK.md, so that it cannot rot: it does
// the harm, types the commands, and compares what they say.
//
// The system is deployed as its users do it: a cluster of three nats-server with
// deploy/nats, redis-server with deploy/redis, every worker a process with its own
// users, and softphonectl as the user ops.
//
// A block marked console is a scene. A line that begins with "# " is what happens
// outside of the terminal, and a drill of that name does it. A line that begins
// with "$ " is typed, and what follows is what it says: "…" stands for anything,
// and what differs between two runs does not count. A command that changes nothing
// is typed again until it says what it should. A block marked json is a line that
// some worker has logged by then.
//
// Package runbook has tests only.
package runbook
