package delivery

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net/textproto"
	"time"
	"unicode/utf8"
)

// command of a transaction, and the answer that lets it go on: a whole code, or
// the beginning of one.
type command struct {
	stage  Stage
	line   string
	expect int
}

var (
	// errNoSMTPUTF8 is about an address, not about a server: no later answer would differ.
	errNoSMTPUTF8 = errors.New("the mail server takes only addresses in ASCII (it does not offer SMTPUTF8), and this one is not: use another address")

	errAwaitSMTPUTF8 = errors.New("the mail servers that answer take only addresses in ASCII (they do not offer SMTPUTF8), and this one is not: another may take it")
)

// send hands over one mail. The error is a [*Failure] or the context's. The
// connection closes at once when the context ends.
func (c *conn) send(ctx context.Context, mail Envelope) (Receipt, error) {
	defer c.endWith(ctx)()
	code, text, err := c.transact(mail)
	if err == nil {
		c.mails++
		c.unclean = false
		return Receipt{Server: c.Addr(), Code: code, Text: OneLine(text), QueueID: queueID(text)}, nil
	}
	answer, answered := errors.AsType[*textproto.Error](err)
	if !errors.Is(err, errNoSMTPUTF8) && (!answered || answer.Code == 421) { // 421: the server closes the channel
		c.broken = true
	}
	return Receipt{}, mail.failed(c.stage, err)
}

// failed judges an error. If all mails have this sender, a server that refuses it refuses us.
func (e Envelope) failed(stage Stage, err error) *Failure {
	f := failed(stage, err)
	if f.Verdict == SenderRefused && !e.OneOfMany {
		f.Verdict = Unavailable
	}
	return f
}

func (c *conn) transact(mail Envelope) (code int, text string, err error) {
	commands, err := c.commands(mail)
	if err != nil {
		return 0, "", err
	}
	c.unclean = true
	if err := c.dialogue(commands); err != nil {
		return 0, "", err
	}
	if mail.Ready != nil {
		if err := mail.Ready(); err != nil {
			return 0, "", err
		}
	}
	if err := c.enter(stageBody, c.timeouts.Body); err != nil {
		return 0, "", err
	}
	if c.body == nil {
		c.body = bufio.NewWriterSize(c.client.Text.W, bodyBuffer)
	}
	if err := errors.Join(dotted(c.body, mail.Bytes), c.client.Text.W.Flush()); err != nil {
		return 0, "", err
	}
	if err := c.enter(stageDot, c.timeouts.Dot); err != nil {
		return 0, "", err
	}
	return c.client.Text.ReadResponse(250)
}

// commands are those before the mail itself. An extension is used when the mail needs it, not whenever the server
// offers it: what a mail asks for binds the next server too.
func (c *conn) commands(mail Envelope) ([]command, error) {
	from := "MAIL FROM:<" + mail.From + ">"
	if mail.eightBit() {
		if offered, _ := c.client.Extension("8BITMIME"); offered {
			from += " BODY=8BITMIME"
		}
	}
	if mail.international() {
		if offered, _ := c.client.Extension("SMTPUTF8"); offered {
			from += " SMTPUTF8"
		} else if !ascii(mail.From) || !ascii(mail.To) {
			c.stage = stageRCPT
			return nil, errNoSMTPUTF8
		}
	}
	return []command{
		{stageMAIL, from, 250},
		{stageRCPT, "RCPT TO:<" + mail.To + ">", 25},
		{stageDATA, "DATA", 354},
	}, nil
}

// dialogue sends the commands and reads their answers. If the server offers PIPELINING (RFC 2920) they are sent
// together, which saves two round trips.
func (c *conn) dialogue(commands []command) error {
	together, _ := c.client.Extension("PIPELINING")
	if together {
		if err := c.say(commands...); err != nil {
			return err
		}
	}
	for i, cmd := range commands {
		if !together {
			if err := c.say(cmd); err != nil {
				return err
			}
		}
		if err := c.enter(cmd.stage, c.timeouts.Command); err != nil {
			return err
		}
		if _, _, err := c.client.Text.ReadResponse(cmd.expect); err != nil {
			if together && isAnswer(err) {
				c.skip(commands[i+1:])
			}
			return err
		}
	}
	return nil
}

func (c *conn) say(commands ...command) error {
	if err := c.enter(commands[0].stage, c.timeouts.Command); err != nil {
		return err
	}
	for _, cmd := range commands {
		if _, err := c.client.Text.W.WriteString(cmd.line + "\r\n"); err != nil {
			return err
		}
	}
	return c.client.Text.W.Flush()
}

// skip reads the answers to commands that were sent together with a refused one. They are refusals too. If the server
// asks for the mail nevertheless, the connection is not used again.
func (c *conn) skip(commands []command) {
	_ = c.raw.SetDeadline(time.Now().Add(min(courtesyTimeout, c.timeouts.Command)))
	for range commands {
		if code, _, err := c.client.Text.ReadResponse(0); err != nil || code < 400 {
			c.broken = true
			return
		}
	}
}

// bodyBuffer is the largest record of TLS, in bytes. Most mails fit into it.
const bodyBuffer = 16 << 10

// courtesyTimeout bounds an exchange that no mail depends on.
const courtesyTimeout = 5 * time.Second

// reset checks that the connection still works, and ends a transaction that was begun on it.
func (c *conn) reset(ctx context.Context) error {
	defer c.endWith(ctx)()
	if err := c.enter(stageMAIL, min(courtesyTimeout, c.timeouts.Command)); err != nil {
		return err
	}
	if err := c.client.Reset(); err != nil {
		return err
	}
	c.unclean = false
	return nil
}

func isAnswer(err error) bool {
	_, answered := errors.AsType[*textproto.Error](err)
	return answered
}

// dotted writes a mail and the final dot, and doubles the dots at the beginning of lines (RFC 5321 §4.5.2). The lines
// end with CRLF: see [Envelope.check].
func dotted(w *bufio.Writer, mail []byte) error {
	if bytes.HasPrefix(mail, []byte(".")) {
		_ = w.WriteByte('.')
	}
	for {
		at := bytes.Index(mail, []byte("\n."))
		if at < 0 {
			break
		}
		_, _ = w.Write(mail[:at+2])
		mail = mail[at+1:] // the dot once more
	}
	_, _ = w.Write(mail)
	if !bytes.HasSuffix(mail, []byte("\r\n")) {
		_, _ = w.WriteString("\r\n")
	}
	_, _ = w.WriteString(".\r\n")
	return w.Flush() // which returns the first error of all
}

func ascii[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
