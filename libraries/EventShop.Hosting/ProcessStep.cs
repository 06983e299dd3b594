using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace EventShop.Hosting;

/// <summary>
/// Names the steps between which a crash matters, in events of the <see cref="DiagnosticListener"/> <c>EventShop.Steps</c>. Nobody listens but tests,
/// which kill the process there (EventShop.Messaging.Testing).
/// </summary>
public static class ProcessStep
{
    private static readonly DiagnosticListener Listener = new("EventShop.Steps");

    /// <summary>This step has been reached: what comes before it is done, what comes after it is not begun.</summary>
    /// <param name="name">For example <c>outbox.after-commit</c>.</param>
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "What is written is null: no member of it can be trimmed.")]
    public static void Reached(string name)
    {
        if (Listener.IsEnabled())
            Listener.Write(name, null);
    }
}
