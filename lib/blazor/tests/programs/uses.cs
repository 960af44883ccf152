// Refers to an assembly that lies beside it.
using System;

static class Uses
{
    static void Main(string[] args) { Console.WriteLine(Library.Greet(args[0])); }
}
