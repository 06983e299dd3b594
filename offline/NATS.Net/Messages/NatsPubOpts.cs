namespace NATS.Client.Core;

/// <summary>Options of a publish; the base of the JetStream ones.</summary>
public record NatsPubOpts;
