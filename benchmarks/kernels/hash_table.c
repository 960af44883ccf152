/* A hash table with open addressing: FNV-1a over short keys, probing, updates, removals. */
#include "kernel.h"

enum { SLOTS = 1 << 13, KEYS = 5000, KEY_BYTES = 12 };

typedef struct { u8 key[KEY_BYTES]; u32 count; u32 state; } slot; /* state: 0 free, 1 taken, 2 removed */

static slot slots[SLOTS];

static void make_key(u8 *key, u32 number) {
    for (i32 i = 0; i < KEY_BYTES; i++) {
        key[i] = (u8)('a' + number % 26);
        number = number / 26 + (i == 5 ? 77 : 0);
    }
}

static NOINLINE u32 hash(const u8 *key) {
    u32 value = 2166136261u;
    for (i32 i = 0; i < KEY_BYTES; i++) value = (value ^ key[i]) * 16777619u;
    return value;
}

static i32 equal(const u8 *a, const u8 *b) {
    for (i32 i = 0; i < KEY_BYTES; i++) {
        if (a[i] != b[i]) return 0;
    }
    return 1;
}

/* The slot of `key`; with `insert`, a new one where there is none. */
static NOINLINE slot *find(const u8 *key, i32 insert) {
    slot *grave = 0;
    for (u32 at = hash(key) & (SLOTS - 1);; at = (at + 1) & (SLOTS - 1)) {
        slot *here = &slots[at];
        if (here->state == 1) {
            if (equal(here->key, key)) return here;
        } else if (here->state == 2) {
            if (!grave) grave = here;
        } else {
            if (!insert) return 0;
            if (grave) here = grave;
            for (i32 i = 0; i < KEY_BYTES; i++) here->key[i] = key[i];
            here->count = 0;
            here->state = 1;
            return here;
        }
    }
}

EXPORT i64 run(i64 n) {
    u64 checksum = 0;
    u8 key[KEY_BYTES];
    for (i64 i = 0; i < n; i++) {
        for (i32 k = 0; k < SLOTS; k++) slots[k].state = 0;
        u32 random = 362436069u + (u32)i;
        for (i32 k = 0; k < KEYS; k++) {
            make_key(key, next_random(&random) % 4000);
            find(key, 1)->count += k;
        }
        for (u32 k = 0; k < 4000; k += 3) {
            make_key(key, k);
            slot *here = find(key, 0);
            if (here) here->state = 2;
        }
        for (u32 k = 0; k < 4000; k++) {
            make_key(key, k);
            slot *here = find(key, 0);
            if (here) checksum = mix(checksum, here->count);
        }
    }
    return checksum;
}
