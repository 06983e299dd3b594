using System.Text.RegularExpressions;

namespace EventShop.Tests;

/// <summary>What the README says of the repository is so.</summary>
public sealed partial class ReadmeTests
{
    private static readonly string Root = Repository.Root;

    [Fact]
    public void Its_links_lead_somewhere()
    {
        foreach (var document in Directory.GetFiles(Root, "*.md").Concat(Directory.GetFiles(Path.Combine(Root, "docs"), "*.md", SearchOption.AllDirectories)))
            foreach (Match link in RelativeLink().Matches(File.ReadAllText(document)))
            {
                var target = Path.Combine(Path.GetDirectoryName(document)!, link.Groups["target"].Value);
                Assert.True(File.Exists(target) || Directory.Exists(target), $"{Path.GetRelativePath(Root, document)}: {link.Groups["target"].Value} does not exist");
            }
    }

    [Fact]
    public void Acknowledgements_are_sent_in_one_file()
    {
        var senders = Directory.GetFiles(Path.Combine(Root, "libraries"), "*.cs", SearchOption.AllDirectories)
            .Concat(Directory.GetFiles(Path.Combine(Root, "services"), "*.cs", SearchOption.AllDirectories))
            .Where(file => Acknowledgement().IsMatch(File.ReadAllText(file)))
            .Select(Path.GetFileName);

        Assert.Equal(["Settlement.cs"], senders);
    }

    [GeneratedRegex(@"\]\((?<target>(?!https?:|#|mailto:)[^)#]+)")]
    private static partial Regex RelativeLink();

    [GeneratedRegex(@"message(\.Message)?\.(AckAsync|NakAsync|AckProgressAsync|AckTerminateAsync)\(")]
    private static partial Regex Acknowledgement();
}
