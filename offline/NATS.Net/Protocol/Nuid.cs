using System.Security.Cryptography;

namespace NATS.Client.Core;

/// <summary>Unique ids of 22 characters that are safe as one token of a subject.</summary>
internal static class Nuid
{
    public const int Length = 22;

    public static string New() =>
        RandomNumberGenerator.GetString("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", Length);
}
