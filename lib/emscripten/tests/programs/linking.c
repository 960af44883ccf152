// A program that opens side modules: calls, data and pointers to functions, in both directions.
#include <dlfcn.h>
#include <setjmp.h>
#include <stdio.h>

int shared = 5;
int numbers[3] = {10, 20, 30};
int used_by_second = 3;
static jmp_buf back;

int host_add(int a, int b) { return a + b; }
void jump_back(int value) { longjmp(back, value); }

static void failed(const char* what) {
  const char* text = dlerror();
  printf("%s: %s\n", what, text ? text : "(no text)");
}

int main(void) {
  void* first = dlopen("libfirst.so", RTLD_NOW);
  if (!first) {
    failed("libfirst.so");
    return 1;
  }
  printf("opened again: %d\n", dlopen("libfirst.so", RTLD_NOW) == first);

  int (*twice)(int) = dlsym(first, "twice");
  printf("twice: %d, shared: %d\n", twice(4), shared);
  int (*seen)(int) = dlsym(first, "seen");
  printf("numbers: %d %d\n", seen(0), seen(2));

  int* own = dlsym(first, "own");
  int (*get_own)(void) = dlsym(first, "get_own");
  printf("own: %d", *own);
  *own = 70;
  printf(", then %d\n", get_own());
  int** pointer = dlsym(first, "pointer_to_own");
  printf("the same data: %d\n", *pointer == own);

  int (*(*its_twice)(void))(int) = dlsym(first, "its_twice");
  int (*(*its_host_add)(void))(int, int) = dlsym(first, "its_host_add");
  printf("the same functions: %d %d\n", its_twice() == twice, its_host_add() == host_add);
  int (*apply)(int (*)(int, int), int, int) = dlsym(first, "apply");
  printf("called back: %d\n", apply(host_add, 20, 22));
  long long (*wide)(long long, double) = dlsym(first, "wide");
  printf("wide: %lld\n", wide(1LL << 40, 0.5));

  void (*jump)(int) = dlsym(first, "jump");
  int value = setjmp(back);
  if (!value) jump(42);
  printf("jumped: %d\n", value);

  if (!dlsym(first, "not_there")) failed("a symbol that is not there");
  if (dlsym(first, "used_by_second")) printf("found what the program has\n");
  else failed("a symbol of the program");
  if (!dlsym(RTLD_DEFAULT, "twice")) printf("a local library is not seen by all\n");
  if (!dlopen("libmissing.so", RTLD_NOW)) failed("a library that is not there");
  if (!dlopen("libfirst.so", 0) && !dlopen("libother.so", 0)) failed("no mode");

  void* second = dlopen("libsecond.so", RTLD_NOW | RTLD_GLOBAL);
  if (!second) {
    failed("libsecond.so");
    return 1;
  }
  int (*four_times)(int) = dlsym(second, "four_times");
  printf("four times: %d\n", four_times(2));
  printf("a global library is seen by all: %d\n", dlsym(RTLD_DEFAULT, "four_times") == (void*)four_times);
  printf("close: %d %d\n", dlclose(second), dlclose(first));
  return 0;
}
