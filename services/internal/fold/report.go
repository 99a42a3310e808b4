package fold

import (
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"
)

// began reports that a term has begun: the partition is owned and not refused.
func (o *owner[S]) began() {
	if o.refused != "" {
		o.Logger.Info().Msg("accepted again")
	}
	o.refused, o.late = "", false
	o.report(nil)
	o.meter.progress.verified(time.Now())
	o.Logger.Debug().Uint64("checkpoint", o.checkpoint.Seq).Uint64("published_through", o.publishedThrough).Uint64("fence", o.fence.seq).Msg("term began")
}

// reportLag reports once that old events are folded while more wait, and once that this is over.
func (o *owner[S]) reportLag(stored time.Time, waiting uint64) {
	late := waiting > 0 && time.Since(stored) > o.Late
	if late == o.late {
		return
	}
	o.late = late
	if !late {
		o.report(nil)
		return
	}
	o.report(fmt.Errorf("partition %d is behind: it folds events of %s, and %d messages wait",
		o.partition, stored.UTC().Format(time.RFC3339), waiting))
}

// ended reports why a term ended. A refusal is an error, logged once. Any other fault leads to the next term, and is a
// warning only when the terms keep failing.
func (o *owner[S]) ended(err error, pause time.Duration) {
	o.meter.restarted(err)
	if Refused(err) {
		o.report(err)
		if o.refused != err.Error() {
			o.refused = err.Error()
			o.Logger.Error().Err(err).Msg("partition refused")
		}
		return
	}
	level := zerolog.InfoLevel
	if errors.Is(err, errTampered) {
		level = zerolog.WarnLevel
	}
	if pause >= maxPause {
		level = zerolog.WarnLevel
		o.report(err)
	}
	o.Logger.WithLevel(level).Err(err).Msg("term ended")
}

func (o *owner[S]) report(fault error) {
	if o.Report != nil {
		o.Report(o.partition, fault)
	}
}
