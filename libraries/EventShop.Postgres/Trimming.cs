using System.Diagnostics.CodeAnalysis;

// [Range(typeof(TimeSpan), …)] converts its limits. The converter of TimeSpan is one of the base library's own, found without reflection.
[assembly: UnconditionalSuppressMessage("Trimming", "IL2026", Scope = "type", Target = "~T:EventShop.Postgres.DatabaseOptions", Justification = "TimeSpan has a converter that is not trimmed.")]
