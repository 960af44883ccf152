// A side module that uses what the program has.
#include <stdio.h>

extern int shared;
extern int numbers[3];
int host_add(int, int);
void jump_back(int);

int own = 7;
int* pointer_to_own = &own;
static int constructed;
static int* const third = &numbers[2];

__attribute__((constructor)) static void construct(void) { constructed = 1; }

int twice(int value) {
  shared++;
  return host_add(value, value);
}

int get_own(void) { return own + constructed; }
int seen(int at) { return at == 2 ? *third : numbers[at]; }
int (*its_twice(void))(int) { return twice; }
int (*its_host_add(void))(int, int) { return host_add; }
int apply(int (*function)(int, int), int a, int b) { return function(a, b); }
long long wide(long long a, double b) { return a + (long long)(b * 4); }
void jump(int value) { jump_back(value); }
