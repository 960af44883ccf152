/* compute [N] : places queens on an N x N board (default 11), then draws the Mandelbrot set and sums it up. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t queens(uint32_t all, uint32_t columns, uint32_t left, uint32_t right) {
    if (columns == all) return 1;
    uint64_t solutions = 0;
    for (uint32_t free = all & ~(columns | left | right); free; free &= free - 1) {
        uint32_t place = free & -free;
        solutions += queens(all, columns | place, (left | place) << 1, (right | place) >> 1);
    }
    return solutions;
}

static int escape(double x, double y, int limit) {
    double a = x, b = y;
    for (int step = 0; step < limit; step++) {
        double aa = a * a, bb = b * b;
        if (aa + bb > 4) return step;
        b = 2 * a * b + y;
        a = aa - bb + x;
    }
    return limit;
}

static void draw(int columns, int rows) {
    static const char shades[] = " .:-=+*#%@";
    for (int row = 0; row < rows; row++) {
        for (int column = 0; column < columns; column++) {
            int steps = escape(-2.2 + 3.0 * column / columns, -1.2 + 2.4 * row / rows, 200);
            putchar(shades[steps == 200 ? 9 : steps % 9]);
        }
        putchar('\n');
    }
}

int main(int argc, char **argv) {
    int n = argc > 1 ? atoi(argv[1]) : 11;
    if (n < 1 || n > 20) {
        fprintf(stderr, "usage: compute [N], N from 1 to 20\n");
        return 2;
    }
    printf("%d queens: %llu solutions\n", n, (unsigned long long)queens((1u << n) - 1, 0, 0, 0));
    draw(64, 20);
    uint64_t sum = 0;
    for (int y = 0; y < 400; y++)
        for (int x = 0; x < 600; x++) sum = sum * 31 + (uint64_t)escape(-2.2 + 0.005 * x, -1.2 + 0.006 * y, 500);
    printf("Mandelbrot set, 600 x 400, 500 steps: checksum %016llx\n", (unsigned long long)sum);
    return 0;
}
