// Package pages tests the portal as people meet it: a real Chromium, in front of
// the whole system with real servers and all workers.
//
// It needs Debian's chromium and axe-core from npm, which scripts/deps.sh brings;
// without them it fails and says so. What the pages looked like is kept in
// .cache/screenshots, each light and dark, on a desk and on a phone.
package pages
