package softphonectl

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/mycloudpbx/softphone/services/internal/process"
)

const (
	firstAnswer = 500 * time.Millisecond // for the first worker to answer
	nextAnswer  = 100 * time.Millisecond // for each after it
)

// unwritable is what workers say of a log that takes no writes. A look at the log does
// not show it: a server whose disk was full answers all that is read.
func (x *session) unwritable() []string {
	var all []string
	for _, answer := range x.statistics() {
		for _, endpoint := range answer.Endpoints {
			var health process.Report
			if json.Unmarshal(endpoint.Data, &health) != nil {
				continue
			}
			note := fmt.Sprintf("%s: log: %s", answer.Name, health.Parts[process.PartLog].Reason)
			if health.Parts[process.PartLog].Reason != "" && !slices.Contains(all, note) {
				all = append(all, note)
			}
		}
	}
	slices.Sort(all)
	return all
}

// statistics are those of all services that answer soon.
func (x *session) statistics() (all []micro.Stats) {
	inbox := x.conn.NewRespInbox()
	answers, err := x.conn.SubscribeSync(inbox)
	if err != nil {
		return nil
	}
	defer func() { _ = answers.Unsubscribe() }()
	if err := x.conn.PublishMsg(&nats.Msg{Subject: "$SRV.STATS", Reply: inbox}); err != nil {
		return nil
	}
	for wait := firstAnswer; ; wait = nextAnswer {
		m, err := answers.NextMsg(wait)
		if err != nil || x.ctx.Err() != nil {
			return all
		}
		var one micro.Stats
		if json.Unmarshal(m.Data, &one) == nil {
			all = append(all, one)
		}
	}
}
