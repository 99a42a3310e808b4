// Package observe tests what operations sees of the system: metrics, dashboards and
// alerts, health pages, traces and log lines, of all services at work together.
//
// Alerts are evaluated by Prometheus' own engine over what the services really show,
// on a clock of its own: a scrape is 15 s there, and takes no time here.
package observe
