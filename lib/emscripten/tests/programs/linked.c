// A program that is linked with a side module, which is loaded before it starts.
#include <stdio.h>
#include <stdlib.h>

int shared = 1;
int numbers[3] = {1, 2, 3};
int twice(int);
int get_own(void);
extern int own;
extern int* pointer_to_own;
int (*its_twice(void))(int);
static int (*const known)(int) = twice;

int host_add(int a, int b) { return a + b; }
void jump_back(int value) { exit(value); }

int main(void) {
  printf("twice: %d, shared: %d\n", twice(21), shared);
  own = 30;
  printf("own: %d, the same: %d\n", get_own(), pointer_to_own == &own);
  printf("the same functions: %d %d\n", its_twice() == twice, known == twice);
  char* text = malloc(100);
  printf("its memory is not the heap's: %d\n", text > (char*)pointer_to_own);
  return 0;
}
