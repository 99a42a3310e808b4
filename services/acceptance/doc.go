// Package acceptance holds the tests of the whole system: the parts as they are
// deployed, together, against real servers. It has no code of its own.
package acceptance
