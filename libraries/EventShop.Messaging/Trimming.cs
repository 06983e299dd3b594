using System.Diagnostics.CodeAnalysis;

// [Range(typeof(TimeSpan), …)] converts its limits. The converter of TimeSpan is one of the base library's own, found without reflection.
[assembly: UnconditionalSuppressMessage("Trimming", "IL2026", Scope = "type", Target = "~T:EventShop.Messaging.ConsumerOptions", Justification = "TimeSpan has a converter that is not trimmed.")]
[assembly: UnconditionalSuppressMessage("Trimming", "IL2026", Scope = "type", Target = "~T:EventShop.Messaging.DeadLetterOptions", Justification = "TimeSpan has a converter that is not trimmed.")]
[assembly: UnconditionalSuppressMessage("Trimming", "IL2026", Scope = "type", Target = "~T:EventShop.Messaging.InboxOptions", Justification = "TimeSpan has a converter that is not trimmed.")]
[assembly: UnconditionalSuppressMessage("Trimming", "IL2026", Scope = "type", Target = "~T:EventShop.Messaging.MessagingOptions", Justification = "TimeSpan has a converter that is not trimmed.")]
[assembly: UnconditionalSuppressMessage("Trimming", "IL2026", Scope = "type", Target = "~T:EventShop.Messaging.OutboxOptions", Justification = "TimeSpan has a converter that is not trimmed.")]
