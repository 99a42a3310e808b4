// Package letter makes the mails: what they say, in which language, under which
// brand, and their bytes. It knows no log and no mail server.
//
// [Open] reads everything once, [Brands.Render] makes a mail of a [Letter]. The
// same letter gives the same bytes, on every replica and after every restart, so
// that a mail that is sent twice can be recognized. No letter has a field for a
// password, and every mail says that there is none in it.
//
// # A directory of brands
//
// A provider sends mails for many tenants, each under its own name. MAIL_BRANDS
// names a directory:
//
//	default.yaml              for every tenant without a file of its own, and the base of the others
//	acme.yaml                 for the tenant acme
//	acme.png                  a logo, named in acme.yaml
//	acme/templates/…          replace built-in templates (builtin/templates), file by file
//	acme/words/de.yaml        replaces built-in texts (builtin/words), text by text
//	acme/words/ar.yaml        another language; it must have all texts. Its script gives the direction
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
//	locale: de                                   # for recipients who read none of the languages
//	kinds:                                       # which mails are sent
//	  welcome: true
//	  password-changed: true
//	  email-changed: true                        # to the address until then
//	  device-limit-reached: true                 # without it, this one is not
//
// What is left out comes from default.yaml, then from the environment (see
// [Config]). Unknown keys are refused, and so are other files in the directory, unless
// their names begin with a dot. Open reports all faults at once, each with its file,
// line and column; it renders samples of all mails with every template and text that
// is not built in. A change is read at the next start. `softphonectl emails preview`
// shows the result.
//
// # Colors
//
// Any color will do. The button has it unchanged, with text in black or white,
// whichever has more contrast. For links it is made darker, or lighter in dark mode,
// until their contrast is 4.5 or more.
//
// # Templates
//
// They are written for html/template and text/template. layout has the frame of all
// mails and their parts; the file of a kind is its content. They see the exported fields and methods of page (page.go): {{.Say
// "welcome.intro"}} is a text in the reader's language, {{.Username}}, {{.Brand}},
// {{.Page}}, {{range .Links}}…. Colors are written as var(--text) or
// var(--dark-text) and filled in before anything else (palette.go).
//
// Texts fill in {name}, {username}, {brand} and {limit}; one that counts devices
// may have the plural forms of its language. A name whose direction differs from
// that of the text around it is isolated from it.
package letter
