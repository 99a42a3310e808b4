package eventlog

import "strconv"

// Headers of dead letters. Package events has those of the log's messages, which are part of the contract.
const (
	HeaderDeadSubject   = "Softphone-Dead-Subject"   // where the original is stored
	HeaderDeadSequence  = "Softphone-Dead-Sequence"  // its stream sequence
	HeaderDeadTenant    = "Softphone-Dead-Tenant"    // the extension it is about
	HeaderDeadExtension = "Softphone-Dead-Extension" //
	HeaderDeadReason    = "Softphone-Dead-Reason"    // why it could not be processed
	HeaderDeadAttempts  = "Softphone-Dead-Attempts"  // how often it was tried
	HeaderDeadTime      = "Softphone-Dead-Time"      // when the worker gave up, RFC 3339
)

// PartitionReader names the consumer with which the owner of a worker's partition reads.
func PartitionReader(worker string, partition int) string {
	return worker + "-" + strconv.Itoa(partition)
}

// FeedReader names the consumer with which a worker reads many partitions at once.
func FeedReader(worker string) string { return worker + "-feed" }

// Answers matches the subjects of the decisions that a publisher of facts asks for. They are apart from the inboxes of a
// client's other answers: every worker reads them in the log, and a worker that knew those inboxes could forge answers.
func Answers(user string) string { return inbox + user + ".answer.>" }
