// Functions that Python calls: texts, 64 bits, pointers to functions, JavaScript.
#include <assert.h>
#include <emscripten.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

EM_JS(int, add_in_javascript, (int a, int b), { return a + b; });

EMSCRIPTEN_KEEPALIVE int length(const char *text) { return strlen(text); }

EMSCRIPTEN_KEEPALIVE const char *greet(const char *name, int times) {
  static char text[256];
  snprintf(text, sizeof text, "hello %s, %d times", name, times);
  return text;
}

EMSCRIPTEN_KEEPALIVE double half(double value) { return value / 2; }
EMSCRIPTEN_KEEPALIVE long long wide(long long value) { return value * 3; }
EMSCRIPTEN_KEEPALIVE int call(int (*function)(int), int value) { return function(value); }
EMSCRIPTEN_KEEPALIVE int both(int a, int b) { return add_in_javascript(a, b); }
EMSCRIPTEN_KEEPALIVE int asm_int(int a, int b) { return EM_ASM_INT({ return $0 * $1; }, a, b); }
EMSCRIPTEN_KEEPALIVE double asm_double(double a, int b) { return EM_ASM_DOUBLE({ return $0 - $1; }, a, b); }
EMSCRIPTEN_KEEPALIVE void asm_void(void) { EM_ASM({ out("from javascript"); }); }
EMSCRIPTEN_KEEPALIVE void stop(void) { abort(); }
EMSCRIPTEN_KEEPALIVE void check(int value) { assert(value == 1); }
EMSCRIPTEN_KEEPALIVE void leave(int code) { exit(code); }
EMSCRIPTEN_KEEPALIVE void rest(int milliseconds) { emscripten_sleep(milliseconds); }
EMSCRIPTEN_KEEPALIVE void start_another(void) { system("ls"); }

static int formatted(char *text, size_t size, const char *format, ...) {
  va_list rest;
  va_start(rest, format);
  int count = vsnprintf(text, size, format, rest);
  va_end(rest);
  return count;
}

EMSCRIPTEN_KEEPALIVE const char *several(int a, long long b, double c) {
  static char text[128];
  formatted(text, sizeof text, "%d %lld %.3f %s", a, b, c, "end");
  return text;
}

static int ascending(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

EMSCRIPTEN_KEEPALIVE void sort(int *numbers, int count) { qsort(numbers, count, sizeof *numbers, ascending); }
