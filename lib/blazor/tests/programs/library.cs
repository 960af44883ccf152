// A library, which has no Main; `uses.cs` refers to it.
public static class Library
{
    public static string Greet(string name) { return "hello " + name + " of the library"; }
}
