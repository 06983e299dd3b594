using System.Text.RegularExpressions;

namespace EventShop.Messaging;

/// <summary>A broker's URL as it may appear in a log.</summary>
internal static partial class BrokerUrl
{
    public static string WithoutCredentials(string url) => UserInfo().Replace(url, "//");

    [GeneratedRegex("//[^/@,]*@")]
    private static partial Regex UserInfo();
}
