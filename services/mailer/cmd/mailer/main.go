// Command mailer runs the mailer; see package mailer.
package main

import "github.com/mycloudpbx/softphone/services/mailer"

func main() { mailer.Main() }
