/* words [N] : reads text from standard input; counts lines, words, letters, and shows the N commonest words. */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct word {
    struct word *next;
    unsigned long count;
    char text[];
};

enum { BUCKETS = 1 << 14 };
static struct word *table[BUCKETS];
static size_t distinct;

static void count(const char *text, size_t length) {
    unsigned hash = 2166136261u;
    for (size_t i = 0; i < length; i++) hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    struct word **slot = &table[hash % BUCKETS];
    for (; *slot; slot = &(*slot)->next)
        if (strcmp((*slot)->text, text) == 0) {
            (*slot)->count++;
            return;
        }
    struct word *fresh = malloc(sizeof *fresh + length + 1);
    if (!fresh) {
        fprintf(stderr, "words: out of memory\n");
        exit(3);
    }
    fresh->next = NULL;
    fresh->count = 1;
    memcpy(fresh->text, text, length + 1);
    *slot = fresh;
    distinct++;
}

static int commoner(const void *left, const void *right) {
    const struct word *a = *(struct word *const *)left, *b = *(struct word *const *)right;
    if (a->count != b->count) return a->count < b->count ? 1 : -1;
    return strcmp(a->text, b->text);
}

int main(int argc, char **argv) {
    size_t wanted = argc > 1 ? (size_t)atoi(argv[1]) : 10;
    unsigned long lines = 0, words = 0, letters = 0, longest = 0, width = 0;
    char word[128];
    size_t length = 0;
    int c;
    do {
        c = getchar();
        if (c != EOF && isalpha(c)) {
            letters++;
            if (length < sizeof word - 1) word[length++] = (char)tolower(c);
        } else if (length) {
            word[length] = 0;
            words++;
            count(word, length);
            length = 0;
        }
        width++;
        if (c == '\n') {
            lines++;
            if (width - 1 > longest) longest = width - 1;
            width = 0;
        }
    } while (c != EOF);

    printf("%lu lines (longest %lu), %lu words, %zu of them distinct, %lu letters\n", lines, longest, words, distinct, letters);
    struct word **sorted = malloc(sizeof *sorted * (distinct + 1));
    size_t found = 0;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct word *each = table[i]; each; each = each->next) sorted[found++] = each;
    qsort(sorted, found, sizeof *sorted, commoner);
    for (size_t i = 0; i < found && i < wanted; i++) printf("%8lu  %s\n", sorted[i]->count, sorted[i]->text);
    return 0;
}
