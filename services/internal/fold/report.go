package fold

import (
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"
)

// began reports that the partition is owned and not refused.
func (o *owner[S, E]) began() {
	if o.refused != "" {
		o.Logger.Info().Msg("accepted again")
	}
	o.refused, o.late = "", false
	o.report(nil)
	o.meter.progress.verified(time.Now())
	o.Logger.Debug().Uint64("checkpoint", o.checkpoint.Seq).Uint64("told", o.told).Uint64("fence", o.fence.seq).Msg("tenure began")
}

// lags reports, once, that events are folded that were stored some time ago while
// more wait, and once that this is over.
func (o *owner[S, E]) lags(stored time.Time, waiting uint64) {
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

// ended reports why a tenure ended: a refusal loudly and once, anything else as
// what it is, a step on the way to the next tenure, until it goes on for long.
func (o *owner[S, E]) ended(err error, pause time.Duration) {
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
	o.Logger.WithLevel(level).Err(err).Msg("tenure ended")
}

func (o *owner[S, E]) report(fault error) {
	if o.Report != nil {
		o.Report(o.partition, fault)
	}
}
