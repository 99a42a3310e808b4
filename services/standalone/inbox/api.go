package inbox

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

// The subset of Mailpit's API (v1), with its names, so that what is written
// against one works with the other.

type apiSummary struct {
	ID          string
	MessageID   string
	Read        bool
	From        *Address
	To, Cc, Bcc []Address
	ReplyTo     []Address
	Subject     string
	Created     time.Time
	Tags        []string
	Size        int
	Attachments int
	Snippet     string
}

type apiList struct {
	Total    int          `json:"total"`
	Unread   int          `json:"unread"`
	Count    int          `json:"count"`
	Messages int          `json:"messages_count"`
	Start    int          `json:"start"`
	Tags     []string     `json:"tags"`
	Page     []apiSummary `json:"messages"`
}

type apiMessage struct {
	ID          string
	MessageID   string
	From        *Address
	To, Cc, Bcc []Address
	ReplyTo     []Address
	ReturnPath  string
	Subject     string
	Date        time.Time
	Tags        []string
	Text, HTML  string
	Size        int
	Inline      []apiPart
	Attachments []apiPart
}

type apiPart struct{ FileName string }

const defaultPage = 50

func (s *site) list(w http.ResponseWriter, r *http.Request) {
	start, limit := number(r, "start", 0), number(r, "limit", defaultPage)
	if start < 0 || limit < 0 {
		http.Error(w, "start and limit are numbers from 0 on", http.StatusBadRequest)
		return
	}
	mails, total, unread := s.box.List(start, limit)
	list := apiList{Total: total, Unread: unread, Count: len(mails), Messages: total, Start: start, Tags: []string{}, Page: []apiSummary{}}
	for _, m := range mails {
		list.Page = append(list.Page, apiSummary{
			ID: m.ID, MessageID: m.MessageID, Read: m.Read, From: &m.Sender, To: some(m.Recipient), Cc: some(m.Copy), Bcc: some(m.blind()),
			ReplyTo: some(m.ReplyTo), Subject: m.Subject, Created: m.Received, Tags: []string{}, Size: m.Size,
			Attachments: m.Attachments, Snippet: m.Snippet,
		})
	}
	answer(w, list)
}

// number reads a parameter; -1 is one that is no number.
func number(r *http.Request, name string, otherwise int) int {
	value := r.URL.Query().Get(name)
	if value == "" {
		return otherwise
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return -1
	}
	return n
}

func (s *site) message(w http.ResponseWriter, r *http.Request) {
	m, raw, ok := s.find(w, r)
	if !ok {
		return
	}
	body := parseBody(raw)
	attachments := make([]apiPart, len(body.Attachments))
	for i, name := range body.Attachments {
		attachments[i].FileName = name
	}
	answer(w, apiMessage{
		ID: m.ID, MessageID: m.MessageID, From: &m.Sender, To: some(m.Recipient), Cc: some(m.Copy), Bcc: some(m.blind()),
		ReplyTo: some(m.ReplyTo), ReturnPath: m.From, Subject: m.Subject, Date: m.dated(), Tags: []string{},
		Text: body.Text, HTML: body.HTML, Size: m.Size, Inline: []apiPart{}, Attachments: attachments,
	})
}

func (s *site) raw(w http.ResponseWriter, r *http.Request) {
	if _, raw, ok := s.find(w, r); ok {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write(raw)
	}
}

// remove deletes the mails whose IDs are in the body, or all when there are none.
func (s *site) remove(w http.ResponseWriter, r *http.Request) {
	var which struct{ IDs []string }
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&which)
	if err != nil && !errors.Is(err, io.EOF) {
		http.Error(w, `the body must be empty or like {"IDs":["…"]}`, http.StatusBadRequest)
		return
	}
	if err := s.box.Delete(which.IDs...); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok")
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a reader that is gone needs no answer
}

// some makes an empty list of none: clients iterate over it.
func some(addresses []Address) []Address {
	if addresses == nil {
		return []Address{}
	}
	return addresses
}

// blind are the recipients that the mail itself does not name.
func (s Summary) blind() []Address {
	named := map[string]bool{}
	for _, list := range [][]Address{s.Recipient, s.Copy} {
		for _, a := range list {
			named[a.Address] = true
		}
	}
	var blind []Address
	for _, to := range s.To {
		if !named[to] {
			blind = append(blind, Address{Address: to})
		}
	}
	return blind
}

// dated is when the mail says it was written, or else when it came.
func (s Summary) dated() time.Time {
	if s.Date.IsZero() {
		return s.Received
	}
	return s.Date
}
