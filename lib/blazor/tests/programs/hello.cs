// What a program is given: arguments, variables, the time, random bytes; and what it has not.
using System;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

static class Hello
{
    static int Main(string[] args)
    {
        Console.WriteLine("{0} arguments: {1}", args.Length, string.Join("|", args));
        Console.WriteLine(string.Join("|", Environment.GetCommandLineArgs()));
        Console.WriteLine(Environment.GetEnvironmentVariable("MINE") + " " + (Environment.GetEnvironmentVariable("HOST") ?? "unset"));
        Console.WriteLine(Environment.Version.Major + " " + RuntimeInformation.OSDescription + " " + IntPtr.Size);
        Console.Error.WriteLine("to standard error, grüß 💡");
        Console.WriteLine("grüß 💡 " + Console.OutputEncoding.WebName);
        Console.WriteLine(1234567.891.ToString("N2") + " " + new DateTime(2026, 11, 29, 8, 5, 3).ToString("F"));
        Console.WriteLine("[" + CultureInfo.CurrentCulture.Name + "] " + "I i ß".ToUpper() + " " + string.Compare("a", "B"));
        Console.WriteLine(TimeZoneInfo.Local.BaseUtcOffset + " " + (DateTime.UtcNow.Year >= 2024));
        Console.WriteLine(Guid.NewGuid() != Guid.NewGuid());
        var bytes = new byte[64];
        new Random().NextBytes(bytes);
        Console.WriteLine(Array.Exists(bytes, each => each != bytes[0]));
        try { Console.ReadLine(); } catch (PlatformNotSupportedException) { Console.WriteLine("no standard input"); }
        try { new System.Threading.Thread(() => { }).Start(); } catch (PlatformNotSupportedException) { Console.WriteLine("no threads"); }
        return args.Length;
    }
}
