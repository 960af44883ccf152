// setjmp and longjmp: nested, through callbacks, many; exit and what was registered for it.
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

static jmp_buf outer, inner;

static void thrower(int depth) {
  if (depth) thrower(depth - 1);
  else longjmp(outer, 7);
}

static int compare(const void *a, const void *b) {
  if (*(int *)a == 3 && *(int *)b == 4) longjmp(inner, 5);
  return *(int *)a - *(int *)b;
}

static void last(void) { printf("last\n"); }
static void first(void) { printf("first\n"); }

__attribute__((noinline)) static void leave(void) { exit(9); }

int jump(int times) {
  volatile int count = 0;
  jmp_buf here;
  for (int at = 0; at < times; at++) {
    if (!setjmp(here)) longjmp(here, 1);
    count++;
  }
  return count;
}

int main(int argc, char **argv) {
  atexit(last);
  atexit(first);
  int value = setjmp(outer);
  printf("outer %d\n", value);
  if (!value) thrower(5);
  value = setjmp(inner);
  printf("inner %d\n", value);
  if (!value) {
    int numbers[] = {4, 3, 2, 1};
    qsort(numbers, 4, sizeof *numbers, compare);
    printf("sorted\n");
  }
  printf("many %d\n", jump(100));
  volatile int round = 0;
  if (setjmp(outer) == 0 || round < 3) {
    round++;
    printf("round %d\n", round);
    if (setjmp(inner) == 0) longjmp(inner, 0);
    else if (round < 3) longjmp(outer, round);
  }
  if (argc > 1) leave();
  return 4;
}
