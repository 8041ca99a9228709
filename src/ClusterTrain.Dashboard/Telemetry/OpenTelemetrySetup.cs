using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace ClusterTrain.Dashboard.Telemetry;

/// <summary>Where measures and traces go: <c>/metrics</c>, and by OTLP to where the OTEL_ variables say.</summary>
internal static class OpenTelemetrySetup
{
    /// <summary>The usual variable; without it nothing is sent.</summary>
    public const string EndpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";

    /// <summary>Adds what is needed.</summary>
    /// <param name="services">Receives it.</param>
    /// <param name="isScraped">True: <c>/metrics</c> is served.</param>
    public static void Add(IServiceCollection services, bool isScraped)
    {
        var isSent = Environment.GetEnvironmentVariable(EndpointVariable) is { Length: > 0 };
        var telemetry = services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(
                "clustertrain", serviceVersion: typeof(OpenTelemetrySetup).Assembly.GetName().Version?.ToString(3),
                    autoGenerateServiceInstanceId: false));
        telemetry.WithMetrics(metrics =>
        {
            metrics.AddMeter(RunMetrics.MeterName);
            if (isScraped)
            {
                metrics.AddPrometheusExporter(options => options.ScopeInfoEnabled = false);
            }

            if (isSent)
            {
                metrics.AddOtlpExporter();
            }
        });
        if (isSent)
        {
            telemetry.WithTracing(traces => traces.AddSource(RunSpans.SourceName).AddOtlpExporter());
        }
    }
}
