// Files in the current directory, which is mounted, in /tmp, and outside of what is there.
using System;
using System.IO;
using System.Linq;
using System.Text;

static class Files
{
    static void Main()
    {
        Console.WriteLine(Directory.GetCurrentDirectory());
        File.WriteAllText("a.txt", "first\nsecond grüß\n");
        File.AppendAllText("a.txt", "third");
        Console.WriteLine(File.ReadAllLines("a.txt").Length + " " + new FileInfo("a.txt").Length);
        Directory.CreateDirectory("sub/deep");
        File.WriteAllBytes("sub/deep/b.bin", Enumerable.Range(0, 70000).Select(n => (byte)n).ToArray());
        using (var stream = new FileStream("sub/deep/b.bin", FileMode.Open))
        {
            stream.Seek(-2, SeekOrigin.End);
            Console.WriteLine(stream.ReadByte() + " " + stream.Position + " " + stream.Length);
            stream.SetLength(10);
        }
        Console.WriteLine(new FileInfo("sub/deep/b.bin").Length);
        File.Copy("a.txt", "c.txt");
        File.Move("c.txt", "sub/d.txt");
        foreach (var path in Directory.GetFileSystemEntries(".", "*", SearchOption.AllDirectories).OrderBy(p => p, StringComparer.Ordinal))
            Console.WriteLine(path + (Directory.Exists(path) ? "/" : ""));
        File.Delete("sub/d.txt");
        Directory.Delete("sub", true);
        Console.WriteLine(Directory.Exists("sub"));
        var temporary = Path.Combine("/tmp", "x");
        File.WriteAllText(temporary, "in memory");
        Console.WriteLine(File.ReadAllText(temporary) + " " + File.Exists("/etc/passwd"));
        try { File.ReadAllText("absent"); } catch (FileNotFoundException) { Console.WriteLine("not found"); }
        try { File.WriteAllText("no/such/directory", ""); } catch (DirectoryNotFoundException) { Console.WriteLine("no directory"); }
        using (var input = File.OpenRead("/dev/stdin"))
        using (var reader = new StreamReader(input))
            Console.WriteLine(reader.ReadToEnd());
    }
}
