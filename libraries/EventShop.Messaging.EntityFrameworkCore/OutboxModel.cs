using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Microsoft.EntityFrameworkCore.Metadata.Conventions;
using Microsoft.EntityFrameworkCore.Metadata.Conventions.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;
using Microsoft.Extensions.DependencyInjection;

namespace EventShop.Messaging;

/// <summary>A row of <c>outbox_unsent</c>: the relay has the event still to send.</summary>
internal sealed class UnsentEvent
{
    public Guid Id { get; private init; }

    /// <summary>Null: the database's time.</summary>
    public DateTimeOffset? DueAt { get; private init; }

    /// <inheritdoc cref="DueAt"/>
    public DateTimeOffset? Since { get; private init; }

    public static UnsentEvent Of(OutboxEvent e) => new() { Id = e.Id, DueAt = e.DueAt, Since = e.DueAt };
}

/// <summary>Maps the outbox's tables in the model of a context, whatever the context configures itself.</summary>
/// <remarks>
/// Events are entities, and not a list of their own beside them, because then they share the fate of the entities that they tell of in every case:
/// an execution strategy that tries again, <c>acceptAllChangesOnSuccess: false</c>, a rollback, <c>ChangeTracker.Clear</c>, a pooled context.
/// </remarks>
internal sealed class OutboxModel(string? schema) : IModelFinalizingConvention
{
    /// <summary>A property that only the model has.</summary>
    public const string StoredAt = "StoredAt";

    private static readonly ValueConverter<DateTimeOffset, DateTime> Utc = new(time => time.UtcDateTime, time => new DateTimeOffset(time));

    public void ProcessModelFinalizing(IConventionModelBuilder modelBuilder, IConventionContext<IConventionModelBuilder> context)
    {
        var model = (IMutableModel)modelBuilder.Metadata;
        if (schema is null && model.GetDefaultSchema() is { } @default)
            throw new InvalidOperationException(
                $"The model has the default schema '{@default}', and messaging has none: set Messaging:Schema to a schema for its tables (MessagingOptions.Schema), or leave the model's default schema out where they are in public already.");

        var outbox = Add(model, typeof(OutboxEvent), "outbox");
        outbox.AddIgnored(nameof(OutboxEvent.DueAt));
        Map(outbox, nameof(OutboxEvent.Id), "id", "uuid");
        Map(outbox, nameof(OutboxEvent.Key), "key", "text");
        Map(outbox, nameof(OutboxEvent.Type), "type", "text");
        Map(outbox, nameof(OutboxEvent.Subject), "subject", "text");
        Map(outbox, nameof(OutboxEvent.Time), "time", "timestamptz");
        Map(outbox, nameof(OutboxEvent.Payload), "payload", "bytea");
        Map(outbox, nameof(OutboxEvent.TraceParent), "trace_parent", "text");
        Map(outbox, nameof(OutboxEvent.TraceState), "trace_state", "text");
        Map(outbox, nameof(OutboxEvent.Baggage), "baggage", "text");
        // Of a scheduled event the time it is due: from then on it is kept.
        _ = outbox.FindProperty(StoredAt) ?? outbox.AddProperty(StoredAt, typeof(DateTimeOffset?));
        Map(outbox, StoredAt, "stored_at", "timestamptz").ValueGenerated = ValueGenerated.OnAdd;

        var unsent = Add(model, typeof(UnsentEvent), "outbox_unsent");
        Map(unsent, nameof(UnsentEvent.Id), "id", "uuid");
        Map(unsent, nameof(UnsentEvent.DueAt), "due_at", "timestamptz").ValueGenerated = ValueGenerated.OnAdd;
        Map(unsent, nameof(UnsentEvent.Since), "since", "timestamptz").ValueGenerated = ValueGenerated.OnAdd;
    }

    private IMutableEntityType Add(IMutableModel model, Type type, string table)
    {
        var entity = model.FindEntityType(type) ?? model.AddEntityType(type);
        entity.SetTableName(table);
        entity.SetSchema(schema);
        // The tables are messaging's own: MessagingSchema makes them.
        entity.SetIsTableExcludedFromMigrations(true);
        return entity;
    }

    /// <summary>Says all that a convention of the context could say otherwise.</summary>
    private static IMutableProperty Map(IMutableEntityType entity, string name, string column, string type)
    {
        var property = entity.FindProperty(name) ?? entity.AddProperty(entity.ClrType.GetProperty(name)!);
        property.SetColumnName(column);
        property.SetColumnType(type);
        property.SetValueConverter(type == "timestamptz" ? Utc : null);
        property.SetProviderClrType(null);
        property.SetMaxLength(null);
        property.ValueGenerated = ValueGenerated.Never;
        if (column == "id")
            entity.SetPrimaryKey(property);
        return property;
    }
}

/// <summary>Brings <see cref="OutboxModel"/> into a context.</summary>
internal sealed class OutboxOptionsExtension(string? schema) : IDbContextOptionsExtension
{
    public string? Schema => schema;

    public DbContextOptionsExtensionInfo Info => new ExtensionInfo(this);

    public void ApplyServices(IServiceCollection services) =>
        new EntityFrameworkServicesBuilder(services).TryAdd<IConventionSetPlugin, ConventionSetPlugin>();

    public void Validate(IDbContextOptions options)
    {
    }

    private sealed class ConventionSetPlugin(IDbContextOptions options) : IConventionSetPlugin
    {
        public ConventionSet ModifyConventions(ConventionSet conventionSet)
        {
            // First, so that what EF finds out about every entity it finds out about these.
            conventionSet.ModelFinalizingConventions.Insert(0, new OutboxModel(options.FindExtension<OutboxOptionsExtension>()!.Schema));
            return conventionSet;
        }
    }

    private sealed class ExtensionInfo(OutboxOptionsExtension extension) : DbContextOptionsExtensionInfo(extension)
    {
        private readonly string? _schema = extension.Schema;

        public override bool IsDatabaseProvider => false;

        public override string LogFragment => "using outbox ";

        // A model is kept with its service provider.
        public override int GetServiceProviderHashCode() => _schema?.GetHashCode(StringComparison.Ordinal) ?? 0;

        public override bool ShouldUseSameServiceProvider(DbContextOptionsExtensionInfo other) => other is ExtensionInfo same && same._schema == _schema;

        public override void PopulateDebugInfo(IDictionary<string, string> debugInfo) =>
            debugInfo["EventShop:Outbox"] = GetServiceProviderHashCode().ToString(CultureInfo.InvariantCulture);
    }
}
