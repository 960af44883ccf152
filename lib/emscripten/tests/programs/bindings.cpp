// Every kind of binding that embind has, one of each.
#include <emscripten/bind.h>
#include <emscripten/val.h>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace emscripten;

// functions, overloads, numbers, strings
double add(double a, double b) { return a + b; }
int add3(int a, int b, int c) { return a + b + c; }
bool invert(bool value) { return !value; }
uint8_t as_byte(uint8_t value) { return value; }
int8_t as_small(int8_t value) { return value; }
uint32_t largest(uint32_t value) { return value; }
float half(float value) { return value / 2; }
std::string shout(const std::string& text) { return text + "!"; }
std::wstring wide(const std::wstring& text) { return text + L"?"; }
std::u16string sixteen(const std::u16string& text) { return text + u"."; }
#if _LIBCPP_VERSION < 190000  // later ones have no strings of other characters
#define HAS_RAW
std::basic_string<unsigned char> raw(const std::basic_string<unsigned char>& data) { return data + data; }
#endif
std::string binary() { return std::string("a\0\xff", 3); }

// value objects and arrays
struct Point { int x; double y; };
struct Line { Point from; Point to; std::string name; };
struct Pair { int first; std::string second; };
Line between(Point from, Point to) { return Line{from, to, "line"}; }
Point middle(const Line& line) { return Point{(line.from.x + line.to.x) / 2, (line.from.y + line.to.y) / 2}; }
Pair swap(Pair pair) { return Pair{pair.first + 1, pair.second + pair.second}; }

// enums
enum Color { RED = 1, GREEN = 2, BLUE = 7 };
enum class Small : signed char { LOW = -1, HIGH = 1 };
Color next(Color color) { return color == RED ? GREEN : BLUE; }
Small opposite(Small value) { return value == Small::LOW ? Small::HIGH : Small::LOW; }

// classes
int alive = 0;
int living() { return alive; }
class Counter {
 public:
  Counter() : value(0) { alive++; }
  explicit Counter(int start) : value(start) { alive++; }
  Counter(int start, std::string name) : value(start), name(std::move(name)) { alive++; }
  Counter(const Counter& other) : value(other.value), name(other.name) { alive++; }
  ~Counter() { alive--; }
  int step() { return ++value; }
  int step_by(int by) { return value += by; }
  int get() const { return value; }
  void set(int to) { value = to; }
  Counter copy() const { return *this; }
  Counter* self() { return this; }
  static int made(int a) { return a * 2; }
  static int shared;
  int value;
  std::string name;
};
int Counter::shared = 5;
int free_step(Counter& counter, int by) { return counter.step_by(by) * 10; }
int read_counter(const Counter* counter) { return counter ? counter->value : -1; }

// inheritance, down to what an object is
struct Shape { virtual ~Shape() { alive--; } Shape() { alive++; } virtual std::string kind() const { return "shape"; } int sides = 0; };
struct Square : Shape { Square() { sides = 4; } std::string kind() const override { return "square"; } double area() const { return 16; } };
struct Extra { int pad = 9; virtual ~Extra() {} };
struct Odd : Extra, Shape { std::string kind() const override { return "odd"; } int odd() const { return pad; } };
Shape* make_shape(int which) { return which == 0 ? new Shape : which == 1 ? static_cast<Shape*>(new Square) : new Odd; }
std::string kind_of(const Shape& shape) { return shape.kind(); }

// a class that Python derives from
struct Listener {
  virtual ~Listener() { alive--; }
  Listener() { alive++; }
  virtual int heard(const std::string& what) = 0;
  virtual std::string greet() { return "hello from C++"; }
};
struct ListenerWrapper : wrapper<Listener> {
  EMSCRIPTEN_WRAPPER(ListenerWrapper);
  int heard(const std::string& what) override { return call<int>("heard", what); }
  std::string greet() override { return call<std::string>("greet"); }
};
int tell(Listener& listener, const std::string& what) { return listener.heard(what) + 1; }
std::string ask(Listener& listener) { return listener.greet(); }

// smart pointers
std::shared_ptr<Counter> share(int start) { return std::make_shared<Counter>(start); }
long uses(std::shared_ptr<Counter> counter) { return counter ? counter.use_count() : 0; }
std::shared_ptr<Counter> kept;
void keep(std::shared_ptr<Counter> counter) { kept = std::move(counter); }
std::shared_ptr<Counter> nothing() { return nullptr; }
std::unique_ptr<Shape> unique() { return std::make_unique<Square>(); }

// containers
std::vector<int> range(int count) { std::vector<int> all; for (int i = 0; i < count; i++) all.push_back(i * i); return all; }
int total(const std::vector<int>& all) { int sum = 0; for (int each : all) sum += each; return sum; }
std::map<std::string, int> table() { return {{"one", 1}, {"two", 2}}; }

// memory, without a copy
std::vector<uint8_t> bytes = {1, 2, 3, 4};
std::vector<double> doubles = {0.5, 1.5};
val view_bytes() { return val(typed_memory_view(bytes.size(), bytes.data())); }
val view_doubles() { return val(typed_memory_view(doubles.size(), doubles.data())); }
int first_byte() { return bytes[0]; }

// values of the other side
int call_back(val function, int value) { return function(value).as<int>() + 1; }
std::string call_method(val object, std::string text) { return object.call<std::string>("upper", text); }
val dictionary() { val made = val::object(); made.set("a", 1); made.set("b", std::string("two")); made.set("c", val::null()); return made; }
val list() { val made = val::array(); made.call<void>("push", 1); made.call<void>("push", std::string("two")); return made; }
int length(val list) { return list["length"].as<int>(); }
std::string kind_of_value(val value) { return value.typeOf().as<std::string>(); }
double sum(val list) { double all = 0; for (int i = 0; i < list["length"].as<int>(); i++) all += list[i].as<double>(); return all; }
val bytes_of(int count) { val made = val::global("Uint8Array").new_(count); made.set(0, 7); return made; }
val take_point(val record) { record.set("x", record["x"].as<int>() + 1); return record; }
bool is_nothing(val value) { return value.isNull() || value.isUndefined(); }
val same(val value) { return value; }
val counter_of(int start) { return val(Counter(start)); }

// exceptions
int fail(int how) {
  if (how == 1) throw std::runtime_error("it failed");
  if (how == 2) throw 7;
  return how;
}
int guarded(val function) {
  try { return function().as<int>(); } catch (const std::exception&) { return -1; }
}

EMSCRIPTEN_BINDINGS(all) {
  constant("ANSWER", 42);
  constant("NAME", std::string("bindings"));
  function("add", &add);
  function("add", &add3);
  function("invert", &invert);
  function("as_byte", &as_byte);
  function("as_small", &as_small);
  function("largest", &largest);
  function("half", &half);
  function("shout", &shout);
  function("wide", &wide);
  function("sixteen", &sixteen);
#ifdef HAS_RAW
  function("raw", &raw);
#endif
  function("binary", &binary);

  value_object<Point>("Point").field("x", &Point::x).field("y", &Point::y);
  value_object<Line>("Line").field("from", &Line::from).field("to", &Line::to).field("name", &Line::name);
  value_array<Pair>("Pair").element(&Pair::first).element(&Pair::second);
  function("between", &between);
  function("middle", &middle);
  function("swap", &swap);

  enum_<Color>("Color").value("RED", RED).value("GREEN", GREEN).value("BLUE", BLUE);
  enum_<Small>("Small").value("LOW", Small::LOW).value("HIGH", Small::HIGH);
  function("next", &next);
  function("opposite", &opposite);

  function("living", &living);
  class_<Counter>("Counter")
      .constructor<>()
      .constructor<int>()
      .constructor<int, std::string>()
      .smart_ptr<std::shared_ptr<Counter>>("std::shared_ptr<Counter>")
      .function("step", &Counter::step)
      .function("step", &Counter::step_by)
      .function("free_step", &free_step)
      .function("copy", &Counter::copy)
      .function("self", &Counter::self, allow_raw_pointers())
      .property("value", &Counter::get, &Counter::set)
      .property("fixed", &Counter::get)
      .property("name", &Counter::name)
      .class_function("made", &Counter::made)
      .class_property("shared", &Counter::shared);
  function("read_counter", &read_counter, allow_raw_pointers());

  class_<Shape>("Shape")
      .constructor<>()
      .function("kind", &Shape::kind)
      .property("sides", &Shape::sides);
  class_<Square, base<Shape>>("Square").constructor<>().function("area", &Square::area);
  class_<Extra>("Extra");
  class_<Odd, base<Shape>>("Odd").constructor<>().function("odd", &Odd::odd);
  function("make_shape", &make_shape, allow_raw_pointers());
  function("kind_of", &kind_of);

  class_<Listener>("Listener")
      .function("heard", &Listener::heard, pure_virtual())
      .function("greet", optional_override([](Listener& self) { return self.Listener::greet(); }))
      .allow_subclass<ListenerWrapper>("ListenerWrapper");
  function("tell", &tell);
  function("ask", &ask);

  function("share", &share);
  function("uses", &uses);
  function("keep", &keep);
  function("nothing", &nothing);
  function("unique", &unique);

  register_vector<int>("Ints");
  register_map<std::string, int>("Table");
  function("range", &range);
  function("total", &total);
  function("table", &table);

  function("view_bytes", &view_bytes);
  function("view_doubles", &view_doubles);
  function("first_byte", &first_byte);

  function("call_back", &call_back);
  function("call_method", &call_method);
  function("dictionary", &dictionary);
  function("list", &list);
  function("length", &length);
  function("kind_of_value", &kind_of_value);
  function("sum", &sum);
  function("bytes_of", &bytes_of);
  function("take_point", &take_point);
  function("is_nothing", &is_nothing);
  function("same", &same);
  function("counter_of", &counter_of);

  function("fail", &fail);
  function("guarded", &guarded);
}
