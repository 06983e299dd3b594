namespace EventShop.Messaging;

/// <summary>No retry can help: the message goes to the dead letters at once, with this reason.</summary>
/// <param name="reason">For the operator; never holds payload or personal data.</param>
public sealed class PoisonMessageException(string reason, Exception? inner = null) : Exception(reason, inner);

/// <summary>
/// Something the handler needs (a gateway, a database) cannot be reached. The message keeps its place, is tried again here after
/// a back-off, and does not use up its attempts; consumption pauses while this goes on.
/// </summary>
public sealed class DependencyUnavailableException(string reason, Exception? inner = null) : Exception(reason, inner);

/// <summary>
/// This message has to wait for another of the same aggregate, or for time to pass. It is tried again after a pause that doubles, and does not
/// use up its attempts; others are consumed meanwhile.
/// </summary>
public sealed class NotYetException(string reason) : Exception(reason);
