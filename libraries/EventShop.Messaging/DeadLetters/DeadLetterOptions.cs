using System.ComponentModel.DataAnnotations;

namespace EventShop.Messaging;

/// <summary>Configuration section <c>Messaging:DeadLetters</c>.</summary>
public sealed class DeadLetterOptions
{
    /// <summary>The stream of this service's dead letters. Null: <c>DEAD_LETTERS_</c> and the service's name, for example <c>DEAD_LETTERS_ORDER_SERVICE</c>.</summary>
    [RegularExpression("[A-Za-z0-9_-]{1,128}", ErrorMessage = "must be a stream's name: 1 to 128 letters, digits, _ and -")]
    public string? Stream { get; set; }

    /// <summary>What its subjects begin with. Null: <c>dlq.</c> and the service's name, for example <c>dlq.order-service</c>.</summary>
    [RegularExpression(@"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", ErrorMessage = "must be a subject without wildcards")]
    public string? Subject { get; set; }

    /// <summary>How long dead letters are kept.</summary>
    [Range(typeof(TimeSpan), "01:00:00", "3650.00:00:00")]
    public TimeSpan MaxAge { get; set; } = TimeSpan.FromDays(30);
}
