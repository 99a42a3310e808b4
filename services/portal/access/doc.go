// Package access keeps who may use the HTTP API, and how many devices a tenant may ask for.
//
// API tokens and tenants' limits are in the portal's own key-value bucket, beside the hashes
// of passwords, and not in files: every replica reads the same, a token that is made or
// ended counts with the next request, a read-only container can be told of one, and what
// keeps the bucket from others keeps this too. They are read for every request, from the
// leader, and never cached: one look-up of about 0.1 ms. While NATS is away nobody can be
// let in, and nothing could be done for them.
//
// A token is 130 random bits; the bucket has its SHA-256 alone, so whoever reads the bucket
// cannot use one. When a token was last used is in Redis, to the minute; losing that loses
// nothing else.
package access
