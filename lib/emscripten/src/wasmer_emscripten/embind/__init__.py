"""embind: C++ that a program binds, as Python's functions and classes.

The idea
    While its constructors run, a program tells what it binds: types, each by a number; functions, with pointers and the
    numbers of their types; classes with what belongs to them. What it tells is kept (`registry`), and becomes functions
    and classes of Python when they are first used (`calls`, `classes`). In the other direction the program holds values
    of Python's by numbers (`handles`), and uses them as JavaScript's (`emval`, `world`).

The promises
    * All that the program says is looked at before it is used: numbers of types, types of functions behind pointers,
      counts, addresses, names, numbers of values. What it can register and hold has a limit.
    * Python's values show a program nothing but what they hold, or what their class says (`world`).
    * A wrong argument is a `BindingError` that has the C++ signature; what was made for the call is freed.
    * What C++ made is destroyed once, when no C++ code is running.

The limits
    Each list and each array that C++ makes has a limit, all of them together have none but that of the values it holds.
    Overloads are told apart by how many arguments they have, as embind does. There are no promises (co_await), and
    integers of 64 bits need a program built with them (-sWASM_BIGINT).

The files
    =========  ====================================================================================================
    bound      what a type can do
    memory     addresses that are not in memory end the program
    handles    values that the program holds
    registry   what is bound
    numeric    bool, integers, floats, void, enums
    texts      std::string and wider ones
    views      memory without a copy
    records    value objects and arrays
    calls      from Python into C++
    functions  functions
    classes    classes, objects, properties
    members    how a program binds them
    smart      smart pointers
    inheriting classes of Python that derive from C++'s
    world      what C++ can do with values of Python's
    emval      the functions with which it does
    stubs      all of it as a ``.pyi``
    =========  ====================================================================================================
"""
