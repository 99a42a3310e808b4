// Package lease spreads a fixed number of partitions over the replicas of a worker, so that each partition has one owner.
//
// # How
//
// All replicas read and write one NATS key-value bucket whose keys expire after its TTL:
//
//	<worker>.member.<replica>    the replica lives
//	<worker>.partition.<n>       who owns partition n
//
// Every third of the TTL a replica reads its worker's keys, all at one moment, and then
//
//  1. renews the partitions it holds, each by an update that names the revision it has just read;
//  2. renews its member key;
//  3. works out its fair share: the partitions divided by the members, the remainder to the first members by name. As
//     the shares of all members add up to all partitions, none is left over;
//  4. gives up what is too much (the owner ends first, then the key is deleted), or takes free ones, again naming the
//     revision read: of several takers the server lets one win.
//
// It polls because the expiry of a key makes no watch event. The server removes expired keys up to half a second late (it
// looks no more often than every 250 ms), so a TTL below a second and a half makes no sense. A clean stop deletes the replica's keys, so the others take
// its partitions at their next poll; those of a killed one are free when they expire.
//
// # Why it is safe
//
// It is not, and need not be: no lease is. A replica can be paused between looking at its lease and writing under it, for
// longer than any TTL. So ownership here is for efficiency alone: with it two owners of a partition are rare. What they
// *do* is guarded elsewhere, by a fence for what an owner publishes and a compare for what it commits; there a second
// owner costs time and nothing else. Hence nothing in this package tries to be clever about clocks.
//
// Still it keeps the rare case rare. The server orders all writes to a key and refuses one that names an old revision, so
// by the bucket there are never two holders. And a holder stops early rather than late: it counts its time from *before*
// it sent the renewal, by the monotonic clock, and ends its owner a tenth of the TTL before the server lets the key
// expire. Every call to NATS is bounded by a third of the TTL; when NATS is gone for longer than the TTL, all owners
// everywhere are stopped, and partitions are taken again when it is back.
//
// # What NATS must allow
//
// EnsureBucket by whoever sets the system up: $JS.API.STREAM.CREATE.KV_<bucket> and $JS.API.STREAM.INFO.KV_<bucket>.
// A worker's user, exactly this:
//
//	publish    $KV.<bucket>.<worker>.>                                              its keys
//	           $JS.API.STREAM.INFO.KV_<bucket>                                      open the bucket, read its TTL
//	           $JS.API.STREAM.MSG.GET.KV_<bucket>                                   Lease.Check
//	           $JS.API.CONSUMER.CREATE.KV_<bucket>.*.$KV.<bucket>.<worker>.>        read its keys
//	           $JS.API.CONSUMER.DELETE.KV_<bucket>.*                                and be done with it
//	subscribe  _INBOX.<user>.>
package lease
