package main

import (
	"slices"
	"time"
)

// Spread is a figure that was measured more than once.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`

	all []float64
}

func (s *Spread) add(value float64) {
	s.all = append(s.all, value)
	slices.Sort(s.all)
	s.Median, s.Min, s.Max = quantile(s.all, 0.5), s.all[0], s.all[len(s.all)-1]
}

// quantile of sorted values; between two of them, in proportion.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	below := int(at)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (at-float64(below))*(sorted[above]-sorted[below])
}

// Judged is a figure with a target.
type Judged struct {
	Value   float64 `json:"value"`
	AtLeast float64 `json:"atLeast,omitempty"` // the target, or
	AtMost  float64 `json:"atMost,omitempty"`
	Met     bool    `json:"met"`
}

func atLeast(value, target float64) Judged {
	return Judged{Value: value, AtLeast: target, Met: value >= target}
}

func atMost(value, target float64) Judged {
	return Judged{Value: value, AtMost: target, Met: value <= target}
}

// Latency in milliseconds.
type Latency struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
	N   int     `json:"n"`
}

func latency(all []time.Duration) Latency {
	ms := make([]float64, len(all))
	for i, d := range all {
		ms[i] = float64(d) / float64(time.Millisecond)
	}
	slices.Sort(ms)
	if len(ms) == 0 {
		return Latency{}
	}
	return Latency{P50: quantile(ms, 0.5), P99: quantile(ms, 0.99), Max: ms[len(ms)-1], N: len(ms)}
}

// Throughput is in events a second.
type Throughput struct {
	Fold            Spread `json:"foldPerSecond"`
	InOrder         Spread `json:"byHandInOrderPerSecond"`
	Many            Spread `json:"byHand64PerSecond"`
	Watermill       Spread `json:"watermillPerSecond"`
	VersusInOrder   Judged `json:"foldVersusByHandInOrder"`
	VersusMany      Judged `json:"foldVersusByHand64"`
	VersusWatermill Judged `json:"foldVersusWatermill"`
}

// Refold is in messages of the log gone through a second.
type Refold struct {
	Messages   int    `json:"messagesInLog"`
	Extensions int    `json:"extensions"`
	Inputs     int    `json:"eventsFolded"`
	Fold       Spread `json:"foldPerSecond"`
	FoldCPU    CPU    `json:"foldCPUMicroseconds"` // of the last round
	Raw        Spread `json:"rawPerSecond"`
	RawCPU     CPU    `json:"rawCPUMicroseconds"`
	VersusRaw  Judged `json:"foldVersusRaw"`
}

// Replays are what softphonectl does with the whole log.
type Replays struct {
	Extensions int       `json:"extensions"`
	Events     int       `json:"events"`   // that device-counter reads
	Messages   int       `json:"messages"` // in the log
	State      Replaying `json:"state"`
	Decisions  Replaying `json:"decisions"`
	Rebuild    Replaying `json:"rebuild"` // the memory is the worker's

	Many            Weighed `json:"manyEvents"`
	Few             Weighed `json:"fewEvents"`
	StateGrowth     Judged  `json:"statePeakManyVersusFew"`
	DecisionsGrowth Judged  `json:"decisionsPeakManyVersusFew"`
}

// Replaying is how one replay went, in messages of the log a second, and bytes.
type Replaying struct {
	Seconds   Judged  `json:"seconds"`
	PerSecond float64 `json:"perSecond"`
	Raw       float64 `json:"rawPerSecond"` // just before
	VersusRaw Judged  `json:"versusRaw"`
	Peak      float64 `json:"peakRSS"`
}

// Weighed is the most memory replays had resident, in bytes.
type Weighed struct {
	Extensions int     `json:"extensions"`
	Events     int     `json:"events"` // that device-counter reads
	State      float64 `json:"statePeakRSS"`
	Decisions  float64 `json:"decisionsPeakRSS"`
}

// SignIn is in milliseconds.
type SignIn struct {
	Idle        Latency `json:"idleMs"`
	Loaded      Latency `json:"loadedMs"`
	Rate        float64 `json:"loadedPerSecond"`
	Failed      int     `json:"loadedUnanswered"`
	Publish     Latency `json:"barePublishMs"`
	Delivery    Latency `json:"bareDeliveryMs"`
	Script      Latency `json:"bareScriptMs"`
	BareSum     float64 `json:"bareSumP50Ms"`
	Chain       Latency `json:"bareChainMs"`
	IdleVersus  Judged  `json:"idleP50VersusBareSum"`
	LoadedP99   Judged  `json:"loadedP99Ms"`
	ChainVersus float64 `json:"idleP50VersusBareChain"`
}

// Memory in bytes.
type Memory struct {
	License    Judged  `json:"redisBytesPerLicense,omitzero"`     // the device-counter's hash
	FourFacts  float64 `json:"redisBytesAfterFourFacts,omitzero"` // the same before recent is full
	AllWorkers float64 `json:"redisBytesAllWorkers,omitzero"`     // with license's and name-sync's
	Encoding   string  `json:"redisEncoding,omitzero"`
	Small      Worker  `json:"workerSmall,omitzero"`
	Large      Worker  `json:"workerLarge,omitzero"`
	Growth     Judged  `json:"workerPeakLargeVersusSmall,omitzero"`
}

// Worker is what a worker's process needed while it folded the log of so many
// extensions.
type Worker struct {
	Extensions int     `json:"extensions"`
	Events     int     `json:"events"`
	PeakRSS    float64 `json:"peakRSS"`
	RSS        float64 `json:"rss"`
	HeapInUse  float64 `json:"heapInUse"`
}

// Table is everything measured with one setting of the NATS server.
type Table struct {
	Throughput Throughput `json:"throughput,omitzero"`
	Refold     Refold     `json:"refold,omitzero"`
	SignIn     SignIn     `json:"signIn,omitzero"`
}
