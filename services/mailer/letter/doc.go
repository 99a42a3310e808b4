// Package letter makes the mails: what they say, in which language, under which
// brand, and their bytes. It knows no log and no mail server.
//
// [Open] reads the settings once, [Brands.Render] makes a mail of a [Letter]. The
// same letter gives the same bytes, on every replica and after every restart, so
// that a mail that is sent twice can be told for one. No letter has a field for a
// password.
package letter
