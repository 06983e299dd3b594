namespace EventShop.Messaging;

/// <summary>
/// Knows when a dead letter no longer matters, because what it was about has been settled by other means. Such a letter is kept, marked as
/// obsolete, and no longer told by health, metrics and alerts.
/// </summary>
/// <remarks>Register it with <see cref="MessagingBuilder.ReviewsDeadLetters{TReview}"/>. It is asked every few seconds, by each replica.</remarks>
public interface IDeadLetterReview
{
    /// <param name="letters">Dead letters of this service's consumers that matter so far, oldest first.</param>
    /// <param name="cancellationToken">The service is stopping.</param>
    /// <returns>Those that no longer matter, each with the reason, for the operator.</returns>
    Task<IReadOnlyCollection<(DeadLetter Letter, string Reason)>> FindObsoleteAsync(
        IReadOnlyList<DeadLetter> letters, CancellationToken cancellationToken);
}
