package mailer

import (
	"sync"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/react"
)

// pauses passes on how the reactor is, and remembers why it sends nothing just
// now: that is what a mail waits for that was not tried.
type pauses struct {
	react.Health

	mu     sync.Mutex
	why    error
	breaks uint64 // how often the log was found out of reach
}

// NotReady is told of a pause with a reason, and of its end with nil.
func (p *pauses) NotReady(part string, err error) {
	p.Health.NotReady(part, err)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case part == events.Mailer:
		p.why = err
	case part == react.LogPart(events.Mailer) && err != nil:
		p.breaks++
	}
}

// reason of the pause; empty when there is none.
func (p *pauses) reason() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.why == nil {
		return ""
	}
	return reason(p.why.Error())
}

// interruptions of what the reactor reads.
func (p *pauses) interruptions() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.breaks
}
