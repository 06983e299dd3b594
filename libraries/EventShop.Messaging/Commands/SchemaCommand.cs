using EventShop.Postgres;

namespace EventShop.Messaging;

/// <summary>The tables of messaging as a script for those who apply it their own way; or all of the service's schema, applied as its setup does.</summary>
internal sealed class SchemaCommand(DatabaseSetup database, MessagingOptions options, Servers servers) : OperatorCommand(servers, "schema", "script | apply")
{
    protected override async Task<int> RunAsync(Arguments arguments, Answer answer, CancellationToken cancellationToken)
    {
        var word = arguments.TakeWord();
        if (word is not ("script" or "apply"))
            throw arguments.Unknown(word);
        arguments.End();
        if (word is "script")
        {
            await answer.WriteAsync(new(MessagingSchema.Script(options.Schema)), CommandJson.Default.SchemaText, script => script.Script);
            return 0;
        }
        // A set: what is rolled back with a lost connection is applied again.
        var applied = new HashSet<string>();
        await database.RunAsync(name => applied.Add(name), cancellationToken);
        await answer.WriteAsync(new([.. applied]), CommandJson.Default.AppliedScripts, scripts =>
            scripts.Applied.Count == 0 ? "nothing to apply" : string.Join('\n', scripts.Applied.Select(name => $"{name} applied")));
        return 0;
    }
}

/// <param name="Script">Its statements.</param>
internal sealed record SchemaText(string Script);

/// <param name="Applied">The names of the scripts that had not been applied before.</param>
internal sealed record AppliedScripts(IReadOnlyList<string> Applied);
