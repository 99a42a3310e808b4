package mailer

import (
	"sync"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/react"
)

// pauses passes the state of the reactor on, and keeps the reason of a pause, which is
// what mails wait for that were not tried.
type pauses struct {
	react.Health

	mu     sync.Mutex
	why    error
	breaks uint64 // how often the log could not be reached
}

// NotReady receives the reason of a pause, and nil at its end.
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
