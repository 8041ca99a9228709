using ClusterTrain.Training.Actors;
using ClusterTrain.Training.Servers;

namespace ClusterTrain.Training.Tests;

/// <summary>Which spare servers are sent sums, and which a step waits for. Times are milliseconds.</summary>
public sealed class SpareCopiesTests
{
    private const int MostBehind = 2;

    private static readonly ActorId s_spare = new("spare");
    private static readonly ActorId s_other = new("other");

    private readonly SpareCopies _copies = new();

    [Fact]
    public void Spares_that_are_new_need_a_copy_and_those_no_longer_named_are_forgotten()
    {
        Assert.Equal([s_spare, s_other], _copies.Follow([s_spare, s_other]));
        Assert.True(_copies.IsEmpty);
        _copies.Begin(s_spare);
        Assert.Equal([s_other], _copies.Follow([s_spare, s_other]));
        _copies.Begin(s_other);
        Assert.Empty(_copies.Follow([s_spare, s_other]));

        Assert.Empty(_copies.Follow([s_other]));
        Assert.Equal([s_other], _copies.All);
        Assert.False(_copies.IsSent(s_spare));
        Assert.True(_copies.IsSent(s_other));
        _copies.Clear();
        Assert.True(_copies.IsEmpty);
    }

    [Fact]
    public void A_step_waits_while_a_copy_that_was_heard_of_is_more_than_so_many_steps_behind()
    {
        _copies.Begin(s_spare);
        Assert.True(Allows(0, step: 100));
        Confirm(s_spare, 10);
        Assert.True(Allows(0, step: 12));
        Assert.False(Allows(0, step: 13));
        Confirm(s_spare, 11);
        Assert.True(Allows(0, step: 13));
    }

    [Fact]
    public void One_copy_behind_is_enough_to_wait()
    {
        _copies.Begin(s_spare);
        _copies.Begin(s_other);
        Confirm(s_spare, 10);
        Confirm(s_other, 13);
        Assert.False(Allows(0, step: 13));
    }

    [Fact]
    public void A_confirmation_that_comes_late_takes_nothing_back()
    {
        _copies.Begin(s_spare);
        Confirm(s_spare, 10);
        Confirm(s_spare, 7);
        Assert.True(Allows(0, step: 12));
    }

    [Fact]
    public void A_copy_that_was_waited_for_half_a_second_is_given_up()
    {
        _copies.Begin(s_spare);
        Confirm(s_spare, 10);
        Assert.False(Allows(1000, step: 13));
        Assert.False(Allows(1300, step: 13));
        GiveUpLate(1499);
        Assert.True(_copies.IsSent(s_spare));
        GiveUpLate(1500);
        Assert.False(_copies.IsSent(s_spare));
        Assert.True(Allows(1500, step: 13));
        Assert.Equal([s_spare], _copies.All);
    }

    [Fact]
    public void A_copy_that_has_caught_up_meanwhile_has_half_a_second_again()
    {
        _copies.Begin(s_spare);
        Confirm(s_spare, 10);
        Assert.False(Allows(0, step: 13));
        Confirm(s_spare, 11);
        Assert.True(Allows(400, step: 13));
        GiveUpLate(600);
        Assert.True(_copies.IsSent(s_spare));
        Assert.False(Allows(700, step: 14));
        GiveUpLate(1199);
        Assert.True(_copies.IsSent(s_spare));
    }

    [Fact]
    public void A_copy_that_was_given_up_is_to_be_made_again_when_it_is_heard_of()
    {
        _copies.Begin(s_spare);
        Confirm(s_spare, 10);
        Allows(0, step: 13);
        GiveUpLate(500);
        Assert.True(_copies.Confirm(s_spare, 11));

        _copies.Begin(s_spare);
        Assert.Equal([s_spare], _copies.All);
        Assert.True(_copies.IsSent(s_spare));
        Assert.False(_copies.Confirm(s_spare, 20));
    }

    [Fact]
    public void Who_keeps_no_copy_is_not_heard()
    {
        _copies.Begin(s_spare);
        Confirm(s_other, 1);
        Assert.True(Allows(0, step: 13));
        Assert.False(_copies.IsSent(s_other));
        _copies.Begin(s_other);
        Assert.Equal([s_spare, s_other], _copies.All);
    }

    private void Confirm(ActorId server, long step) => Assert.False(_copies.Confirm(server, step));

    private bool Allows(int now, long step) => _copies.Allows(TimeSpan.FromMilliseconds(now), step, MostBehind);

    private void GiveUpLate(int now) => _copies.GiveUpLate(TimeSpan.FromMilliseconds(now));
}
