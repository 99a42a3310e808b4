// Package process is what every program of the system is besides its work: configuration, logging, signals, health,
// metrics, and connections to NATS and Redis.
//
// A service has a Config, whose fields name their environment variables, and a Run; its main is a few lines:
//
//	func main() {
//		var c license.Config // contains process.Config, process.NATS, process.Redis
//		process.Main("license", &c, &c.Config, func(ctx context.Context) error { return license.Run(ctx, c) })
//	}
//
// Main reads the environment, tells *all* that is wrong with it at once and exits with 2; or it serves /metrics, /healthz
// and /readyz, runs, and exits with 0 after SIGINT or SIGTERM, or with 1 and one line when Run failed.
//
// A server that does not answer for 5 seconds at the start ends the process with what to check, for its address may be wrong.
// One that was reached is waited for, then (Await) and at any later time.
//
// The Host it makes has the logger, the health, the metrics and the tracer of the process. Health is also a metric, so that
// an alert can lead to the page that has the reason. Traces are off until OTEL_EXPORTER_OTLP_ENDPOINT is set.
//
// A Secret prints as [secret] wherever it goes, and URLs are printed without what is in front of their @.
package process
