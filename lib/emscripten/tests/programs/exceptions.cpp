// C++ exceptions: by type and base, nested, thrown again, through callbacks, kept, not caught.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <stdexcept>

struct Base { virtual ~Base() {} virtual const char *name() const { return "base"; } };
struct Other { int padding = 1; virtual ~Other() {} virtual const char *other() const { return "other"; } };
struct Derived : Other, Base { const char *name() const override { return "derived"; } };

struct Guard {
  const char *name;
  ~Guard() { printf("leaving %s%s\n", name, std::uncaught_exceptions() ? " by an exception" : ""); }
};

__attribute__((noinline)) static void raise(int kind) {
  Guard guard{"raise"};
  switch (kind) {
    case 0: throw 42;
    case 1: throw std::runtime_error("runtime");
    case 2: throw Derived();
    case 3: throw "text";
    case 4: throw std::out_of_range("range");
    case 5: throw 2.5;
  }
}

static void handle(int kind) {
  try { raise(kind); printf("nothing\n"); }
  catch (int value) { printf("int %d\n", value); }
  catch (const std::logic_error &error) { printf("logic_error %s\n", error.what()); }
  catch (const std::exception &error) { printf("exception %s\n", error.what()); }
  catch (Base &base) { printf("Base %s\n", base.name()); }
  catch (const char *text) { printf("text %s\n", text); }
  catch (...) { printf("something\n"); }
}

static int compare(const void *a, const void *b) {
  if (*(int *)a == 1) throw std::runtime_error("in a callback");
  return *(int *)a - *(int *)b;
}

static void nested() {
  try {
    Guard guard{"nested"};
    try { raise(1); }
    catch (std::exception &error) {
      printf("again %s\n", error.what());
      try { raise(0); }
      catch (int) { printf("within\n"); }
      throw;
    }
  } catch (std::runtime_error &error) { printf("outside %s\n", error.what()); }
}

static std::exception_ptr kept;

extern "C" {
void __attribute__((used)) throw_out(int kind) { raise(kind); }
int __attribute__((used)) uncaught() { return std::uncaught_exceptions(); }
int __attribute__((used)) churn(int times) {
  int caught = 0;
  for (int at = 0; at < times; at++) {
    try { throw std::runtime_error("churn"); } catch (std::exception &) { caught++; }
  }
  return caught;
}
}

int main() {
  for (int kind = 0; kind < 7; kind++) handle(kind);
  nested();
  int numbers[] = {3, 2, 1, 0};
  try { qsort(numbers, 4, sizeof *numbers, compare); }
  catch (std::exception &error) { printf("%s\n", error.what()); }
  try { raise(4); } catch (...) { kept = std::current_exception(); }
  try { std::rethrow_exception(kept); } catch (std::out_of_range &error) { printf("kept %s\n", error.what()); }
  kept = nullptr;
  printf("churn %d\n", churn(50));
  printf("uncaught %d\n", uncaught());
  return 0;
}
