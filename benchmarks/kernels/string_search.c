/* Finding words in text: the plain way, by Horspool's shifts, and by a pattern with wildcards. */
#include "kernel.h"

enum { SIZE = 1 << 14 };

static u8 text[SIZE + 1];
static const char *const words[] = {"abba", "caddac", "ebbe", "dabcabe", "bcdebcd", "aaaa"};
static const char *const patterns[] = {"a*b?c*d", "?e*ab*e", "*bad*", "c?d*a?"};

static i32 length_of(const char *string) {
    i32 length = 0;
    while (string[length]) length++;
    return length;
}

static NOINLINE u32 count_plain(const char *word) {
    u32 found = 0;
    for (const u8 *at = text; *at; at++) {
        i32 i = 0;
        while (word[i] && at[i] == (u8)word[i]) i++;
        found += !word[i];
    }
    return found;
}

static NOINLINE u32 count_by_shifts(const char *word) {
    u8 shifts[256];
    i32 length = length_of(word);
    for (i32 i = 0; i < 256; i++) shifts[i] = (u8)length;
    for (i32 i = 0; i < length - 1; i++) shifts[(u8)word[i]] = (u8)(length - 1 - i);
    u32 found = 0;
    for (i32 at = 0; at <= SIZE - length; at += shifts[text[at + length - 1]]) {
        i32 i = length - 1;
        while (i >= 0 && text[at + i] == (u8)word[i]) i--;
        found += i < 0;
    }
    return found;
}

/* `*` any bytes, `?` one; the text ends at `end`. Iterative, with one point to return to. */
static NOINLINE i32 matches(const u8 *at, const u8 *end, const char *pattern) {
    const char *star = 0;
    const u8 *resume = 0;
    while (at < end) {
        if (*pattern == '*') {
            star = pattern++;
            resume = at;
        } else if (*pattern == '?' || (u8)*pattern == *at) {
            pattern++;
            at++;
        } else if (star) {
            pattern = star + 1;
            at = ++resume;
        } else {
            return 0;
        }
    }
    while (*pattern == '*') pattern++;
    return !*pattern;
}

EXPORT i64 run(i64 n) {
    u32 random = 2654435769u;
    for (i32 i = 0; i < SIZE; i++) text[i] = (u8)('a' + next_random(&random) % 5);
    text[SIZE] = 0;
    u64 checksum = 0;
    for (i64 i = 0; i < n; i++) {
        text[next_random(&random) & (SIZE - 1)] = 'a';
        for (u32 k = 0; k < sizeof words / sizeof *words; k++) {
            checksum = mix(checksum, count_plain(words[k]));
            checksum = mix(checksum, count_by_shifts(words[k]));
        }
        for (u32 k = 0; k < sizeof patterns / sizeof *patterns; k++) {
            u32 found = 0;
            for (i32 at = 0; at + 24 <= SIZE; at += 24) found += matches(text + at, text + at + 24, patterns[k]);
            checksum = mix(checksum, found);
        }
    }
    return checksum;
}
