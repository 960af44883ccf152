// Exceptions in an encoding of WebAssembly's own: to Python, from it, through it; destructors on the way; longjmp.
#include <emscripten/bind.h>
#include <csetjmp>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

using emscripten::val;

namespace shop {
struct Closed : std::runtime_error { using std::runtime_error::runtime_error; };
}

static int destroyed;
struct Guard { ~Guard() { destroyed++; } };
static int count_destroyed() { return destroyed; }

static void raise(int kind) {
  Guard guard;
  switch (kind) {
    case 0: throw 42;
    case 1: throw std::runtime_error("runtime");
    case 2: throw shop::Closed("until tomorrow");
    case 3: throw "text";
    case 4: throw std::vector<int>{1};
    case 5: throw std::out_of_range(std::string(3000, 'x'));
  }
}

static std::string through(val callback, int value) {
  Guard outer;
  try { Guard guard; callback(value); return "returned"; }
  catch (const shop::Closed &closed) { return std::string("closed ") + closed.what(); }
  catch (const std::exception &error) { return std::string("caught ") + error.what(); }
  catch (int number) { return "caught " + std::to_string(number); }
}
static std::string anything(val callback, int value) {
  try { Guard guard; callback(value); return "returned"; }
  catch (...) { return "something"; }
}
static void past(val callback, int value) { Guard guard; callback(value); }
static void careful(val callback, int value) noexcept { callback(value); }

static std::exception_ptr kept;
static void keep(int kind) { try { raise(kind); } catch (...) { kept = std::current_exception(); } }
static void again() { std::rethrow_exception(kept); }
static int let_go() { kept = nullptr; return std::uncaught_exceptions(); }

static void leave(int code) { Guard guard; exit(code); }
static void stop() { Guard guard; abort(); }
extern "C" int not_supported(void);
static int unsupported() noexcept { Guard guard; return not_supported(); }

static jmp_buf place;
__attribute__((noinline)) static void jump_back(int depth, int value) { if (depth) jump_back(depth - 1, value); longjmp(place, value); }
static int jump(int times) {
  volatile int sum = 0;
  for (volatile int at = 1; at <= times; at++) {
    int value = setjmp(place);
    if (!value) jump_back(3, at);
    sum += value;
  }
  return sum;
}
static int churn(int times) {
  int caught = 0;
  for (int at = 0; at < times; at++) try { raise(1 + at % 2); } catch (std::exception &) { caught++; }
  return caught;
}

struct Account {
  int rest = 100;
  void take(int sum) { if (sum > rest) throw std::range_error("only " + std::to_string(rest)); rest -= sum; }
};

EMSCRIPTEN_BINDINGS(encoded) {
  emscripten::function("count_destroyed", &count_destroyed);
  emscripten::function("raise", &raise);
  emscripten::function("through", &through);
  emscripten::function("anything", &anything);
  emscripten::function("past", &past);
  emscripten::function("careful", &careful);
  emscripten::function("keep", &keep);
  emscripten::function("again", &again);
  emscripten::function("let_go", &let_go);
  emscripten::function("leave", &leave);
  emscripten::function("stop", &stop);
  emscripten::function("unsupported", &unsupported);
  emscripten::function("jump", &jump);
  emscripten::function("churn", &churn);
  emscripten::class_<Account>("Account").constructor<>().function("take", &Account::take).property("rest", &Account::rest);
}

extern "C" {
void __attribute__((used)) throw_out(int kind) { raise(kind); }
}
