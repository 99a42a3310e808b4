// Package worker is what the processes that fold the log have in common: their
// configuration, their connections, and Run, which owns a fair share of the
// partitions and answers questions about the state.
//
// Any number of replicas may run. See package fold for the guarantees and package
// ownership for who owns what.
package worker
