// Package letter makes the mails: what they say, in which language, under which
// brand, and their bytes. It knows no log and no mail server.
//
// [Open] reads everything once, [Brands.Render] makes a mail of a [Letter]. The
// same letter gives the same bytes, on every replica and after every restart, so
// that a mail that is sent twice can be told for one. No letter has a field for a
// password, and every mail says that there is none in it.
//
// # A directory of brands
//
// A provider sends mails for many tenants, each under its own name. MAIL_BRANDS
// names a directory:
//
//	default.yaml              of every tenant without a file of its own, and what the others are based on
//	acme.yaml                 of the tenant acme
//	acme.png                  a logo, named in acme.yaml
//	acme/templates/…          instead of the built-in templates (builtin/templates), file by file
//	acme/words/de.yaml        instead of the built-in texts (builtin/words), text by text
//	acme/words/ar.yaml        another language; it must have all texts. It runs as its script does
//	default/…                 the same for all tenants
//
// A file of a brand, every key of which may be left out:
//
//	name: Acme Phones                            # shown where there is no logo, and in texts as {brand}
//	logo: acme.png                               # PNG, at most 64 KiB; shown at half its pixels, at most 240 × 64
//	color: "#0b6e4f"                             # of the button, links and the line above
//	support:
//	  email: help@acme.example
//	  phone: +49 30 1234567
//	sender: Acme Phones <softphone@acme.example>
//	reply-to: Acme Help <help@acme.example>      # without it support.email, if that is in the same file
//	page: https://acme.example/softphone         # leads to the app for any device; it is in the QR code
//	links:
//	  mac: https://acme.example/softphone/mac
//	  iphone: https://acme.example/softphone/iphone
//	  windows: https://acme.example/softphone/windows
//	  android: https://acme.example/softphone/android
//	locale: de                                   # for whoever reads none of the languages there are
//	kinds:                                       # which mails are sent
//	  welcome: true
//	  password-changed: true
//	  device-limit-reached: true                 # without it, this one is not
//
// What is left out comes from default.yaml, then from the environment (see
// [Config]). Keys that are not known are refused, and so is everything else in the
// directory but files whose names begin with a dot. Open reports all that is wrong
// at once, each with its file, line and column; it tries every template and text
// that is not built in with samples of all mails. A change is read at the next
// start. `softphonectl emails preview` shows what comes of it.
//
// # Colors
//
// Any color will do. The button has it as it is, with text in black or white,
// whichever is better to read; links get it made darker, or lighter in dark mode,
// until their contrast is 4.5 or more.
//
// # Templates
//
// They are those of html/template and text/template. layout has what all mails have
// around them and the parts they are made of; the file of a kind is its content.
// They see the exported fields and methods of page (page.go): {{.Say
// "welcome.intro"}} is a text in the reader's language, {{.Username}}, {{.Brand}},
// {{.Page}}, {{range .Links}}…. Colors are written as var(--text) or
// var(--dark-text) and filled in before anything else (palette.go).
//
// Texts fill in {name}, {username}, {brand} and {limit}; one that counts devices
// may have the plural forms of its language. A name that runs the other way than
// the text around it is isolated from it.
package letter
