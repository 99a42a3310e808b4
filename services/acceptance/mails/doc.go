// Package mails looks at the mails as people see them: in a real Chromium, light
// and dark, on a desk and on a phone, judged by axe-core.
//
// It needs Debian's chromium and axe-core from npm, which scripts/deps.sh brings;
// without them it fails and says so. What the mails looked like is kept in
// .cache/screenshots.
package mails
