using EventShop.Contracts;
using FsCheck;
using FsCheck.Fluent;
using OrderService;
using PaymentService;

namespace EventShop.Tests.Shop;

/// <summary>The decisions of both services by themselves: whatever happens, in whatever order and however often.</summary>
public sealed class TransitionTests
{
    [Fact]
    public void Any_sequence_of_commands_and_events_with_duplicates_leaves_a_legal_order_whose_money_is_conserved() =>
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), steps =>
        {
            foreach (var declines in new[] { false, true })
            {
                var world = new World(declines);
                foreach (var step in steps)
                    world.Do(step);
                world.Converge();
                world.Check();
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000).WithStartSize(5).WithEndSize(60));

    /// <summary>One order, its payment, its charge at the gateway, and every message ever sent: each may come again at any time.</summary>
    private sealed class World
    {
        private static readonly TimeSpan LongestCall = TimeSpan.FromSeconds(10);
        private static readonly Guid Id = Guid.CreateVersion7();

        private readonly bool _declines;
        private readonly OrderCreated _created;
        private readonly List<string> _sent = ["created"];
        private DateTimeOffset _now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        private Order _order;
        private Payment? _payment;
        private int _captures;
        private bool _isOnItsWay;
        private DateTimeOffset? _lookAgainAt;
        private int _refunds;

        public World(bool declines)
        {
            _declines = declines;
            _order = Order.Place(Id, "c", [new("SKU-1", 1, 19.90m)], _now, null);
            _created = new(Id, "c", "EUR", _order.Total, "tok", _order.Items, _now);
        }

        public void Do(byte step)
        {
            _now += TimeSpan.FromSeconds(step % 7);
            switch (step % 5)
            {
                case 0:
                    Cancel();
                    break;
                case 1:
                    Deliver(_sent[step / 5 % _sent.Count], isCutOff: true);
                    break;
                case 2:
                    Land();
                    break;
                default:
                    Deliver(_sent[step / 5 % _sent.Count], isCutOff: false);
                    break;
            }
        }

        /// <summary>The gateway has done what it was sent, and everything that was sent comes again until nothing changes any more.</summary>
        public void Converge()
        {
            Land();
            for (var round = 0; round < 10; round++)
            {
                _now += 2 * LongestCall;
                foreach (var message in _sent.ToArray())
                    Deliver(message, isCutOff: false);
                LookAgain();
            }
        }

        public void Check()
        {
            var held = _captures - _refunds;
            Assert.InRange(_captures, 0, 1);
            Assert.InRange(held, 0, 1);
            Assert.Equal(_order.Status is OrderStatus.Paid ? 1 : 0, held);
            Assert.Contains(string.Join(' ', _order.History.Select(entry => entry.Event)),
                new[] { "created paid", "created declined", "created cancelled", "created paid cancelling cancelled" });
            Assert.Equal(_order.Status.ToString().ToLowerInvariant(), _order.History[^1].Event);
            Assert.Equal(_captures == 0, _payment!.State is PaymentState.Declined or PaymentState.Cancelled);
            Assert.Equal(held == 0 && _captures == 1, _payment.State is PaymentState.Refunded);
        }

        private void Cancel()
        {
            if (_order.CanCancel(_now, TimeSpan.MaxValue) && _order.Cancel(_now, null) is { } transition)
                Move(transition, transition.To is OrderStatus.Cancelled ? "cancelled" : "cancellation requested");
        }

        /// <summary>A charge nobody waits for any more reaches the gateway.</summary>
        private void Land()
        {
            if (_isOnItsWay && !_declines)
                _captures = 1; // One key, one charge.
            _isOnItsWay = false;
        }

        private void LookAgain()
        {
            if (_lookAgainAt <= _now && _captures == 1 && _payment!.State is PaymentState.Cancelled)
            {
                _payment = _payment with { State = PaymentState.Captured };
                CancelPayment(isCutOff: false);
            }
        }

        /// <param name="isCutOff">The process dies after the gateway was called, before its answer is stored.</param>
        private void Deliver(string message, bool isCutOff)
        {
            switch (message)
            {
                case "created":
                    Charge(isCutOff);
                    break;
                case "cancelled" or "cancellation requested":
                    CancelPayment(isCutOff);
                    break;
                case "succeeded":
                    Move(Order.Pay(Id, _order.Price, _now, null), null);
                    break;
                case "failed":
                    Move(Order.Decline(Id, _now, null), null);
                    break;
                case "refunded":
                    Move(Order.Refund(Id, _order.Price, _now, null), null);
                    break;
            }
        }

        private void Charge(bool isCutOff)
        {
            if (_payment is { OutcomeId: not null } or { IsCancelled: true })
                return;
            _payment ??= Payment.Request(_created, _now);
            _isOnItsWay = true;
            if (isCutOff)
                return;
            Land();
            Settle(Charged());
        }

        private void CancelPayment(bool isCutOff)
        {
            if (_payment is null)
            {
                _payment = Payment.Void(Id, _order.Total, "EUR", _now) with { OutcomeId = Guid.NewGuid() };
                _sent.Add("failed");
                return;
            }
            _payment = _payment with { IsCancelled = true };
            switch (_payment.NextStep(_now, LongestCall))
            {
                case CancellationStep.LookUp when !isCutOff:
                    Settle(_captures == 1 ? Charged() : new ChargeResult.NotMade(_now + LongestCall));
                    break;
                case CancellationStep.Refund:
                    _refunds = 1; // One key, one refund.
                    _payment = _payment with { State = isCutOff ? PaymentState.Refunding : PaymentState.Refunded };
                    if (!isCutOff)
                        _sent.Add("refunded");
                    break;
            }
        }

        private ChargeResult Charged() => _declines ? new ChargeResult.Declined("card_declined") : new ChargeResult.Captured("ch_1");

        private void Settle(ChargeResult result)
        {
            if (_payment!.State is not (PaymentState.Requested or PaymentState.Unknown))
                return;
            var settlement = _payment.Settle(result, _now);
            _lookAgainAt = settlement.LookAgainAt;
            _payment = _payment with { State = settlement.State, OutcomeId = settlement.Outcome.Id, ChargeId = settlement.ChargeId };
            _sent.Add(settlement.Outcome.Type == PaymentSucceeded.Type ? "succeeded" : "failed");
        }

        private void Move(Transition transition, string? told)
        {
            if (_order.Status != transition.From)
                return;
            _order = _order with { Status = transition.To, History = [.. _order.History, transition.Entry] };
            if (told is not null)
                _sent.Add(told);
        }
    }
}
