// Package faults holds the system to its promises while everything under it
// fails: workers killed and paused, the NATS server killed, Redis emptied and put
// back to an older copy, each server gone for a minute.
//
// Workers and the NATS server are processes of their own, so that a kill is a
// kill. Whatever happened, the log's outcomes and Redis must in the end equal an
// independent fold of the log's facts (package foldtest).
//
// Package faults has tests only.
package faults
