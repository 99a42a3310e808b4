package main

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
)

// opsPort returns the address of the ops port, as scheme://host:port, and what asks it. A service that listens on every
// address is found on this machine: a host of only zeros, or none, is dialled there (package net, Dial).
func opsPort() (client *http.Client, at string, err error) {
	transport := &http.Transport{DisableKeepAlives: true} // and no proxy: the port is this machine's
	at = "http://" + cmp.Or(os.Getenv("SOFTPHONE_OPS_LISTEN"), "127.0.0.1:9090")
	if on := os.Getenv("SOFTPHONE_OPS_TLS"); on != "" {
		encrypted, err := strconv.ParseBool(on)
		if err != nil {
			return nil, "", fmt.Errorf("SOFTPHONE_OPS_TLS: %q is neither true nor false", on)
		}
		if encrypted {
			at = "https" + at[len("http"):]
			if transport.TLSClientConfig, err = verification(); err != nil {
				return nil, "", err
			}
		}
	}
	return &http.Client{Transport: transport}, at, nil
}

// verification accepts the certificate that the service was given: one of an authority in TLS_CA_FILE, or of the
// system's, valid now, and for a name that is in TLS_CERT_FILE. The address is not that name: certificates are seldom for
// 127.0.0.1, and public authorities issue none for it.
func verification() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	name, err := certificateName(os.Getenv("TLS_CERT_FILE"))
	if err != nil {
		return nil, fmt.Errorf("TLS_CERT_FILE: %w", err)
	}
	config.ServerName = name
	authorities := os.Getenv("TLS_CA_FILE")
	if authorities == "" {
		return config, nil
	}
	text, err := os.ReadFile(authorities) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("TLS_CA_FILE: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("TLS_CA_FILE: %s holds no certificate in PEM form", authorities)
	}
	return config, nil
}

// certificateName is one of the names that the first certificate of a file is for.
func certificateName(file string) (string, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the operator names the file
	if err != nil {
		return "", err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return "", errors.New(file + " holds no certificate in PEM form")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %w", file, err)
	case len(certificate.DNSNames) > 0:
		return certificate.DNSNames[0], nil
	case len(certificate.IPAddresses) > 0:
		return certificate.IPAddresses[0].String(), nil
	}
	return "", errors.New(file + " is for no host name and no address: issue one with a subjectAltName")
}
