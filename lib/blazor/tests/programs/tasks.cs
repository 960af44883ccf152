// An async Main. The compiler here makes none: its wrapper, the first method of the file, becomes `<Main>` afterwards.
using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;

static class Tasks
{
    [SpecialName]
    static int _Main_(string[] args) { return Main(args).GetAwaiter().GetResult(); }

    static void Deep(int depth)
    {
        if (depth == 0) throw new InvalidOperationException("it is wrong", new ArgumentException("the reason\nin two lines"));
        Deep(depth - 1);
    }

    static async void Forgotten() { await Task.Delay(5); throw new InvalidOperationException("nobody waits for it"); }

    static async Task<int> Main(string[] args)
    {
        var way = args.Length > 0 ? args[0] : "";
        if (way == "exit") Environment.Exit(3);
        if (way == "throw") Deep(3);
        if (way == "fail-fast") Environment.FailFast("at once");
        await Task.Yield();
        if (way == "throw-later") Deep(3);
        if (way == "exit-later") Environment.Exit(300);
        if (way == "return") return 42;
        if (way == "negative") return -1;
        if (way == "null") { string none = null; return none.Length; }
        if (way == "cast") return (int)(object)"text";
        if (way == "index") return new int[1][5 * args.Length];
        if (way == "zero") return 1 / (args.Length - 1);
        if (way == "forgotten") { Forgotten(); await Task.Delay(1000); }
        if (way == "never") await new TaskCompletionSource<int>().Task;
        if (way == "loop") while (true) { }
        if (way == "yield") while (true) await Task.Yield();
        if (way == "memory") { var all = new List<byte[]>(); while (true) all.Add(new byte[1 << 20]); }
        if (way == "stack") return Stack(1);

        var order = new ConcurrentQueue<string>();
        var running = Enumerable.Range(0, 4).Select(async n => { await Task.Delay(10 * (4 - n)); order.Enqueue("d" + n); return n; }).ToArray();
        Console.WriteLine((await Task.WhenAll(running)).Sum() + " " + string.Join(",", order.OrderBy(each => each)));
        Console.WriteLine(await Task.Run(() => Enumerable.Range(0, 1000).Sum()));
        using (var stop = new CancellationTokenSource(20))
        {
            try { await Task.Delay(100000, stop.Token); } catch (TaskCanceledException) { Console.WriteLine("cancelled"); }
        }
        var ticks = 0;
        var done = new TaskCompletionSource<bool>();
        using (new Timer(_ => { if (++ticks == 3) done.TrySetResult(true); }, null, 1, 2)) await done.Task;
        Console.WriteLine(ticks >= 3);
        var gate = new SemaphoreSlim(1);
        var inside = 0;
        await Task.WhenAll(Enumerable.Range(0, 50).Select(async _ => { await gate.WaitAsync(); inside++; await Task.Yield(); gate.Release(); }));
        Console.WriteLine(inside);
        try { await Task.WhenAll(Task.Run(() => Deep(1)), Task.Delay(1)); }
        catch (InvalidOperationException failure) { Console.WriteLine(failure.Message); }
        return 5;
    }

    static int Stack(int depth) { return depth < 0 ? 0 : Stack(depth + 1) + 1; }
}

static class Unused { static void Main() { } }
