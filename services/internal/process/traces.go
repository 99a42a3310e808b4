package process

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/mycloudpbx/softphone/services/internal/tracing"
)

// Traces says where spans are sent, by the standard variables of OpenTelemetry. Without an endpoint there are none. Those
// not named here (OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER, OTEL_RESOURCE_ATTRIBUTES …) hold as well.
type Traces struct {
	// Where traces go: a receiver of OTLP over HTTP, such as http://127.0.0.1:4318. Without it nothing is traced.
	Endpoint string `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`
	// The same with its path, such as http://127.0.0.1:4318/v1/traces.
	URL string `env:"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"`
	// The protocol of that receiver. Only http/protobuf is spoken.
	Protocol string `env:"OTEL_EXPORTER_OTLP_PROTOCOL" envDefault:"http/protobuf"`
	// Trace nothing, whatever the other variables say.
	Disabled bool `env:"OTEL_SDK_DISABLED"`
}

// Validate checks what the types cannot.
func (t Traces) Validate() error {
	var faults []error
	for variable, value := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": t.Endpoint, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": t.URL,
	} {
		u, err := url.Parse(value)
		if value != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil) {
			faults = append(faults, fmt.Errorf("%s: %q is not a URL like http://127.0.0.1:4318, without a user or password: "+
				"those go into OTEL_EXPORTER_OTLP_HEADERS", variable, Redact(value)))
		}
	}
	if t.Protocol != "" && t.Protocol != "http/protobuf" {
		faults = append(faults, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL: %q is not spoken here: leave it out, or write http/protobuf", t.Protocol))
	}
	return errors.Join(faults...)
}

// receiver is the URL spans are posted to; "" for none.
func (t Traces) receiver() string {
	switch {
	case t.Disabled:
		return ""
	case t.URL != "":
		return t.URL
	case t.Endpoint != "":
		return strings.TrimSuffix(t.Endpoint, "/") + "/v1/traces"
	}
	return ""
}

// flushing is how long the end of a process waits for its last spans to be taken.
const flushing = 5 * time.Second

// Tracer makes the tracer of a process; close sends what it still has. A receiver that is away costs nothing but the
// spans: it is no reason not to start.
func (t Traces) Tracer(ctx context.Context, service, version string) (tracer tracing.Tracer, closing func(), err error) {
	to := t.receiver()
	if to == "" {
		return tracing.Tracer{}, func() {}, nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(to))
	if err != nil {
		return tracing.Tracer{}, nil, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(), resource.WithAttributes(
		attribute.String("service.name", service), attribute.String("service.version", version),
	), resource.WithFromEnv())
	if err != nil {
		return tracing.Tracer{}, nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	return tracing.New(provider), func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushing)
		defer cancel()
		_ = provider.Shutdown(ctx) // who does not take the last spans has been reported
	}, nil
}

// reportTraces logs what goes wrong with sending spans; the library's own way is a line on standard error.
func reportTraces(log zerolog.Logger) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn().Str("reason", oneLine(err)).Msg("spans are lost") }))
}
