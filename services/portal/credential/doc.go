// Package credential keeps the passwords of softphones: what may be one (policy.go),
// how one is made up (generate.go), hashed and compared (hash.go), and where the
// hashes are (store.go).
//
// A credential belongs to a fact: the SoftphoneEnabled that granted the license, or
// a later SoftphonePasswordReset. It is stored before the fact is published, under
// the fact's id, and opens nothing until that fact is in the log: which credential
// is in force is what the log says, never what the bucket says. So a crash between
// the two leaves the old password in force and a hash that nothing refers to, which
// the next change removes.
//
// A credential is sealed for its fact (seal.go): one that was written, changed or moved by
// anybody but a portal opens nothing.
package credential
