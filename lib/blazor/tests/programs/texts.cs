// LINQ, regular expressions, JSON (found by its name: no reference assembly of it is needed), collections, numbers.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Numerics;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;

public class Person
{
    public string Name { get; set; }
    public int Age { get; set; }
    public List<string> Tags { get; set; }
}

static class Texts
{
    static object Json(string method, params object[] given)
    {
        var serializer = Type.GetType("System.Text.Json.JsonSerializer, System.Text.Json", true);
        var options = Type.GetType("System.Text.Json.JsonSerializerOptions, System.Text.Json", true);
        var first = method == "Serialize" ? typeof(object) : typeof(string);
        return serializer.GetMethod(method, new[] { first, typeof(Type), options }).Invoke(null, given.Concat(new object[] { null }).ToArray());
    }

    static void Main()
    {
        var people = new List<Person>();
        for (int i = 0; i < 6; i++)
            people.Add(new Person { Name = "P" + i + (i % 2 == 0 ? "ü" : "\""), Age = i * 7 % 5, Tags = Enumerable.Range(0, i).Select(n => "t" + n).ToList() });
        var groups = from person in people group person by person.Age into same orderby same.Key descending
                     select same.Key + ":" + string.Join(",", same.Select(each => each.Name).OrderBy(n => n, StringComparer.Ordinal));
        Console.WriteLine(string.Join(" ", groups));
        Console.WriteLine(people.SelectMany(each => each.Tags).GroupBy(t => t).ToDictionary(g => g.Key, g => g.Count()).Aggregate("", (a, p) => a + p.Key + p.Value));
        Console.WriteLine(Enumerable.Range(1, 20).Where(n => n % 3 == 0).Zip("abcdef", (n, c) => "" + c + n).Aggregate((a, b) => a + b));

        var text = (string)Json("Serialize", people, typeof(List<Person>));
        Console.WriteLine(text);
        var again = (List<Person>)Json("Deserialize", text, typeof(List<Person>));
        Console.WriteLine(again.Count + " " + again[3].Name + " " + again[5].Tags.Last());
        try { Json("Deserialize", "{\"Name\": ", typeof(Person)); }
        catch (TargetInvocationException wrong) { Console.WriteLine(wrong.InnerException.GetType().FullName); }

        var word = new Regex(@"(?<first>\p{L})(\p{L}*)(?:-(\d+))?", RegexOptions.IgnoreCase);
        foreach (Match match in word.Matches("alpha-12 Βeta straße-7 x"))
            Console.WriteLine(match.Index + " " + match.Groups["first"].Value + "+" + match.Groups[1].Value + "+" + match.Groups[2].Value);
        Console.WriteLine(Regex.Replace("2026-11-29", @"(\d+)-(\d+)-(\d+)", "$3.$2.$1"));
        Console.WriteLine(string.Join("/", Regex.Split("a1b22c333", @"\d+")));
        Console.WriteLine(Regex.IsMatch(new string('a', 16) + "b", "^(a+)+$", RegexOptions.None) ? "matches" : "does not");

        Console.WriteLine(BigInteger.Pow(3, 200) % 1000000007);
        Console.WriteLine(string.Format(CultureInfo.InvariantCulture, "{0:R} {1:E3} {2:X8} {3:P1} {4}", 0.1 + 0.2, 12345.678, -2, 0.256, 79228162514264337593543950335m / 3));
        Console.WriteLine(Convert.ToBase64String(Encoding.UTF8.GetBytes("grüß 💡")) + " " + Encoding.Unicode.GetByteCount("💡"));
        long sum = 0;
        var seen = new HashSet<long>();
        for (long i = 0, x = 1; i < 200000; i++) { x = x * 6364136223846793005 + 1442695040888963407; sum += x >> 33; if (i % 1000 == 0) seen.Add(x & 1023); }
        Console.WriteLine(sum + " " + seen.Count);
    }
}
