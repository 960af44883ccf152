/* A tokeniser for a small C-like language: byte classes, keywords, numbers, a switch per byte. */
#include "kernel.h"

enum { SIZE = 1 << 14 };

static u8 text[SIZE + 1];

static const char sample[] =
    "while (index_1 < 1024) { total += values[index_1] * 0x1f; /* add */ index_1++; }\n"
    "if (total == 65535 && !done) return \"a \\\"string\\\" here\"; else total >>= 3;\n"
    "for (int k = 0; k != limit; k = k + 12) { call(k, total, 3.25); } // to the end\n";

static const char *const keywords[] = {"while", "if", "else", "return", "for", "int"};

static i32 is_letter(u8 c) { return (c | 32) - 'a' < 26u || c == '_'; }
static i32 is_digit(u8 c) { return c - '0' < 10u; }

static NOINLINE i32 keyword(const u8 *start, i32 length) {
    for (i32 k = 0; k < (i32)(sizeof keywords / sizeof *keywords); k++) {
        i32 i = 0;
        while (i < length && keywords[k][i] == start[i]) i++;
        if (i == length && !keywords[k][i]) return k;
    }
    return -1;
}

static NOINLINE u64 tokenise(const u8 *at, u64 checksum) {
    for (;;) {
        u8 c = *at;
        switch (c) {
        case 0: return checksum;
        case ' ': case '\n': case '\t': at++; break;
        case '"':
            for (at++; *at && *at != '"'; at++) {
                if (*at == '\\' && at[1]) at++;
                checksum = mix(checksum, *at);
            }
            if (*at) at++;
            break;
        case '/':
            if (at[1] == '*') {
                for (at += 2; *at && !(at[0] == '*' && at[1] == '/'); at++) {}
                if (*at) at += 2;
                break;
            }
            if (at[1] == '/') {
                while (*at && *at != '\n') at++;
                break;
            }
            checksum = mix(checksum, c);
            at++;
            break;
        case '<': case '>': case '=': case '!': case '&': case '|': case '+': case '-':
            checksum = mix(checksum, c);
            at++;
            if (*at == '=' || *at == c) checksum = mix(checksum, *at++);
            break;
        default:
            if (is_letter(c)) {
                const u8 *start = at;
                u32 name = 0;
                while (is_letter(*at) || is_digit(*at)) name = name * 31 + *at++;
                i32 word = keyword(start, (i32)(at - start));
                checksum = mix(checksum, word >= 0 ? (u32)word : name);
            } else if (is_digit(c)) {
                u32 number = 0;
                if (c == '0' && (at[1] | 32) == 'x') {
                    for (at += 2; is_digit(*at) || (*at | 32) - 'a' < 6u; at++) {
                        number = number * 16 + (is_digit(*at) ? *at - '0' : (*at | 32) - 'a' + 10);
                    }
                } else {
                    for (; is_digit(*at) || *at == '.'; at++) number = number * 10 + (*at == '.' ? 7 : *at - '0');
                }
                checksum = mix(checksum, number);
            } else {
                checksum = mix(checksum, c);
                at++;
            }
        }
    }
}

EXPORT i64 run(i64 n) {
    for (i32 i = 0, k = 0; i < SIZE; i++, k++) {
        if (!sample[k]) k = 0;
        text[i] = sample[k];
    }
    text[SIZE] = 0;
    u64 checksum = 0;
    for (i64 i = 0; i < n; i++) checksum = tokenise(text + (i & 63), checksum);
    return checksum;
}
