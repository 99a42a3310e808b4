package softphonectl

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/mailer/letter"
	"github.com/mycloudpbx/softphone/services/mailer/letter/preview"
)

// previewing is what the flags of `emails preview` say.
type previewing struct{ brands, out, listen string }

func emailsPreviewCommand(a *app) *cobra.Command {
	var p previewing
	cmd := &cobra.Command{
		Use:   "preview",
		Short: "Show the e-mails of a directory of brands: every kind, language and tenant",
		Long: "Show the e-mails of a directory of brands: every kind, in every language, of every tenant, as HTML, as text and as the\n" +
			"bytes that are sent. --out writes them to a folder; --listen serves them, and reads the directory again for each page.\n\n" +
			"It needs no server. The settings of the mailer that no brand replaces (MAIL_FROM, DOWNLOAD_URL…) come from the environment.",
		Example: "  softphonectl emails preview --brands deploy/brands --listen 127.0.0.1:8026\n" +
			"  softphonectl emails preview --brands deploy/brands --out preview",
		Args: cobra.NoArgs,
		RunE: failed(func(c *cobra.Command, _ []string) error { return p.run(c.Context(), a) }),
	}
	cmd.Flags().StringVar(&p.brands, "brands", "", "directory of brands (default: $MAIL_BRANDS; without one, what is built in)")
	cmd.Flags().StringVar(&p.out, "out", "", "write them into this folder")
	cmd.Flags().StringVar(&p.listen, "listen", "", "serve them at this address, such as 127.0.0.1:8026")
	_ = cmd.MarkFlagDirname("brands")
	_ = cmd.MarkFlagDirname("out")
	return cmd
}

func (p previewing) run(ctx context.Context, a *app) error {
	if (p.out == "") == (p.listen == "") {
		return usageError{errors.New("--out FOLDER or --listen ADDRESS is required")}
	}
	if p.listen != "" {
		return p.serve(ctx, a)
	}
	brands, err := p.open()
	if err != nil {
		return err
	}
	if a.dryRun {
		return a.print(map[string]string{"out": p.out}, func() string { return "would write into " + p.out })
	}
	written, err := preview.Write(brands, p.out)
	if err != nil {
		return err
	}
	return a.print(map[string]any{"out": p.out, "files": written}, func() string {
		return fmt.Sprintf("%s in %s: begin with %s/index.html", plural(uint64(len(written)), "file"), p.out, p.out)
	})
}

// open reads what the mailer would read.
func (p previewing) open() (*letter.Brands, error) {
	environment := os.Environ()
	if p.brands != "" {
		environment = append(environment, "MAIL_BRANDS="+p.brands)
	}
	var settings struct{ Mail letter.Config }
	if err := process.Parse(&settings, environment); err != nil {
		return nil, err
	}
	return letter.Open(settings.Mail)
}

func (p previewing) serve(ctx context.Context, a *app) error {
	if _, err := p.open(); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	if err := a.print(map[string]string{"url": "http://" + listener.Addr().String()}, func() string {
		return "open http://" + listener.Addr().String() + "; stop with Ctrl-C"
	}); err != nil {
		return err
	}
	server := &http.Server{Handler: preview.Handler(p.open), ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return ctx.Err()
}
