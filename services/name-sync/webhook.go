package namesync

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"time"
)

// Of a response, only its status and its Retry-After matter; a little of the rest
// is read so that the connection can be used again.
const (
	maxBody    = 4 << 10
	maxHeaders = 16 << 10
)

// webhook posts signed messages to one URL, after Standard Webhooks
// (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
// It is safe for concurrent use.
type webhook struct {
	client *http.Client
	url    string
	key    []byte
}

func newWebhook(d Directory) (*webhook, error) {
	key, err := d.key()
	if err != nil {
		return nil, err
	}
	return &webhook{
		url: d.URL,
		key: key,
		client: &http.Client{
			Timeout: d.Timeout,
			// A redirect could carry a signed message to whoever a proxy names.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				Proxy:                  http.ProxyFromEnvironment,
				ForceAttemptHTTP2:      true,
				MaxIdleConnsPerHost:    8,
				IdleConnTimeout:        30 * time.Second,
				MaxResponseHeaderBytes: maxHeaders,
			},
		},
	}, nil
}

// close ends idle connections.
func (h *webhook) close() { h.client.CloseIdleConnections() }

// post sends one message. A nil error says that the directory took it; any other
// is a *postError.
func (h *webhook) post(ctx context.Context, id string, body []byte) error {
	failed := &postError{}
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { failed.connected = true }}
	request, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		failed.cause = withoutURL(err)
		return failed
	}
	h.sign(request.Header, id, time.Now(), body)
	response, err := h.client.Do(request)
	if err != nil {
		failed.cause = withoutURL(err)
		return failed
	}
	_, _ = io.CopyN(io.Discard, response.Body, maxBody)
	_ = response.Body.Close()
	if response.StatusCode/100 == 2 {
		return nil
	}
	failed.status = response.StatusCode
	if failed.status == http.StatusTooManyRequests || failed.status == http.StatusServiceUnavailable {
		failed.retryAfter = retryAfter(response.Header, time.Now())
	}
	return failed
}

// sign sets the headers of a message. The time is that of the attempt: receivers
// refuse old ones, so that nobody can replay them.
func (h *webhook) sign(header http.Header, id string, now time.Time, body []byte) {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, h.key)
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", id, timestamp, body)
	header.Set("Content-Type", "application/json")
	header.Set("User-Agent", "softphone-name-sync")
	header.Set("Idempotency-Key", id)
	header.Set("Webhook-Id", id)
	header.Set("Webhook-Timestamp", timestamp)
	header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// postError is a message the directory did not take, or did not say that it took.
type postError struct {
	connected  bool          // a connection was there
	status     int           // of the response; 0: there was none
	retryAfter time.Duration // what the response asked for, bounded
	cause      error         // when there was no response
}

// meaning is what a failed post says.
type meaning string

const (
	troubled meaning = "troubled" // with this message, or just now: try it again
	away     meaning = "away"     // nobody there, overloaded, or refuses us: no message is to blame
	unwanted meaning = "unwanted" // this message, for good
)

// means is the one place that judges failures.
func (e *postError) means() meaning {
	switch e.status {
	case 0:
		if !e.connected {
			return away
		}
		return troubled // it may choke on this one
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired,
		http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return away
	case http.StatusRequestTimeout, http.StatusTooEarly:
		return troubled
	}
	switch e.status / 100 {
	case 5:
		return troubled
	case 4:
		return unwanted
	}
	return away // a redirect: the URL is wrong
}

func (e *postError) Error() string {
	switch {
	case e.status != 0:
		return fmt.Sprintf("the directory answered %d %s%s", e.status, http.StatusText(e.status), e.hint())
	case e.connected:
		return fmt.Sprintf("the directory did not answer: %v", e.cause)
	}
	return fmt.Sprintf("the directory cannot be reached: %v", e.cause)
}

// hint says what to check, where that is known.
func (e *postError) hint() string {
	switch {
	case e.status == http.StatusUnauthorized || e.status == http.StatusForbidden:
		return ": check DIRECTORY_SECRET, here and there"
	case e.status/100 == 3:
		return ": redirects are not followed, check DIRECTORY_URL"
	}
	return ""
}

func (e *postError) Unwrap() error { return e.cause }

// withoutURL is an error of net/http without the URL, whose path or query may be a
// secret of the directory's.
func withoutURL(err error) error {
	if named, ok := err.(*url.Error); ok { //nolint:errorlint // the outermost one, which holds the URL
		return named.Err
	}
	return err
}

// maxRetryAfter bounds how long a directory can make us wait.
const maxRetryAfter = time.Hour

// retryAfter reads the header of that name (RFC 9110, section 10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	wait := time.Duration(0)
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}
