using EventShop.Demo.Otlp;

namespace EventShop.Tests.Telemetry;

/// <summary>Which traces are recorded. In a process of its own: within this one, every test's sampler would decide for all.</summary>
public sealed class SamplingTests
{
    private const int Requests = 200;

    [Theory]
    [InlineData("Telemetry__SamplingRatio=1", Requests, Requests)]
    [InlineData("Telemetry__SamplingRatio=0", 0, 0)]
    [InlineData("Telemetry__SamplingRatio=0.5", 50, 150)]
    [InlineData("OTEL_TRACES_SAMPLER=parentbased_traceidratio OTEL_TRACES_SAMPLER_ARG=0", 0, 0)]
    [InlineData("OTEL_TRACES_SAMPLER=parentbased_traceidratio OTEL_TRACES_SAMPLER_ARG=0.5", 50, 150)]
    [InlineData("OTEL_TRACES_SAMPLER=parentbased_traceidratio OTEL_TRACES_SAMPLER_ARG=1 Telemetry__SamplingRatio=0", Requests, Requests)]
    public async Task A_ratio_of_the_traces_that_begin_here_is_recorded_and_a_callers_decision_is_followed(string settings, int least, int most)
    {
        await using var receiver = await OtlpReceiver.StartAsync();
        await using var gateway = await LoneGateway.StartAsync(
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.Endpoint),
            .. settings.Split(' ').Select(setting => setting.Split('=')).Select(setting => (setting[0], (string?)setting[1])),
        ]);
        var (sampled, unsampled) = (Guid.NewGuid().ToString("N"), Guid.NewGuid().ToString("N"));

        for (var i = 0; i < Requests; i++)
            await gateway.GetAsync("/chaos");
        await gateway.GetAsync("/chaos", $"00-{unsampled}-00000000000000c1-00");
        await gateway.GetAsync("/chaos", $"00-{sampled}-00000000000000c1-01");

        // Asked for last, exported last.
        await Eventually.True("the caller's trace is here", () => receiver.Spans.Any(span => span.TraceId == sampled), TracedShop.Patience);
        Assert.DoesNotContain(receiver.Spans, span => span.TraceId == unsampled);
        Assert.InRange(receiver.Spans.Count - 1, least, most);
    }
}
