// Package namesync is the worker that carries a new name to where it is shown.
//
// It has two halves. The fold keeps each extension's profile, the name its
// softphone shows: the display name it was enabled with, or the name of a later
// ExtensionRenamed, which it tells as SoftphoneRenamed for softphones that are
// signed in. The push, where an outside directory is configured, brings every
// SoftphoneRenamed there.
//
// Read decide.go for the rules, state.go for what is kept, push.go for how names
// are pushed, service.go for how it runs.
//
// # What a directory is sent
//
// A POST to DIRECTORY_URL, signed with DIRECTORY_SECRET after Standard Webhooks
// (headers webhook-id, webhook-timestamp and webhook-signature; there are
// libraries for most languages):
//
//	{"type":"com.mycloudpbx.SoftphoneRenamed","timestamp":"2026-01-02T03:04:05Z",
//	 "data":{"tenant":"acme","extension":"1001","name":"Ada Lovelace","sequence":4711}}
//
// Any 2xx within DIRECTORY_TIMEOUT says that the name is taken. Redirects are not
// followed, and of the response's body nothing is used.
//
// # What a directory can rely on
//
//   - Every extension's last name arrives, also after the directory, NATS or this
//     worker was away for days. Names that were soon followed by another may not.
//   - The webhook-id, also sent as Idempotency-Key, is the name's own, and the body
//     the same, byte for byte, however often it is sent. It may be sent more than
//     once.
//   - sequence grows with every rename of an extension, by the order of the log and
//     not by any clock. A directory that takes a name only if its sequence is above
//     the one it has, and answers 2xx otherwise too, shows the right name always.
//   - A directory that keeps no sequence and takes each name as it comes ends with
//     the right one too, as long as it does not go on with a request that was
//     given up after DIRECTORY_TIMEOUT. It must not drop what has a webhook-id it
//     knows: a name is sent again exactly when an older one may have come after it.
//
// What a failure does:
//
//	no connection, 401, 403, 407, 429, 502, 503, 504, a redirect
//	            the directory is away, or refuses us: all pushing pauses, and one
//	            name at a time tries whether it is over; a Retry-After of up to an
//	            hour is kept to
//	no answer, 408, 425, another 5xx
//	            this name again, later and later, for three days; then a dead letter
//	another 4xx (410 too)
//	            a dead letter: the directory does not want this name
//
// # Why an older name does not overwrite a newer one
//
// What is pushed is never the name of the event at hand but the last one in the
// log, that event's or a later one. Afterwards the log is looked at again, and what is newer by then is pushed
// too; only when there is nothing newer the event is acknowledged. Within a
// process, one extension is pushed by one goroutine at a time. So whoever sends an
// older name, and however long it takes, looks again after it and sends the newer
// one; if it dies in between, its event is delivered again, and the newer name
// sent by whoever gets it.
//
// Sequences belong to one log. A log that was lost and begun anew counts from 1
// again: a directory that keeps sequences must then forget them.
package namesync
