using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.EntityFrameworkCore.Migrations.Operations;
using Microsoft.EntityFrameworkCore.Migrations.Operations.Builders;

namespace EventShop.Messaging;

/// <summary>The tables of messaging in migrations.</summary>
public static class MigrationExtensions
{
    /// <summary>
    /// Makes the tables of messaging, or brings them up to this version of the library: applied again, it applies what is new. After an update of
    /// the library whose changelog names a schema script, add another migration with this line.
    /// </summary>
    /// <param name="migration">The migration.</param>
    /// <param name="schema">See <see cref="MessagingOptions.Schema"/>.</param>
    public static OperationBuilder<SqlOperation> AddMessaging(this MigrationBuilder migration, string? schema = null) =>
        migration.Sql(MessagingSchema.Script(schema, inTransaction: false));
}
