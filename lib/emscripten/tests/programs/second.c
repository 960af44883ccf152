// A side module that needs another one.
int twice(int);
extern int used_by_second;

int four_times(int value) { return twice(twice(value)) + used_by_second - 3; }
