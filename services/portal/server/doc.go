// Package server runs the portal: its configuration, its connections, the view it
// folds, and the HTTP server with the API and the pages.
//
// Any number of replicas may run behind one address. What they keep is in NATS and
// Redis; a browser or a softphone may come to another one with every request.
package server
