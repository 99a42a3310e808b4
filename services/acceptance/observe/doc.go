// Package observe tests what operations sees of the system: metrics, dashboards and
// alerts, health pages, traces and log lines, of all services at work together.
package observe
